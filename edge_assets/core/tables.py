"""Reads CSV and Parquet strictly: a file that is only half understood is an error, not a guess.

Columns of CSV are separated by commas, semicolons or tabs: by what makes most columns of the first
line. A line that then has more or fewer cells is an error.
"""

import codecs
import csv
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

_WIDE = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_SEPARATORS = (",", ";", "\t")
"""The first wins where several make as many columns."""
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs"}
_MAX_HEADER = 1 << 20
_BLOCK = 8 << 20
_NO_ROWS = ("Empty CSV", "Could not skip initial")
"""What Arrow says of a header with nothing below it, with and without the end of its line."""


class TableError(Exception):
    """A file is not the table that its name says; `remedy` tells how to deliver it."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.remedy = remedy


class Survey(NamedTuple):
    """The names of the columns and the number of rows, after reading the whole file."""

    columns: tuple[str, ...]
    rows: int


def survey_table(file: Path) -> Survey:
    """Reads every block of the file and keeps none, so that it may be larger than memory.

    Raises:
        TableError: it is broken anywhere.
    """
    if file.suffix.lower() == ".parquet":
        try:
            with pa.parquet.ParquetFile(file) as table:
                rows = sum(batch.num_rows for batch in table.iter_batches())
                return Survey(_unique(table.schema_arrow.names), rows)
        except (pa.ArrowException, OSError) as error:
            raise _broken_parquet(error) from error
    columns, separator = _header(file)
    return Survey(columns, sum(batch.num_rows for batch in _batches(file, columns, separator)))


def read_table(file: Path) -> pd.DataFrame:
    """The whole table; cells of CSV as text, those of Parquet in their types.

    Raises:
        TableError: it is broken.
    """
    if file.suffix.lower() == ".parquet":
        try:
            # the file alone, not the table's: names of folders must not become columns
            with pa.parquet.ParquetFile(file) as table:
                _unique(table.schema_arrow.names)
                return _frame(table.read())
        except (pa.ArrowException, OSError) as error:
            raise _broken_parquet(error) from error
    columns, separator = _header(file)
    schema = pa.schema([(name, pa.string()) for name in columns])
    return _frame(pa.Table.from_batches(list(_batches(file, columns, separator)), schema=schema))


def read_blocks(file: Path, wanted: Callable[[str], bool]) -> Iterator[pd.DataFrame]:
    """The `wanted` columns block by block, cells as `read_table` gives them, index from 0 in each.

    Raises:
        TableError: it is broken.
    """
    if file.suffix.lower() == ".parquet":
        try:
            with pa.parquet.ParquetFile(file) as table:
                chosen = [name for name in _unique(table.schema_arrow.names) if wanted(name)]
                for batch in table.iter_batches(columns=chosen):
                    yield _frame(batch)
        except (pa.ArrowException, OSError) as error:
            raise _broken_parquet(error) from error
        return
    columns, separator = _header(file)
    chosen = [name for name in columns if wanted(name)]
    for batch in _batches(file, columns, separator):
        yield _frame(batch.select(chosen))


def _frame(table: Any) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    return frame


def _header(file: Path) -> tuple[tuple[str, ...], str]:
    """The names of the columns, and what separates them."""
    with file.open("rb") as raw:
        start = raw.read(_MAX_HEADER)
    for mark, name in _WIDE.items():
        if start.startswith(mark):
            raise TableError(f"it is {name} text", "save it as UTF-8")
    if b"\0" in start:
        raise TableError("it holds zero bytes: it is no text, or UTF-16", "save it as UTF-8 text")
    line = start.removeprefix(codecs.BOM_UTF8).splitlines()[:1]
    try:
        text = line[0].decode() if line else ""
        found = [(next(csv.reader([text], delimiter=mark), []), mark) for mark in _SEPARATORS]
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"its first line is no header: {error}", "save it as UTF-8") from error
    names, separator = max(found, key=lambda pair: len(pair[0]))
    if not any(name.strip() for name in names):
        raise TableError("its first line is empty", "begin with the names of the columns")
    return _unique(names), separator


def _unique(names: list[str]) -> tuple[str, ...]:
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise TableError(f"column {', '.join(twice)} is there twice", "keep the one that is meant")
    return tuple(names)


def _batches(file: Path, columns: tuple[str, ...], separator: str) -> Iterator[Any]:
    """Blocks of rows as text; a line with too many or too few cells is an error."""
    try:
        reader = pa.csv.open_csv(
            file,
            read_options=pa.csv.ReadOptions(
                column_names=columns, skip_rows=1, block_size=_BLOCK, use_threads=False
            ),
            parse_options=pa.csv.ParseOptions(newlines_in_values=True, delimiter=separator),
            convert_options=pa.csv.ConvertOptions(
                column_types={name: pa.string() for name in columns},
                strings_can_be_null=False,
                check_utf8=True,
            ),
        )
        yield from reader
    except (pa.ArrowException, OSError) as error:
        if any(words in str(error) for words in _NO_ROWS):
            return
        raise TableError(
            str(error).splitlines()[0][:300],
            f"every line needs as many cells as the header, separated by {_NAMES[separator]}; text "
            "is UTF-8, and cells that hold such a mark stand in double quotes",
        ) from error


def _broken_parquet(error: Exception) -> TableError:
    return TableError(
        str(error).splitlines()[0][:300], "deliver it again; it is damaged or was cut off"
    )
