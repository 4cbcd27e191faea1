"""Where synthetic trips through London begin and end, and how far they drive."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# longitude, latitude, weight: where taxis are hailed
PLACES = np.array(
    [
        (-0.134, 51.510, 16),  # Soho and Piccadilly
        (-0.090, 51.514, 14),  # City
        (-0.144, 51.495, 10),  # Victoria
        (-0.124, 51.531, 10),  # King's Cross
        (-0.176, 51.516, 8),  # Paddington
        (-0.113, 51.503, 8),  # Waterloo
        (-0.174, 51.494, 8),  # South Kensington
        (-0.087, 51.504, 6),  # London Bridge
        (-0.079, 51.526, 6),  # Shoreditch
        (-0.020, 51.504, 6),  # Canary Wharf
        (-0.143, 51.539, 4),  # Camden
        (-0.223, 51.493, 3),  # Hammersmith
        (-0.138, 51.462, 3),  # Clapham
        (-0.004, 51.542, 2),  # Stratford
        (0.001, 51.478, 2),  # Greenwich, on the zero meridian
    ]
)
HEATHROW, WEST_END = (-0.454, 51.470), (-0.140, 51.511)
WEST, EAST, SOUTH, NORTH = -0.505, 0.325, 51.285, 51.685
MILES_NORTH, MILES_EAST = 69.09, 43.02  # of one degree, at latitude 51.485
TRIES = 12


class Trips(NamedTuple):
    """Positions in degrees, driven miles, and whether the trip began at Heathrow."""

    pickup_lon: Floats
    pickup_lat: Floats
    dropoff_lon: Floats
    dropoff_lat: Floats
    miles: Floats
    from_heathrow: NDArray[np.bool_]


def drive(rng: np.random.Generator, rows: int, stretch: Floats) -> Trips:
    """`rows` trips; `stretch` multiplies how far each wants to go before the city ends."""
    place = PLACES[rng.choice(len(PLACES), rows, p=PLACES[:, 2] / PLACES[:, 2].sum())]
    start_lon = place[:, 0] + rng.normal(0, 0.011, rows)
    start_lat = place[:, 1] + rng.normal(0, 0.007, rows)
    wanted = np.clip(rng.lognormal(np.log(1.35), 0.65, rows), 0.2, 8.0) * stretch
    end_lon, end_lat = _ends(rng, start_lon, start_lat, wanted)

    from_heathrow = rng.random(rows) < 0.01
    for start, end, spot, target in (
        (start_lon, end_lon, HEATHROW[0], WEST_END[0]),
        (start_lat, end_lat, HEATHROW[1], WEST_END[1]),
    ):
        start[from_heathrow] = spot + rng.normal(0, 0.004, from_heathrow.sum())
        end[from_heathrow] = target + rng.normal(0, 0.015, from_heathrow.sum())

    east, north = (end_lon - start_lon) * MILES_EAST, (end_lat - start_lat) * MILES_NORTH
    # no grid: streets wind, and the river has few bridges
    detour = np.clip(rng.normal(1.36, 0.14, rows), 1.05, 2.2)
    crosses = (start_lat - 51.505) * (end_lat - 51.505) < 0
    miles = np.hypot(east, north) * detour + np.where(crosses, 0.25, 0.0)
    return Trips(start_lon, start_lat, end_lon, end_lat, np.maximum(miles, 0.15), from_heathrow)


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
