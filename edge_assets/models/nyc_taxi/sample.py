"""Made-up taxi trips, for trying the product without any download.

Every row is **synthetic**: drawn at random, no record of a real trip. The shape follows what is
publicly known: where green taxis work, the meter of 2016 (2.50 dollars, then 0.50 for each fifth
of a mile or each minute in slow traffic; 52 dollars flat from JFK airport to Manhattan), slower
streets by day, and the kinds of broken rows that real files have. Never report figures from it as
if they were about New York.
"""

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edge_assets.models.nyc_taxi.sample_faults import break_some
from edge_assets.models.nyc_taxi.sample_places import Trips, drive

Floats = NDArray[np.float64]
Shift = Literal["none", "distance", "hours"]

HOURS = np.array(
    [7, 5, 4, 3, 3, 2, 3, 5, 7, 7, 6, 6, 6, 6, 7, 7, 8, 9, 11, 11, 10, 10, 10, 9], float
)
"""How many trips begin in each hour of the day, as weights."""
NIGHT_HOURS = np.array([30, 30, 30, 30, 26, 20, 8, 2] + [1] * 14 + [8, 20], float)
STREET_SPEED = np.array(
    [17, 18, 19, 19, 20, 19, 16, 12, 10, 10, 10, 10, 10, 10, 9, 9, 9, 9, 10, 11, 13, 14, 15, 16],
    float,
)
"""Miles an hour on a short trip, by hour of the day."""
FLAG, UNIT, JFK_FLAT = 2.5, 0.5, 52.0


def sample(
    rows: int,
    seed: int,
    shift: Shift = "none",
    *,
    start: str = "2016-01-01",
    days: int = 28,
    bad_share: float = 0.03,
) -> pd.DataFrame:
    """`rows` synthetic trips in the public schema of green taxis (camel-case, 23 columns).

    `shift` makes the world change: `distance` makes trips two to three times as long, `hours` moves
    them into the night. `start` and `days` bound the pickups. About `bad_share` of the rows are
    broken in one of several ways. The same arguments give the same rows.

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
    # weekends are faster; long trips use highways; the lights are what they are
    weekend = (pickup // 86_400 + 3) % 7 >= 5
    speed = STREET_SPEED[hour] * np.where(weekend, 1.12, 1.0)
    speed = speed * (0.85 + 0.28 * np.log1p(trips.miles)) * rng.lognormal(0, 0.16, rows)
    speed = np.clip(speed, 3, 55)
    seconds = np.maximum(np.round(trips.miles / speed * 3600), 30).astype(np.int64)
    fare = _meter(rng, trips.miles, seconds, speed)
    fare = np.where(trips.from_jfk, JFK_FLAT, fare)
    bargained = ~trips.from_jfk & (rng.random(rows) < 0.008)
    fare = np.where(bargained, np.ceil(fare * rng.uniform(0.95, 1.35, rows) / 5) * 5, fare)
    rate = np.where(trips.from_jfk, 2, np.where(bargained, 5, 1))
    table = _table(rng, pickup, seconds, hour, weekend, trips, fare, rate)
    return break_some(rng, table, bad_share)


def _pickups(
    rng: np.random.Generator, rows: int, start: str, days: int, weights: Floats
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pickup times as seconds since 1970 without a zone, and their hours."""
    first = int(pd.Timestamp(start).normalize().timestamp())
    hour = rng.choice(24, rows, p=weights / weights.sum())
    within = rng.integers(0, 3600, rows)
    return first + rng.integers(0, days, rows) * 86_400 + hour * 3600 + within, hour


def _meter(
    rng: np.random.Generator, miles: Floats, seconds: NDArray[np.int64], speed: Floats
) -> Floats:
    """Dollars by the meter: it counts distance above 12 miles an hour, and time below."""
    # how the stops fell: of two trips that are equal on paper, one met the red lights
    crawling = np.clip(1 - speed / 24 + rng.normal(0, 0.13, len(miles)), 0.03, 0.9)
    slow_minutes = seconds / 60 * crawling
    moving_miles = np.maximum(miles - slow_minutes / 60 * 6, 0.3 * miles)
    units: Floats = np.floor(moving_miles * 5 + slow_minutes)
    stops = np.where(rng.random(len(miles)) < 0.06, rng.integers(1, 8, len(miles)), 0)
    return FLAG + UNIT * (units + stops)  # some passengers ask to wait on the way


def _table(
    rng: np.random.Generator,
    pickup: NDArray[np.int64],
    seconds: NDArray[np.int64],
    hour: NDArray[np.int64],
    weekend: NDArray[np.bool_],
    trips: Trips,
    fare: Floats,
    rate: NDArray[np.int64],
) -> pd.DataFrame:
    rows = len(pickup)
    night, rush = (hour >= 20) | (hour < 6), (hour >= 16) & (hour < 20) & ~weekend
    extra = np.where(rate == 2, 0.0, np.where(rush, 1.0, np.where(night, 0.5, 0.0)))
    card = rng.random(rows) < 0.48
    tip = np.round(np.where(card, fare * rng.choice([0, 0.15, 0.2, 0.25], rows), 0.0), 2)
    tolls = np.where((trips.miles > 8) & (rng.random(rows) < 0.25), 5.54, 0.0)
    tax, improvement = np.full(rows, 0.5), np.full(rows, 0.3)
    return pd.DataFrame(
        {
            "vendorID": rng.choice([1, 2], rows, p=[0.22, 0.78]),
            "lpepPickupDatetime": _written(pickup),
            "lpepDropoffDatetime": _written(pickup + seconds),
            "passengerCount": rng.choice(
                [1, 2, 3, 4, 5, 6], rows, p=[0.84, 0.08, 0.02, 0.01, 0.03, 0.02]
            ),
            "tripDistance": np.round(trips.miles, 2),
            "puLocationId": np.full(rows, np.nan),
            "doLocationId": np.full(rows, np.nan),
            "pickupLongitude": np.round(trips.pickup_longitude, 6),
            "pickupLatitude": np.round(trips.pickup_latitude, 6),
            "dropoffLongitude": np.round(trips.dropoff_longitude, 6),
            "dropoffLatitude": np.round(trips.dropoff_latitude, 6),
            "rateCodeID": rate,
            "storeAndFwdFlag": rng.choice(["N", "Y"], rows, p=[0.995, 0.005]),
            "paymentType": np.where(card, 1, 2),
            "fareAmount": fare,
            "extra": extra,
            "mtaTax": tax,
            "improvementSurcharge": improvement,
            "tipAmount": tip,
            "tollsAmount": tolls,
            "ehailFee": np.full(rows, np.nan),
            "totalAmount": np.round(fare + extra + tax + improvement + tip + tolls, 2),
            "tripType": np.where(rate == 5, 2.0, 1.0),
        }
    )


def _written(seconds: NDArray[np.int64]) -> pd.Series:
    return (
        pd.Series(pd.to_datetime(seconds, unit="s")).dt.strftime("%Y-%m-%d %H:%M:%S").astype(object)
    )
