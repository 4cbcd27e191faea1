"""What the trees see: float32 columns computed from the thirteen inputs.

The same features are built once more as an ONNX graph (`graph.py`). Trees turn the smallest
difference into a different leaf, so both use only operations that IEEE 754 rounds in one way
(+ - * / sqrt, integers): no sine, no cosine. The distance on the sphere is therefore taken on the
plane that touches it in the middle of the city.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edge_assets.models.nyc_taxi.columns import INPUTS

CLOCK = ("weekday", "month", "monthday", "hour", "minute", "second")
FEATURES = (
    *(name for name in INPUTS if "datetime" not in name),
    *(f"pickup_{part}" for part in CLOCK),
    *(f"dropoff_{part}" for part in CLOCK),
    "duration",
    "straight_distance",
    "speed",
    "detour",
)
"""Names of all features, in the order of the matrix that the trees get by default."""

DAY = 86_400
MILES_PER_DEGREE = 3958.7613 * np.pi / 180
"""Of latitude, on a sphere with the mean radius of the Earth (6371.0088 km, IUGG)."""
MIDDLE_LATITUDE = 40.7
COSINE = float(np.cos(np.radians(MIDDLE_LATITUDE)))
COSINE_SLOPE = float(-np.sin(np.radians(MIDDLE_LATITUDE)) * np.pi / 180)
"""cos(latitude) is taken as COSINE + COSINE_SLOPE * (latitude - 40.7): within the city's bounds it
is wrong by less than 1e-5, and the distance by less than 1e-4 of itself."""
MIN_MILES = 0.05
"""Below this the detour (driven by straight miles) says nothing; it is the divisor's lower end."""


def clock(seconds: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Weekday (Monday = 0), month, day of the month, hour, minute, second, by integers only.

    `seconds` counts from 1970-01-01 00:00 and may be negative. The calendar is Howard Hinnant's
    `civil_from_days` (https://howardhinnant.github.io/date_algorithms.html), Gregorian for all
    years.
    """
    days, rest = np.floor_divide(seconds, DAY), np.mod(seconds, DAY)
    shifted = days + 719_468  # days since 0000-03-01
    day_of_era = np.mod(shifted, 146_097)
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    march_month = (5 * day_of_year + 2) // 153  # March = 0
    return {
        "weekday": np.mod(days + 3, 7),  # 1970-01-01 was a Thursday
        "month": np.mod(march_month + 2, 12) + 1,
        "monthday": day_of_year - (153 * march_month + 2) // 5 + 1,
        "hour": rest // 3600,
        "minute": rest // 60 % 60,
        "second": rest % 60,
    }


def build(rows: pd.DataFrame, *, features: Sequence[str] = FEATURES) -> pd.DataFrame:
    """The `features` of `rows` (columns as `clean` keeps them), float32, with the same index.

    `duration` in seconds (never below 0), `straight_distance` in miles, `speed` in miles an hour,
    `detour` as driven by straight miles; the two that need positions are NaN where one is unknown.

    Raises:
        ValueError: a name in `features` is none of `FEATURES`.
    """
    strangers = [name for name in features if name not in FEATURES]
    if strangers:
        raise ValueError(f"no such feature: {', '.join(strangers)}; there are {FEATURES}")
    made = {name: rows[name].to_numpy() for name in INPUTS}
    pickup = made.pop("pickup_datetime").astype(np.int64)
    dropoff = made.pop("dropoff_datetime").astype(np.int64)
    for end, times in (("pickup", pickup), ("dropoff", dropoff)):
        made |= {f"{end}_{part}": values for part, values in clock(times).items()}
    made["duration"] = np.maximum(dropoff - pickup, 0).astype(np.float32)
    miles = made["distance"].astype(np.float32)
    made["straight_distance"] = straight_distance(
        *(
            made[f"{end}_{axis}"].astype(np.float32)
            for end in ("pickup", "dropoff")
            for axis in ("longitude", "latitude")
        )
    )
    hours = np.maximum(made["duration"], np.float32(1)) / np.float32(3600)
    made["speed"] = miles / hours
    made["detour"] = miles / np.maximum(made["straight_distance"], np.float32(MIN_MILES))
    return pd.DataFrame(
        {name: made[name].astype(np.float32) for name in features}, index=rows.index
    )


def straight_distance(
    longitude_a: NDArray[np.float32],
    latitude_a: NDArray[np.float32],
    longitude_b: NDArray[np.float32],
    latitude_b: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Miles between two positions in the city, as the crow flies; NaN where one is unknown."""
    lon_a, lat_a, lon_b, lat_b = (
        values.astype(np.float64) for values in (longitude_a, latitude_a, longitude_b, latitude_b)
    )
    cosine = COSINE + COSINE_SLOPE * ((lat_a + lat_b) * 0.5 - MIDDLE_LATITUDE)
    east = (lon_b - lon_a) * cosine * MILES_PER_DEGREE
    north = (lat_b - lat_a) * MILES_PER_DEGREE
    return np.sqrt(east * east + north * north).astype(np.float32)
