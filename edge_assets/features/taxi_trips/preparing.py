"""From a trip file to the rows of a dataset: one schema, and no bad row among the good.

Two steps, so that a row that is set aside can be shown as it was read: `standardise` renames and
reads the values, `clean` judges them. Neither ever loses a row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from edge_assets.core.prepared import Prepared, divide
from edge_assets.core.preparing import plain
from edge_assets.features.taxi_trips.city import City
from edge_assets.features.taxi_trips.columns import (
    COORDINATES,
    DROPOFF,
    FLOATS,
    PICKUP,
    TIMES,
    check_inputs,
    dtype,
)
from edge_assets.features.taxi_trips.reading import Read, flags, numbers, seconds

_EXACT = 2.0**53
"""Beyond this a float64 does not hold every whole number."""


@dataclass(frozen=True)
class Limits:
    """What no trip goes beyond; each bound itself is still believed.

    Distance is in the city's unit, speed in that unit an hour. `earliest` and `latest` bound the
    pickup.
    """

    max_distance: float
    max_fare: float
    max_duration_seconds: float
    max_speed: float
    earliest: str
    latest: str = "2035-01-01"


def standardise(
    raw: pd.DataFrame,
    *,
    city: City,
    inputs: Sequence[str],
    target: str,
    aliases: Mapping[str, Sequence[str]],
    unknown: Mapping[str, float],
    yes_or_no: Sequence[str] = (),
) -> pd.DataFrame:
    """The rows of `raw` in the dataset's columns, with the same index.

    Every column is float64 here, NaN where a value is missing or cannot be read; times are
    seconds since 1970-01-01 on the city's wall clock, and columns in `yes_or_no` are 1 or 0. Where
    `raw` has a column under two of its `aliases`, the first that is not empty counts. Empty cells
    of the columns in `unknown` get the value that means unknown; text that cannot be read does not.
    In coordinates NaN means unknown, and infinity that a value could not be read.
    A coordinate of exactly 0 is what a recorder without a fix writes: it becomes NaN, and so does
    the other half of that position. Where the zero meridian runs through the city, a longitude of 0
    is a place, and only the latitude tells.
    """
    check_inputs(inputs)
    by_name: dict[str, list[int]] = {}
    for position, name in enumerate(raw.columns):
        by_name.setdefault(plain(str(name)), []).append(position)
    readers: dict[str, Callable[[pd.Series], Read]] = {
        **dict.fromkeys(TIMES, partial(seconds, zone=city.zone)),
        **dict.fromkeys(yes_or_no, flags),
    }
    made: dict[str, pd.Series] = {}
    for name in (*inputs, target):
        read = readers.get(name, numbers)
        values = pd.Series(np.nan, index=raw.index, dtype="float64")
        empty = pd.Series(True, index=raw.index)
        for alias in (name, *aliases.get(name, ())):
            for position in by_name.get(plain(alias), ()):
                found, missing = read(raw.iloc[:, position])
                values = values.where(~empty, found)
                empty &= missing
        if name in unknown:
            values = values.mask(empty, unknown[name])
        if name in COORDINATES:  # NaN means unknown there, so it cannot mean unreadable
            values = values.mask(values.isna() & ~empty, np.inf)
        made[name] = values
    for end in ("pickup", "dropoff"):
        longitude, latitude = made[f"{end}_longitude"], made[f"{end}_latitude"]
        no_fix = _no_fix(longitude, latitude, city)
        made[f"{end}_longitude"] = longitude.mask(no_fix)
        made[f"{end}_latitude"] = latitude.mask(no_fix)
    return pd.DataFrame(made, index=raw.index)


def clean(
    rows: pd.DataFrame,
    *,
    city: City,
    inputs: Sequence[str],
    target: str,
    limits: Limits,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> Prepared:
    """Judges the rows of `standardise`: good ones in the dataset's types, others with a reason.

    A row is set aside for the first thing that is wrong with it. Distance, `target` (the fare) and
    duration must be above 0. The box of the city counts only for positions that are known. `ranges`
    bound further columns, both ends included.
    """
    first, last = (pd.Timestamp(day).timestamp() for day in (limits.earliest, limits.latest))
    duration = rows[DROPOFF] - rows[PICKUP]
    with np.errstate(all="ignore"):
        speed = rows["distance"] * 3600 / duration
    rules: list[tuple[str, pd.Series]] = []
    for name in (*inputs, target):
        unreadable = np.isinf(rows[name]) if name in COORDINATES else ~np.isfinite(rows[name])
        rules.append((f"{name}: missing or unreadable", unreadable))
    for name in (name for name in inputs if name not in FLOATS):
        broken = (rows[name] % 1 != 0) | (rows[name].abs() > _EXACT)
        rules.append((f"{name}: not a whole number", broken))
    rules += [
        (f"{PICKUP}: out of range", ~rows[PICKUP].between(first, last)),
        ("dropoff not after pickup", ~(duration > 0)),
        ("duration: too long", duration > limits.max_duration_seconds),
        ("distance: not above 0", ~(rows["distance"] > 0)),
        ("distance: too long", rows["distance"] > limits.max_distance),
        ("speed: not believable", speed > limits.max_speed),
        (f"{target}: not above 0", ~(rows[target] > 0)),
        (f"{target}: too high", rows[target] > limits.max_fare),
    ]
    for name in COORDINATES:
        low, high = city.longitude if "longitude" in name else city.latitude
        outside = rows[name].notna() & ~rows[name].between(low, high)
        rules.append((f"{name}: out of the city", outside))
    for name, (low, high) in (ranges or {}).items():
        rules.append((f"{name}: out of range", ~rows[name].between(low, high)))
    reason = pd.Series("", index=rows.index, dtype=object)
    for text, broken in rules:
        reason = reason.mask((reason == "") & broken, text)
    judged = divide(rows, reason)
    return Prepared(judged.kept.astype({name: dtype(name) for name in inputs}), judged.set_aside)


def _no_fix(longitude: pd.Series, latitude: pd.Series, city: City) -> pd.Series:
    unreadable = np.isinf(longitude) | np.isinf(latitude)
    nowhere = latitude == 0
    if not city.on_the_zero_meridian:
        nowhere |= longitude == 0
    told: pd.Series = (nowhere | longitude.isna() | latitude.isna()) & ~unreadable
    return told
