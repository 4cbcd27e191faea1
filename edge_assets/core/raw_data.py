"""The gate of raw data: whether a delivery can be read at all, is complete, and is new.

A delivery is one CSV or Parquet file, or a folder of them. What is wrong with single rows is judged
later, row by row; here a delivery is taken or refused as a whole.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from edge_assets.core.preparing import plain as plain_name
from edge_assets.core.tables import TableError, read_blocks, read_table, survey_table
from protos.digests import digest_file, digest_json
from protos.errors import DataRefused

MAX_BYTES = 8 << 30
FORMATS = {".csv": "csv", ".parquet": "parquet"}


class Reason(StrEnum):
    """Why a delivery was refused, for machines; written to the quarantine's `reason.json`."""

    MISSING = "missing"
    UNSUPPORTED = "unsupported_type"
    EMPTY = "empty"
    HEADER_ONLY = "header_only"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    MISSING_COLUMNS = "missing_columns"
    DELIVERED_TWICE = "delivered_twice"
    UNUSABLE_ROWS = "unusable_rows"


class DeliveryRefused(DataRefused):
    """A delivery was refused; `reason` is the code, `digest` its content where that is known."""

    def __init__(
        self, what: str, *, reason: Reason, why: str = "", remedy: str = "", digest: str = ""
    ) -> None:
        super().__init__(what, why=why, remedy=remedy)
        self.reason, self.digest = reason, digest


class Part(NamedTuple):
    """One file of a delivery: its path below the delivery, digest, rows and bytes."""

    path: str
    digest: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class Delivery:
    """What was taken; `digest` depends on the content only, not on names, times or order."""

    digest: str
    files: tuple[Part, ...]
    rows: int
    bytes: int


def inspect_delivery(
    path: Path,
    known: Mapping[str, str],
    required: Sequence[Collection[str]],
    *,
    plain: Callable[[str], str] = plain_name,
    formats: Collection[str] = ("csv", "parquet"),
    max_bytes: int = MAX_BYTES,
) -> Delivery:
    """Reads the delivery at `path` once, and takes or refuses it.

    `known` maps digests of earlier deliveries and of their files to the names of their batches.
    `required` holds groups of names; every file must have a column of each group, compared by
    `plain` (by default without case, underscores and spaces).

    Raises:
        DeliveryRefused: with the reason; the message names the file and, where known, the line.
    """
    parts: list[Part] = []
    total = 0
    for file in _files(path, formats):
        size = file.stat().st_size
        total += size
        if total > max_bytes:
            raise DeliveryRefused(
                f"{path.name} is too large",
                reason=Reason.TOO_LARGE,
                why=f"it has more than {max_bytes} bytes",
                remedy="deliver it in smaller batches",
            )
        parts.append(_inspect_file(file, path, size, required, plain))
    digests = sorted(part.digest for part in parts)
    digest = digests[0] if len(digests) == 1 else digest_json(digests)
    _refuse_known(path, digest, parts, known)
    rows = sum(part.rows for part in parts)
    if rows == 0:
        raise DeliveryRefused(
            f"{path.name} holds no rows",
            reason=Reason.HEADER_ONLY,
            why="there is a header and nothing below it",
            remedy="deliver it again when there is data",
            digest=digest,
        )
    return Delivery(digest, tuple(parts), rows, total)


def read_delivery(path: Path, *, formats: Collection[str] = ("csv", "parquet")) -> pd.DataFrame:
    """All rows of the delivery, files in the order of their digests, index from 0.

    Cells of CSV files are text (empty ones ""), so that a row with an unreadable value can be set
    aside with what it said. A column that a file lacks is missing in its rows.

    Raises:
        DeliveryRefused: a file cannot be read.
    """
    files = sorted(_files(path, formats), key=digest_file)
    tables = []
    for file in files:
        try:
            tables.append(read_table(file))
        except TableError as error:
            raise _unreadable(file.name, error) from error
    return pd.concat(tables, ignore_index=True)


def read_delivery_blocks(
    path: Path,
    wanted: Callable[[str], bool],
    *,
    formats: Collection[str] = ("csv", "parquet"),
) -> Iterator[pd.DataFrame]:
    """The `wanted` columns of all rows, block by block: the delivery may be larger than memory.

    Raises:
        DeliveryRefused: a file cannot be read.
    """
    for file in _files(path, formats):
        try:
            yield from read_blocks(file, wanted)
        except TableError as error:
            raise _unreadable(file.name, error) from error


def judge_rows(
    total: int, kept: int, reasons: Mapping[str, int], *, max_set_aside_share: float, min_rows: int
) -> None:
    """Refuses a delivery of which too much was set aside; below that, single rows do not stop it.

    Raises:
        DeliveryRefused: `kept` is below `min_rows`, or the share of rows that were not kept is
            above `max_set_aside_share`; the message names the three most frequent `reasons`.
    """
    share = 1 - kept / total if total else 1.0
    if kept >= min_rows and share <= max_set_aside_share:
        return
    top = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))[:3]
    raise DeliveryRefused(
        f"only {kept} of {total} rows can be used",
        reason=Reason.UNUSABLE_ROWS,
        why=", ".join(f"{text} ({count} rows)" for text, count in top)
        or f"at least {min_rows} are needed",
        remedy="look at the rows that were set aside; a changed unit, separator or decimal comma "
        "in the source breaks most rows at once",
    )


def _files(path: Path, formats: Collection[str]) -> Iterator[Path]:
    """The data files of a delivery, in a fixed order; names that begin with . or _ are not data."""
    if not path.exists():
        raise DeliveryRefused(
            f"{path} is not there",
            reason=Reason.MISSING,
            remedy="deliver again; write under another name and rename when complete",
        )
    found = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    below = [(file, file.relative_to(path if path.is_dir() else path.parent)) for file in found]
    data = [file for file, name in below if not any(p.startswith((".", "_")) for p in name.parts)]
    if not data:
        raise DeliveryRefused(
            f"{path.name} is empty",
            reason=Reason.EMPTY,
            why="the folder holds no data file",
            remedy="deliver at least one CSV or Parquet file",
        )
    for file in data:
        if FORMATS.get(file.suffix.lower()) not in formats:
            raise DeliveryRefused(
                f"{file.name} is no data file that can be read",
                reason=Reason.UNSUPPORTED,
                why=f"the type {file.suffix or '(none)'} is not among {', '.join(sorted(formats))}",
                remedy="deliver uncompressed .csv or .parquet files and nothing else",
            )
    yield from data


def _inspect_file(
    file: Path,
    delivery: Path,
    size: int,
    required: Sequence[Collection[str]],
    plain: Callable[[str], str],
) -> Part:
    digest = digest_file(file)
    if size == 0:
        raise DeliveryRefused(
            f"{file.name} is empty",
            reason=Reason.EMPTY,
            why="it has 0 bytes",
            remedy="deliver it again when it is written completely",
            digest=digest,
        )
    try:
        survey = survey_table(file)
    except TableError as error:
        raise _unreadable(file.name, error, digest) from error
    present = {plain(name) for name in survey.columns}
    missing = [" or ".join(group) for group in required if not present & set(map(plain, group))]
    if missing:
        raise DeliveryRefused(
            f"{file.name} lacks columns",
            reason=Reason.MISSING_COLUMNS,
            why=f"there is no {', no '.join(missing)}; it has: {', '.join(survey.columns)[:500]}",
            remedy="deliver it with these columns, separated by commas, or add the new names "
            "to model.yaml",
            digest=digest,
        )
    name = file.name if file == delivery else file.relative_to(delivery).as_posix()
    return Part(name, digest, survey.rows, size)


def _refuse_known(path: Path, digest: str, parts: Sequence[Part], known: Mapping[str, str]) -> None:
    seen: set[str] = set()
    for part in (Part(path.name, digest, 0, 0), *parts):
        within = part.digest in seen and part.digest != digest
        if part.digest in known or within:
            raise DeliveryRefused(
                f"{part.path} was delivered before",
                reason=Reason.DELIVERED_TWICE,
                why=f"the same content is in {known.get(part.digest, 'this very delivery')}",
                remedy="nothing is to be done if it was sent by mistake; rows must not count twice",
                digest=digest,
            )
        seen.add(part.digest)


def _unreadable(name: str, error: TableError, digest: str = "") -> DeliveryRefused:
    return DeliveryRefused(
        f"{name} cannot be read",
        reason=Reason.UNREADABLE,
        why=str(error),
        remedy=error.remedy,
        digest=digest,
    )
