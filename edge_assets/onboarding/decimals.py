"""Numbers with a decimal comma, `3,91` or `1.234,5`, as files of many countries have them."""

import re
from typing import Any

import pandas as pd

_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?([eE][+-]?\d+)?")
"""Whole numbers too: a column of prices holds some."""
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
"""What 1,234 may mean as well."""
_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
_UNKNOWN = 0.5
"""Up to this share may be words for unknown: what they are is judged with points in place."""


def has_decimal_commas(cells: pd.Series) -> bool:
    """Whether the cells are numbers with decimal commas, and cannot mean thousands instead."""
    filled = _filled(cells)
    commas = filled[filled.str.contains(",", regex=False)]
    if commas.empty or bool(commas.map(lambda cell: bool(_THOUSANDS.fullmatch(cell))).all()):
        return False
    return _are_numbers(filled)


def may_be_thousands(cells: pd.Series) -> bool:
    """Whether the cells are numbers in which a comma may stand for thousands or for decimals."""
    filled = _filled(cells)
    commas = filled[filled.str.contains(",", regex=False)]
    return not commas.empty and not has_decimal_commas(cells) and _are_numbers(filled)


def with_points(cells: pd.Series) -> pd.Series:
    """Texts with decimal commas as texts with points; what is no such number stays as it is.

    Beside commas a point can only separate thousands. One that does not makes its cell unreadable:
    3.91 would be read as another number than 3,91.
    """
    return cells.map(_with_point)


def _with_point(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell  # of Parquet, a number already
    text = cell.strip()
    if _COMMA.fullmatch(text):
        return text.replace(".", "").replace(",", ".")
    return f"{text} with a point" if _POINT.fullmatch(text) else cell


def _filled(cells: pd.Series) -> pd.Series:
    texts = cells[cells.map(lambda cell: isinstance(cell, str))].str.strip()
    return texts[texts != ""]


def _are_numbers(filled: pd.Series) -> bool:
    numbers = filled.map(lambda cell: bool(_COMMA.fullmatch(cell)))
    points = filled.map(lambda cell: bool(_POINT.fullmatch(cell) and not _COMMA.fullmatch(cell)))
    return float(numbers.mean()) >= 1 - _UNKNOWN and not bool(points.any())
