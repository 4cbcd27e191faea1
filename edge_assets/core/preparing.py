"""Reads raw rows as `model.yaml` declares their columns: what a model without `prepare` gets.

Cells of CSV files come as text. A cell that cannot be read sets its row aside; an empty one is
unknown where the column is nullable, and sets its row aside elsewhere.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from edge_assets.core.config_data import INTEGERS, Column, Data, Prediction
from edge_assets.core.prepared import Prepared, divide
from edge_assets.core.schema import dtype_of

_TRUE = {"true", "t", "yes", "y", "1", "1.0"}
_FALSE = {"false", "f", "no", "n", "0", "0.0"}
_EXACT = 2**53 - 1
"""Numbers are read in double precision, which cannot tell larger integers from their neighbours."""
_LIMITS = {"UINT8": (0, 2**8 - 1), "INT32": (-(2**31), 2**31 - 1), "INT64": (-_EXACT, _EXACT)}


def plain(name: str) -> str:
    """A column's name without case, underscores and spaces: `Trip_Distance` is `tripdistance`."""
    return name.strip().lower().replace("_", "").replace(" ", "")


def required_of(data: Data, prediction: Prediction) -> tuple[tuple[str, ...], ...]:
    """Groups of names; a delivery needs a column of each."""
    if data.required:
        return data.required
    groups = [(column.name, *column.aliases) for column in data.columns]
    return (*groups, (prediction.target, *data.target_aliases))


def prepare_table(raw: pd.DataFrame, data: Data, prediction: Prediction) -> Prepared:
    """The rows of `raw` as the columns of `data` and the target, in their types."""
    reasons = pd.Series("", index=raw.index)
    made: dict[str, Any] = {}
    for column in data.columns:
        cells = cells_of(raw, (column.name, *column.aliases))
        made[column.name] = _read(cells, column, reasons)
    made[prediction.target] = _read(
        cells_of(raw, (prediction.target, *data.target_aliases)), target_column(prediction), reasons
    )
    rows = pd.DataFrame(made, index=raw.index)
    prepared = divide(rows, reasons)
    types = {column.name: dtype_of(column.datatype) for column in data.columns}
    types[prediction.target] = dtype_of(target_column(prediction).datatype)
    return Prepared(prepared.kept.astype(types), prepared.set_aside)


def target_column(prediction: Prediction) -> Column:
    """The target as a column: a number of double precision, or a class."""
    if not prediction.classes:
        return Column(name=prediction.target, datatype="FP64")
    if isinstance(prediction.classes[0], int):
        return Column(name=prediction.target, datatype="INT64")
    return Column(name=prediction.target, datatype="BYTES")


def cells_of(raw: pd.DataFrame, names: Sequence[str]) -> pd.Series:
    """The first cell of each row that is not empty, over all columns with one of the names."""
    wanted = {plain(name) for name in names}
    found = [place for place, name in enumerate(raw.columns) if plain(str(name)) in wanted]
    cells = pd.Series(None, index=raw.index, dtype="object")
    for place in found:
        here = raw.iloc[:, place].astype("object")
        cells = cells.where(~is_empty(cells), here)
    return cells


def is_empty(cells: pd.Series) -> "pd.Series[bool]":
    """Whether each cell says nothing: unknown, or a text of spaces."""
    text = cells.map(lambda cell: isinstance(cell, str) and not cell.strip())
    return cells.isna() | text.astype(bool)


def _read(cells: pd.Series, column: Column, reasons: pd.Series) -> Any:
    """The values of one column; `reasons` gets the first reason of each row that has none yet."""
    empty = is_empty(cells)
    if not column.nullable:
        _note(reasons, empty, f"{column.name}: is missing")
    if column.datatype == "BYTES":
        return cells.map(lambda cell: "" if cell is None else str(cell).strip()).where(~empty, "")
    if column.datatype == "BOOL":
        words = cells.map(lambda cell: str(cell).strip().lower())
        _note(
            reasons, ~empty & ~words.isin(_TRUE | _FALSE), f"{column.name}: neither true nor false"
        )
        return words.isin(_TRUE)
    values = pd.to_numeric(cells.where(~empty), errors="coerce").to_numpy(dtype=np.float64)
    bad = ~empty & ~np.isfinite(values)
    _note(reasons, bad, f"{column.name}: no number")
    if column.datatype in INTEGERS:
        low, high = _LIMITS[column.datatype]
        whole = np.isfinite(values) & (np.floor(values) == values)
        _note(reasons, ~empty & ~bad & ~whole, f"{column.name}: no whole number")
        beyond = whole & ((values < low) | (values > high))
        _note(
            reasons, pd.Series(beyond, cells.index), f"{column.name}: not within {column.datatype}"
        )
        return np.where(whole & ~beyond, values, 0)
    if column.datatype == "FP32":
        beyond = np.abs(values) > np.finfo(np.float32).max
        _note(reasons, pd.Series(beyond, cells.index), f"{column.name}: not within FP32")
        return np.where(beyond, 0, values)
    return values


def _note(reasons: pd.Series, bad: "pd.Series[bool]", text: str) -> None:
    reasons.loc[bad & (reasons == "")] = text
