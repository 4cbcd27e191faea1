"""What the trees see: float32 columns computed from the inputs of a trip.

The same features are built once more as an ONNX graph (`graph.py`). Trees turn the smallest
difference into a different leaf, so both use only operations that IEEE 754 rounds in one way
(+ - * / sqrt, integers): no sine, no cosine. The distance on the sphere is therefore taken on the
plane that touches it in the middle of the city.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edge_assets.features.taxi_trips.city import City
from edge_assets.features.taxi_trips.columns import DROPOFF, PICKUP, TIMES, check_inputs

CLOCK = ("weekday", "month", "monthday", "hour", "minute", "second")
MEASURES = ("duration", "straight_distance", "speed", "detour")

DAY = 86_400
MIN_DISTANCE = 0.05
"""Below this the detour (driven by straight) says nothing; it is the divisor's lower end."""


def feature_names(inputs: Sequence[str]) -> tuple[str, ...]:
    """Names of all features of trips with these `inputs`, in the order of the trees' matrix.

    Raises ValueError when `inputs` lacks a column that features are made of.
    """
    check_inputs(inputs)
    return (
        *(name for name in inputs if name not in TIMES),
        *(f"pickup_{part}" for part in CLOCK),
        *(f"dropoff_{part}" for part in CLOCK),
        *MEASURES,
    )


def check_features(features: Sequence[str], inputs: Sequence[str]) -> None:
    """Raises ValueError when a name in `features` is no feature."""
    known = feature_names(inputs)
    strangers = [name for name in features if name not in known]
    if strangers:
        raise ValueError(f"no such feature: {', '.join(strangers)}; there are {known}")


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


def build(
    rows: pd.DataFrame,
    *,
    city: City,
    inputs: Sequence[str],
    features: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The `features` (None for all) of `rows`, which `clean` kept: float32, with the same index.

    Inputs that are no times are features as they are. `duration` is in seconds (never below 0),
    `straight_distance` in the city's unit, `speed` in that unit an hour, `detour` driven by
    straight distance; the two that need positions are NaN where one is unknown.

    Raises:
        ValueError: a name in `features` is no feature, or `inputs` lacks a column.
    """
    chosen = feature_names(inputs) if features is None else features
    check_features(chosen, inputs)
    made = {name: rows[name].to_numpy() for name in inputs}
    pickup, dropoff = (made.pop(name).astype(np.int64) for name in (PICKUP, DROPOFF))
    for end, times in (("pickup", pickup), ("dropoff", dropoff)):
        made |= {f"{end}_{part}": values for part, values in clock(times).items()}
    made["duration"] = np.maximum(dropoff - pickup, 0).astype(np.float32)
    driven = made["distance"].astype(np.float32)
    made["straight_distance"] = straight_distance(
        *(
            made[f"{end}_{axis}"].astype(np.float32)
            for end in ("pickup", "dropoff")
            for axis in ("longitude", "latitude")
        ),
        city=city,
    )
    hours = np.maximum(made["duration"], np.float32(1)) / np.float32(3600)
    made["speed"] = driven / hours
    made["detour"] = driven / np.maximum(made["straight_distance"], np.float32(MIN_DISTANCE))
    return pd.DataFrame({name: made[name].astype(np.float32) for name in chosen}, index=rows.index)


def straight_distance(
    longitude_a: NDArray[np.float32],
    latitude_a: NDArray[np.float32],
    longitude_b: NDArray[np.float32],
    latitude_b: NDArray[np.float32],
    *,
    city: City,
) -> NDArray[np.float32]:
    """From one position in the city to another, as the crow flies; NaN where one is unknown."""
    lon_a, lat_a, lon_b, lat_b = (
        values.astype(np.float64) for values in (longitude_a, latitude_a, longitude_b, latitude_b)
    )
    cosine = city.cosine + city.cosine_slope * ((lat_a + lat_b) * 0.5 - city.middle_latitude)
    east = (lon_b - lon_a) * cosine * city.units_per_degree
    north = (lat_b - lat_a) * city.units_per_degree
    return np.sqrt(east * east + north * north).astype(np.float32)
