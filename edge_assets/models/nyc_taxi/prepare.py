"""From a public trip file to the rows of the dataset: one schema, and no bad row among the good.

Two steps, so that a row that is set aside can be shown as it was read: `standardise` renames and
reads the values, `clean` judges them. Neither ever loses a row.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from edge_assets.models.nyc_taxi import columns as names
from edge_assets.models.nyc_taxi.reading import flags, numbers, seconds


class Cleaned(NamedTuple):
    """`kept` and `set_aside` (with its column `reason`) hold together every row, once."""

    kept: pd.DataFrame
    set_aside: pd.DataFrame

    @property
    def reasons(self) -> dict[str, int]:
        """How many rows were set aside for each reason, most frequent first."""
        counts = self.set_aside["reason"].value_counts()
        return {str(reason): int(count) for reason, count in counts.items()}


def standardise(
    raw: pd.DataFrame,
    *,
    aliases: Mapping[str, Sequence[str]] = names.ALIASES,
    unknown: Mapping[str, float] = names.UNKNOWN,
) -> pd.DataFrame:
    """The rows of `raw` in the dataset's columns, with the same index.

    Every column is float64 here, NaN where a value is missing or cannot be read; times are
    seconds since 1970-01-01 on the city's wall clock. Where `raw` has a column under two names
    (green and yellow trips in one table), the first that is not empty counts. Empty cells of the
    columns in `unknown` get the value that means unknown; text that cannot be read does not.
    In coordinates NaN means unknown, and infinity that a value could not be read.
    A coordinate of exactly 0 is what a recorder without a fix writes: it becomes NaN, and so does
    the other half of that position.
    """
    by_name: dict[str, list[int]] = {}
    for position, name in enumerate(raw.columns):
        by_name.setdefault(names.plain(str(name)), []).append(position)
    made: dict[str, pd.Series] = {}
    for name in (*names.INPUTS, names.TARGET):
        read = {"store_forward": flags}.get(name, seconds if "datetime" in name else numbers)
        values = pd.Series(np.nan, index=raw.index, dtype="float64")
        empty = pd.Series(True, index=raw.index)
        for alias in (name, *aliases.get(name, ())):
            for position in by_name.get(names.plain(alias), ()):
                found, missing = read(raw.iloc[:, position])
                values = values.where(~empty, found)
                empty &= missing
        if name in unknown:
            values = values.mask(empty, unknown[name])
        if name in names.COORDINATES:  # NaN means unknown there, so it cannot mean unreadable
            values = values.mask(values.isna() & ~empty, np.inf)
        made[name] = values
    for end in ("pickup", "dropoff"):
        longitude, latitude = made[f"{end}_longitude"], made[f"{end}_latitude"]
        no_fix = (longitude == 0) | (latitude == 0) | longitude.isna() | latitude.isna()
        no_fix &= ~(np.isinf(longitude) | np.isinf(latitude))
        made[f"{end}_longitude"] = longitude.mask(no_fix)
        made[f"{end}_latitude"] = latitude.mask(no_fix)
    return pd.DataFrame(made, index=raw.index)


def clean(
    rows: pd.DataFrame,
    *,
    longitude: tuple[float, float] = (-74.09, -73.72),
    latitude: tuple[float, float] = (40.53, 40.88),
    max_distance: float = 100.0,
    max_fare: float = 250.0,
    max_duration_seconds: float = 4 * 3600,
    max_speed: float = 80.0,
    max_passengers: int = 9,
    max_location_id: int = 265,
    earliest: str = "2009-01-01",
    latest: str = "2035-01-01",
) -> Cleaned:
    """Judges the rows of `standardise`: good ones in the dataset's types, others with a reason.

    A row is set aside for the first thing that is wrong with it. Bounds are inclusive at the far
    end; distance (miles), fare (dollars) and duration must be above 0. The bounding box is that of
    the city and counts only for positions that are known. `max_speed` is in miles an hour. 265 is
    the highest taxi zone; the records begin in 2009.
    """
    first, last = (pd.Timestamp(day).timestamp() for day in (earliest, latest))
    duration = rows["dropoff_datetime"] - rows["pickup_datetime"]
    speed = rows["distance"] * 3600 / duration
    rules: list[tuple[str, pd.Series]] = []
    for name in (*names.INPUTS, names.TARGET):
        coordinate = name in names.COORDINATES
        unreadable = np.isinf(rows[name]) if coordinate else ~np.isfinite(rows[name])
        rules.append((f"{name}: missing or unreadable", unreadable))
    for name in (name for name in names.INPUTS if name not in names.FLOATS):
        rules.append((f"{name}: not a whole number", rows[name] % 1 != 0))
    rules += [
        ("pickup_datetime: out of range", ~rows["pickup_datetime"].between(first, last)),
        ("dropoff not after pickup", ~(duration > 0)),
        ("duration: too long", duration > max_duration_seconds),
        ("distance: not above 0", ~(rows["distance"] > 0)),
        ("distance: too long", rows["distance"] > max_distance),
        ("speed: not believable", speed > max_speed),
        ("fare: not above 0", ~(rows["fare"] > 0)),
        ("fare: too high", rows["fare"] > max_fare),
    ]
    for name in names.COORDINATES:
        low, high = longitude if "longitude" in name else latitude
        rules.append((f"{name}: out of the city", _known_outside(rows[name], low, high)))
    for name, low, high in (
        ("passengers", 0, max_passengers),
        ("vendor", 0, 99),
        ("rate_code", 1, 99),
        ("pickup_location_id", 0, max_location_id),
        ("dropoff_location_id", 0, max_location_id),
        ("store_forward", 0, 1),
    ):
        rules.append((f"{name}: out of range", ~rows[name].between(low, high)))
    reason = pd.Series("", index=rows.index, dtype=object)
    for text, broken in rules:
        reason = reason.mask((reason == "") & broken, text)
    good = (reason == "").to_numpy()
    kept = rows[good].astype({name: _dtype(name) for name in names.INPUTS})
    return Cleaned(kept, rows[~good].assign(reason=reason[~good]))


def _known_outside(values: pd.Series, low: float, high: float) -> pd.Series:
    return values.notna() & ~values.between(low, high)


def _dtype(name: str) -> str:
    return "float32" if name in names.FLOATS else "int64"
