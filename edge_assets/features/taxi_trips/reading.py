"""Reads cells of trip files: `(values as float64, which cells were empty)` per column.

A cell that holds something that cannot be read is NaN and not empty.
"""

import numpy as np
import pandas as pd

_FLAGS = {
    **dict.fromkeys(("y", "yes", "true", "1", "1.0"), 1.0),
    **dict.fromkeys(("n", "no", "false", "0", "0.0"), 0.0),
}
_EMPTY = ("", "nan", "null", "none", "na", "n/a", "\\n", "<na>", "nat")
_ISO = r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?"
_AMERICAN = r"\d\d?/\d\d?/\d{4} \d\d?:\d\d:\d\d [AP]M"

Read = tuple[pd.Series, pd.Series]


def numbers(column: pd.Series) -> Read:
    """Numbers, or text of numbers with a decimal point. `12,5` cannot be read, on purpose:
    whether it is twelve and a half or a hundred and twenty-five is not ours to guess.
    """
    if pd.api.types.is_numeric_dtype(column.dtype):
        return pd.to_numeric(column, errors="coerce").astype("float64"), column.isna()
    text, empty = _text(column)
    return pd.to_numeric(text.mask(empty), errors="coerce").astype("float64"), empty


def flags(column: pd.Series) -> Read:
    """Y or N, yes or no, true or false, 1 or 0."""
    text, empty = _text(column)
    return text.str.lower().map(_FLAGS).astype("float64"), empty


def seconds(column: pd.Series, *, zone: str) -> Read:
    """Whole seconds since 1970-01-01 00:00 of a clock without a zone; numbers are taken as such.

    Times with a zone are turned to the clock of `zone` where the type carries theirs (Parquet);
    as text they cannot be read, because the files have none and a zone would mean another source.
    """
    if pd.api.types.is_numeric_dtype(column.dtype):
        return numbers(column)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        times, empty = column, column.isna()
    else:
        text, empty = _text(column)
        times = pd.Series(pd.NaT, index=column.index, dtype="datetime64[ns]")
        for pattern, form in ((_ISO, "ISO8601"), (_AMERICAN, "%m/%d/%Y %I:%M:%S %p")):
            fits = text.str.fullmatch(pattern)
            if fits.any():
                read = pd.to_datetime(text.where(fits), format=form, errors="coerce")
                times = times.where(~fits, read)
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        times = times.dt.tz_convert(zone).dt.tz_localize(None)
    whole = times.astype("datetime64[s]")
    counted = pd.Series(whole.to_numpy().astype("int64").astype("float64"), index=column.index)
    return counted.mask(whole.isna(), np.nan), empty


def _text(column: pd.Series) -> Read:
    text = column.astype("string").fillna("").astype(object).str.strip()
    return text, text.str.lower().isin(_EMPTY)
