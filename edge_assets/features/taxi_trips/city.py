"""The city in which the trips are: all that differs between the features of one and another."""

import math
from dataclasses import dataclass

MILES_PER_DEGREE = 3958.7613 * math.pi / 180
"""Of latitude, on a sphere with the mean radius of the Earth (6371.0088 km, IUGG)."""


@dataclass(frozen=True)
class City:
    """Where a city lies, and in which unit its meters count.

    `zone` is the name of its clock (IANA). `longitude` and `latitude` are the bounds of its box, in
    degrees. `units_per_degree` turns degrees of latitude into the unit of the column `distance`.
    Raises ValueError when the box is none, or `middle_latitude` is not in it.
    """

    name: str
    zone: str
    middle_latitude: float
    longitude: tuple[float, float]
    latitude: tuple[float, float]
    units_per_degree: float = MILES_PER_DEGREE

    def __post_init__(self) -> None:
        for low, high, end in ((*self.longitude, 180), (*self.latitude, 90)):
            if not -end <= low < high <= end:
                raise ValueError(f"{self.name}: {low} to {high} degrees bound no city")
        if not self.latitude[0] < self.middle_latitude < self.latitude[1]:
            raise ValueError(f"{self.name}: its middle is not within its bounds")
        if not self.units_per_degree > 0:
            raise ValueError(f"{self.name}: a degree has to have a length")

    @property
    def cosine(self) -> float:
        """Of the middle latitude."""
        return math.cos(math.radians(self.middle_latitude))

    @property
    def cosine_slope(self) -> float:
        """How the cosine changes with each degree of latitude.

        cos(latitude) is taken as cosine + cosine_slope * (latitude - middle_latitude): in a box of
        0.4 degrees it is wrong by less than 1e-5, and a distance by less than 1e-4 of itself.
        """
        return -math.sin(math.radians(self.middle_latitude)) * math.pi / 180

    @property
    def on_the_zero_meridian(self) -> bool:
        """Whether a longitude of exactly 0 is a place in the city."""
        return self.longitude[0] <= 0.0 <= self.longitude[1]
