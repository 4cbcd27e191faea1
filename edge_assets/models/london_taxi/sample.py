"""Made-up taxi trips through London, for trying the product without any data of your own.

Every row is **synthetic**: drawn at random, no record of a real trip, of an operator that does not
exist. The meter keeps the public rules (`sample_meter.py`), streets are as slow as London's are
said to be, and rows are broken as those of real exports. Never report figures from it as if they
were about London.
"""

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edge_assets.models.london_taxi.sample_faults import break_some
from edge_assets.models.london_taxi.sample_meter import BOOKED, fare_of, tariff_of
from edge_assets.models.london_taxi.sample_places import Trips, drive

Floats = NDArray[np.float64]
Shift = Literal["none", "distance", "hours"]

HOURS = np.array(
    [6, 4, 3, 2, 2, 2, 3, 6, 9, 9, 7, 6, 6, 6, 6, 6, 7, 9, 10, 9, 8, 8, 9, 8], dtype=float
)
"""How many trips begin in each hour of the day, as weights."""
NIGHT_HOURS = np.array([30, 30, 28, 26, 22, 10, 4, 2] + [1] * 14 + [12, 24], dtype=float)
STREET_SPEED = np.array(
    [14, 15, 16, 17, 17, 16, 13, 10, 8, 8, 8, 8, 8, 8, 8, 8, 7, 7, 7.5, 8.5, 10, 11, 12, 13],
    dtype=float,
)
"""Miles an hour on a short trip, by hour of the day."""
CRAWL = 4.0
"""Miles an hour while the meter counts time."""


def sample(
    rows: int,
    seed: int,
    shift: Shift = "none",
    *,
    start: str = "2017-06-05",
    days: int = 28,
    bad_share: float = 0.03,
) -> pd.DataFrame:
    """`rows` synthetic trips as the operator would export them.

    `shift` makes the world change: `distance` makes trips two to three times as long, most of them
    beyond the six miles at which the rate changes; `hours` moves them into the night, where
    tariff 3 is on. `start` and `days` bound the pickups. About `bad_share` of the rows are broken
    in one of several ways. The same arguments give the same rows.

    Raises:
        ValueError: `rows`, `days` or `bad_share` is out of range, or the shift is unknown.
    """
    if rows < 0 or days < 1 or not 0 <= bad_share <= 1:
        raise ValueError("rows must be >= 0, days >= 1 and bad_share between 0 and 1")
    if shift not in ("none", "distance", "hours"):
        raise ValueError(f"shift {shift!r} is none of: none, distance, hours")
    rng = np.random.default_rng(seed)
    pickup, hour = _pickups(rng, rows, start, days, NIGHT_HOURS if shift == "hours" else HOURS)
    stretch = rng.uniform(2.0, 3.0, rows) if shift == "distance" else np.ones(rows)
    trips = drive(rng, rows, stretch)
    # weekends are faster; long trips use wider roads; the lights are what they are
    weekend = (pickup // 86_400 + 3) % 7 >= 5
    speed = STREET_SPEED[hour] * np.where(weekend, 1.1, 1.0)
    speed = speed * (0.85 + 0.25 * np.log1p(trips.miles)) * rng.lognormal(0, 0.16, rows)
    speed = np.clip(np.where(trips.from_heathrow, speed * 1.3, speed), 3, 50)
    seconds = np.maximum(np.round(trips.miles / speed * 3600), 60).astype(np.int64)
    tariff = tariff_of(pickup)
    # of two trips that are equal on paper, one met the red lights
    crawling = np.clip(0.85 - speed / 24 + rng.normal(0, 0.14, rows), 0.03, 0.85)
    slow = seconds * crawling
    slow_miles = np.minimum(slow / 3600 * CRAWL, 0.5 * trips.miles)
    # some passengers ask to wait on the way, which the recorder leaves out of the journey
    slow = slow + np.where(rng.random(rows) < 0.05, rng.uniform(60, 420, rows), 0.0)
    hailed = rng.random(rows) < 0.72
    fare = fare_of(tariff, trips.miles, slow, slow_miles) + np.where(hailed, 0.0, BOOKED)
    return break_some(rng, _table(rng, pickup, seconds, trips, tariff, hailed, fare), bad_share)


def _pickups(
    rng: np.random.Generator, rows: int, start: str, days: int, weights: Floats
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pickup times as seconds since 1970 without a zone, and their hours."""
    first = int(pd.Timestamp(start).normalize().timestamp())
    hour = rng.choice(24, rows, p=weights / weights.sum())
    within = rng.integers(0, 3600, rows)
    return first + rng.integers(0, days, rows) * 86_400 + hour * 3600 + within, hour


def _table(
    rng: np.random.Generator,
    pickup: NDArray[np.int64],
    seconds: NDArray[np.int64],
    trips: Trips,
    tariff: NDArray[np.int64],
    hailed: NDArray[np.bool_],
    fare: Floats,
) -> pd.DataFrame:
    rows = len(pickup)
    card = rng.random(rows) < 0.8
    tip = np.round(np.where(card, fare * rng.choice([0, 0.05, 0.1, 0.12], rows), 0.0), 2)
    return pd.DataFrame(
        {
            "booking_ref": [f"LT{number:08d}" for number in rng.integers(0, 10**8, rows)],
            "journey_start": _written(pickup),
            "journey_end": _written(pickup + seconds),
            "distance_miles": np.round(trips.miles, 2),
            "pickup_lon": np.round(trips.pickup_lon, 6),
            "pickup_lat": np.round(trips.pickup_lat, 6),
            "dropoff_lon": np.round(trips.dropoff_lon, 6),
            "dropoff_lat": np.round(trips.dropoff_lat, 6),
            "passengers": rng.choice([1, 2, 3, 4, 5], rows, p=[0.68, 0.2, 0.06, 0.04, 0.02]),
            "tariff": tariff,
            "hailed": np.where(hailed, "yes", "no"),
            "payment": np.where(card, "card", "cash"),
            "fare_gbp": np.round(fare, 2),
            "tip_gbp": tip,
            "total_gbp": np.round(fare + tip, 2),
        }
    )


def _written(seconds: NDArray[np.int64]) -> pd.Series:
    return (
        pd.Series(pd.to_datetime(seconds, unit="s")).dt.strftime("%Y-%m-%dT%H:%M:%S").astype(object)
    )
