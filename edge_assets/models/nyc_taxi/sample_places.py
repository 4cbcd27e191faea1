"""Where synthetic trips begin and end, and how far they drive."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# longitude, latitude, weight: where green taxis may pick up (not in lower Manhattan)
PLACES = np.array(
    [
        (-73.957, 40.714, 14),  # Williamsburg
        (-73.985, 40.691, 10),  # Downtown Brooklyn
        (-73.979, 40.672, 8),  # Park Slope
        (-73.950, 40.680, 5),  # Bedford-Stuyvesant
        (-73.945, 40.747, 6),  # Long Island City
        (-73.921, 40.765, 11),  # Astoria
        (-73.887, 40.749, 9),  # Jackson Heights
        (-73.845, 40.720, 6),  # Forest Hills
        (-73.802, 40.704, 4),  # Jamaica
        (-73.946, 40.810, 13),  # Harlem
        (-73.940, 40.796, 8),  # East Harlem
        (-73.938, 40.845, 3),  # Washington Heights
        (-73.920, 40.818, 3),  # South Bronx
    ]
)
JFK, MIDTOWN = (-73.781, 40.645), (-73.982, 40.755)
WEST, EAST, SOUTH, NORTH = -74.085, -73.725, 40.535, 40.875
MILES_NORTH, MILES_EAST = 69.09, 52.38  # of one degree, at latitude 40.7
TRIES = 12


class Trips(NamedTuple):
    """Positions in degrees, driven miles, and whether the trip has the flat fare from JFK."""

    pickup_longitude: Floats
    pickup_latitude: Floats
    dropoff_longitude: Floats
    dropoff_latitude: Floats
    miles: Floats
    from_jfk: NDArray[np.bool_]


def drive(rng: np.random.Generator, rows: int, stretch: Floats) -> Trips:
    """`rows` trips; `stretch` multiplies how far each wants to go before the city ends."""
    weight = PLACES[:, 2] / PLACES[:, 2].sum()
    place = PLACES[rng.choice(len(PLACES), rows, p=weight)]
    start_lon = place[:, 0] + rng.normal(0, 0.009, rows)
    start_lat = place[:, 1] + rng.normal(0, 0.007, rows)
    wanted = np.clip(rng.lognormal(np.log(1.45), 0.7, rows), 0.15, 9.0) * stretch
    end_lon, end_lat = _ends(rng, start_lon, start_lat, wanted)

    from_jfk = rng.random(rows) < 0.012
    for start, end, spot, target in (
        (start_lon, end_lon, JFK[0], MIDTOWN[0]),
        (start_lat, end_lat, JFK[1], MIDTOWN[1]),
    ):
        start[from_jfk] = spot + rng.normal(0, 0.003, from_jfk.sum())
        end[from_jfk] = target + rng.normal(0, 0.012, from_jfk.sum())

    east = (end_lon - start_lon) * MILES_EAST
    north = (end_lat - start_lat) * MILES_NORTH
    # streets are a grid, turned by 29 degrees against north in Manhattan: 1 to 1.41 and some more
    miles = np.hypot(east, north) * np.clip(rng.normal(1.3, 0.12, rows), 1.02, 2.0)
    return Trips(start_lon, start_lat, end_lon, end_lat, np.maximum(miles, 0.1), from_jfk)


def _ends(
    rng: np.random.Generator, lon: Floats, lat: Floats, miles: Floats
) -> tuple[Floats, Floats]:
    """Ends in a random direction that stays in the city; else as far as the city goes."""
    end_lon, end_lat = np.empty_like(lon), np.empty_like(lat)
    open_ = np.ones(len(lon), dtype=bool)
    for _ in range(TRIES):
        angle = rng.uniform(0, 2 * np.pi, len(lon))
        end_lon[open_] = (lon + np.cos(angle) * miles / MILES_EAST)[open_]
        end_lat[open_] = (lat + np.sin(angle) * miles / MILES_NORTH)[open_]
        inside = (end_lon > WEST) & (end_lon < EAST) & (end_lat > SOUTH) & (end_lat < NORTH)
        open_ &= ~inside
    return np.clip(end_lon, WEST, EAST), np.clip(end_lat, SOUTH, NORTH)
