"""Reads the table that a new edge model is made from; cells as text, as deliveries have them."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from edge_assets.core.tables import TableError, read_table
from edge_assets.onboarding.decimals import has_decimal_commas, with_points
from protos.errors import ConfigurationError

MIN_ROWS = 50
"""Below this a holdout has about ten rows, which show nothing about a model."""
MAX_COLUMNS = 300
"""A device is asked with every column by name; more are features, not measurements."""
MAX_ROWS = 2_000_000
MAX_BYTES = 1 << 30


def read_source(path: Path) -> pd.DataFrame:
    """The table in `path`, a CSV or Parquet file, with cells as text and empty ones as "".

    Raises ConfigurationError when it cannot be read, or is nothing to make a model from.
    """
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise ConfigurationError(
            f"{path} cannot be read",
            why="it is neither a .csv nor a .parquet file",
            remedy="save it as CSV: a header, UTF-8, columns separated by commas, ; or tabs",
        )
    try:
        size = path.stat().st_size
        table = read_table(path) if 0 < size <= MAX_BYTES else None
    except TableError as error:
        raise ConfigurationError(
            f"{path} cannot be read", why=str(error), remedy=error.remedy
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read", why=error.strerror or "", remedy="correct the path"
        ) from None
    if table is None:
        raise ConfigurationError(
            f"{path} {'is empty' if size == 0 else 'is too large'}",
            why=f"it has {size} bytes",
            remedy=f"give a table with {MIN_ROWS} rows or more, below {MAX_BYTES >> 20} MiB",
        )
    _check_size(path, table)
    return as_text(table)


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Every cell as text without spaces around it; unknown ones are ""."""
    made = {
        str(name): [
            "" if cell is None or cell is pd.NA or cell != cell else str(cell).strip()
            for cell in table[name].tolist()
        ]
        for name in table.columns
    }
    return pd.DataFrame(made, dtype="object")


def with_decimal_points(table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The table with points where numbers have decimal commas, and the headers of those columns."""
    found = tuple(str(name) for name in table.columns if has_decimal_commas(table[name]))
    return table.assign(**{name: with_points(table[name]) for name in found}), found


def _check_size(path: Path, table: pd.DataFrame) -> None:
    rows, columns = table.shape
    if columns > MAX_COLUMNS:
        raise ConfigurationError(
            f"{path} has {columns} columns",
            why=f"an edge model has at most {MAX_COLUMNS} inputs, each with a name and a range",
            remedy="keep the columns that matter; a measured signal belongs into features first",
        )
    if columns < 2:
        raise ConfigurationError(
            f"{path} has one column",
            why=f"its header is {_first(list(table.columns))}",
            remedy="separate columns by commas, ; or tabs, and give a target and another column",
        )
    if not MIN_ROWS <= rows <= MAX_ROWS:
        word = "row" if rows == 1 else "rows"
        raise ConfigurationError(
            f"{path} has {rows} {word}",
            why=f"a model needs {MIN_ROWS} to {MAX_ROWS} rows: a part is held out, and a handful "
            "of rows proves nothing",
            remedy="collect more rows first" if rows < MIN_ROWS else "give a part of the rows",
        )


def _first(names: Sequence[str]) -> str:
    return repr(names[0][:80])
