"""What the columns of a table are: types, ranges and categories, or why a column is left out."""

import math
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edge_assets.core.config_data import Column
from edge_assets.onboarding.decimals import may_be_thousands
from edge_assets.onboarding.naming import aliases_of

MARKERS = ("na", "n/a", "nan", "null", "none", "nil", "?", "-", "--", ".", "missing", "unknown")
"""Words that stand for an unknown number, whatever their case."""
MAX_CATEGORIES = 50
_FEW_WHOLE = 4
"""Whole numbers with at most this many values are codes: others are refused on the device."""
_MARGIN = 0.25
"""Of the spread, on either side: what comes later is seldom exactly within what was seen."""
_NUMERIC_SHARE = 0.95
_MOSTLY_MISSING = 0.95
_EXACT_WHOLE = 2**24
"""Whole numbers beyond it are not exact in float32, in which a model reckons on the device."""
_LARGEST = 1e30
_DATE = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}([T ].*)?|\d{4}/\d{1,2}/\d{1,2}([T ].*)?"
    r"|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}([T ].*)?|\d{1,2}:\d{2}(:\d{2})?"
)
_ID_NAME = re.compile(r"(^|_)(id|ids|uuid|guid|key|index|idx|row|rownum|serial|no|nr|number)$")
_BOOLEANS = ({"true", "false"}, {"yes", "no"}, {"t", "f"}, {"y", "n"})


@dataclass(frozen=True)
class Draft:
    """One column of the file: `column` as it goes into model.yaml, or None and why it is left out.

    `markers` are the cells that mean unknown, `bad` counts cells whose rows will be set aside,
    `low` and `high` are the least and the greatest number that was seen.
    """

    header: str
    name: str
    column: Column | None = None
    why: str = ""
    markers: tuple[str, ...] = ()
    bad: int = 0
    low: float = math.nan
    high: float = math.nan
    distinct: int = 0
    notes: tuple[str, ...] = field(default=())

    @property
    def movable(self) -> bool:
        """Whether its readings can move to the top of its range and still be told apart."""
        if self.column is None or self.column.categories or self.column.maximum is None:
            return False
        room = self.column.maximum - self.high
        least = 8 if self.column.datatype == "INT64" else 0
        return self.distinct >= 10 and room > least and self.high > self.low


def infer_column(header: str, name: str, cells: pd.Series) -> Draft:
    """What the cells (text, "" for unknown) of one column are."""
    filled = cells[cells != ""]
    if filled.empty:
        return Draft(header, name, why="it is empty in every row")
    markers = tuple(sorted({cell for cell in filled.unique() if cell.lower() in MARKERS}))
    known = filled[~filled.isin(markers)]
    if len(known) <= (1 - _MOSTLY_MISSING) * len(cells):
        return Draft(header, name, why=f"it is known in {len(known)} of {len(cells)} rows only")
    if known.nunique() == 1:
        return Draft(header, name, why=f"it has one value only, {known.iloc[0][:40]!r}")
    if _share_of_dates(known) >= _NUMERIC_SHARE:
        text = "it is a date or time: derive what matters (hour, weekday, age) as a column"
        return Draft(header, name, why=text)
    numbers = _numbers(known)
    if np.isfinite(numbers).mean() >= _NUMERIC_SHARE:
        return _number(header, name, cells, markers, numbers)
    return _text(header, name, filled, len(filled) < len(cells))


def _number(
    header: str,
    name: str,
    cells: pd.Series,
    markers: tuple[str, ...],
    numbers: NDArray[np.float64],
) -> Draft:
    values = numbers[np.isfinite(numbers)]
    bad = len(numbers) - len(values)
    low, high, distinct = float(values.min()), float(values.max()), len(np.unique(values))
    if distinct == 1:
        return Draft(header, name, why=f"it has one value only, {low:g}")
    if max(abs(low), abs(high)) > _LARGEST:
        return Draft(header, name, why="its numbers are larger than single precision holds")
    whole = bool(np.all(values == np.floor(values)))
    missing = len(numbers) < len(cells)
    if whole and not missing and _is_number_of_rows(name, values, distinct):
        return Draft(header, name, why="it numbers the rows: each has its own value")
    exact = max(abs(low), abs(high)) <= _EXACT_WHOLE
    datatype = "INT64" if whole and exact and not missing else "FP32"
    facts: dict[str, Any] = {
        "name": name,
        "datatype": datatype,
        "aliases": aliases_of(name, header),
    }
    if missing:
        facts["nullable"] = True
    if datatype == "INT64" and distinct <= _FEW_WHOLE:
        facts["categories"] = tuple(int(value) for value in np.unique(values))
    else:
        facts["minimum"], facts["maximum"] = bounds(low, high, whole=datatype == "INT64")
    return Draft(
        header,
        name,
        Column.model_validate(facts),
        markers=markers,
        bad=bad,
        low=low,
        high=high,
        distinct=distinct,
    )


def _text(header: str, name: str, filled: pd.Series, missing: bool) -> Draft:
    if may_be_thousands(filled):
        text = "its commas may be decimals or thousands: write its numbers with a point"
        return Draft(header, name, why=text)
    words = sorted(filled.unique())
    if len(words) > MAX_CATEGORIES:
        long = filled.str.len().mean() > 30
        kind = "free text" if long else "names, numbers with units or identifiers"
        text = (
            f"it has {len(words)} different texts ({kind}), more than {MAX_CATEGORIES} categories"
        )
        return Draft(header, name, why=text)
    facts: dict[str, Any] = {"name": name, "aliases": aliases_of(name, header)}
    if not missing and {word.lower() for word in words} in _BOOLEANS:
        return Draft(header, name, Column(datatype="BOOL", **facts), distinct=2)
    column = Column(datatype="BYTES", categories=tuple(words), nullable=missing, **facts)
    return Draft(header, name, column, distinct=len(words))


def bounds(low: float, high: float, *, whole: bool) -> tuple[float, float]:
    """The range of a column whose values were seen from `low` to `high`, rounded outwards.

    What was never negative does not become so.
    """
    margin = (high - low) * _MARGIN
    unit = 10.0 ** math.floor(math.log10(max(margin, 1e-12)) - 1)
    if whole:
        unit = max(1.0, unit)
    under, above = low - margin, high + margin
    least = math.floor(under / unit) * unit
    most = math.ceil(above / unit) * unit
    if low >= 0:
        least = max(least, 0.0)
    if high <= 0:
        most = min(most, 0.0)
    digits = max(0, -math.floor(math.log10(unit)))
    least, most = round(least, digits), round(most, digits)
    return (int(least), int(most)) if whole else (least, most)


def _numbers(cells: pd.Series) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64)
    return numbers


def _share_of_dates(known: pd.Series) -> float:
    some = known.iloc[:: max(1, len(known) // 500)]
    return float(some.map(lambda cell: _DATE.fullmatch(cell) is not None).mean())


def _is_number_of_rows(name: str, values: NDArray[np.float64], distinct: int) -> bool:
    if distinct < len(values):
        return False
    return bool(_ID_NAME.search(name)) or float(np.ptp(values)) == len(values) - 1
