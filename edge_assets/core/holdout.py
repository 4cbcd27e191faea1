"""The frozen holdout: a row belongs to it, or not, by what it says; for ever.

No random state, no order, no length of the table is involved: a row that was held out once is held
out in every later dataset, whatever is added, and equal rows are on the same side.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Keys = NDArray[np.uint64]


class Split(NamedTuple):
    """`train` and `holdout` hold together every row, once, in their old order and index."""

    train: pd.DataFrame
    holdout: pd.DataFrame


def split(rows: pd.DataFrame, *, columns: Sequence[str], share: float, seed: int) -> Split:
    """Splits `rows` by the hash of `columns`, about `share` of them to the holdout.

    Take the inputs of the model as `columns` and not the target: a trip whose fare was corrected
    later stays on its side. A larger share only adds to the holdout.

    Raises:
        ValueError: `share` is not between 0 and 1, or a column is missing.
    """
    if not 0 < share < 1:
        raise ValueError(f"share must be between 0 and 1, not {share}")
    held_out = row_keys(rows, columns=columns, seed=seed) < np.uint64(share * 2**64)
    return Split(rows[~held_out], rows[held_out])


def row_keys(rows: pd.DataFrame, *, columns: Sequence[str], seed: int = 0) -> Keys:
    """A 64-bit hash of each row's values in `columns`, shape (rows,).

    The order of rows and of columns does not matter, nor whether a whole number is kept as integer
    or float, nor the sign of zero; all missing values are one value. Numbers are hashed as float64,
    so integers beyond 2**53 may collide with their neighbours.

    Raises:
        ValueError: a column is missing, or none is given.
    """
    missing = [name for name in columns if name not in rows.columns]
    if missing or not columns:
        raise ValueError(f"no such column: {', '.join(missing)}" if missing else "no columns given")
    keys = np.full(len(rows), _salt(f"seed {seed}"), dtype=np.uint64)
    for name in set(columns):
        # adding commutes, mixing with the name's salt tells columns with swapped values apart
        keys += _mix(_bits(rows[name]) ^ np.uint64(_salt(f"column {name}")))
    return _mix(keys)


def _bits(column: pd.Series) -> Keys:
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan) + 0.0  # -0.0 becomes 0.0
        values[np.isnan(values)] = np.nan
        return values.view(np.uint64)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        column = (
            column.astype("datetime64[us]")
            if column.dt.tz is None
            else column.dt.tz_convert("UTC").astype("datetime64[us, UTC]")
        )
        return column.to_numpy(dtype="datetime64[us]").astype(np.int64).view(np.uint64)
    codes, words = pd.factorize(column, use_na_sentinel=True)
    table = np.array([*(_salt(f"text {word}") for word in words), _salt("missing")], np.uint64)
    return table[codes]  # the sentinel -1 takes the last


def _salt(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _mix(keys: Keys) -> Keys:
    """The finaliser of splitmix64 (Steele, Lea, Flood 2014): each input bit moves every other."""
    keys = keys + np.uint64(0x9E3779B97F4A7C15)
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))
