"""What is to be predicted: which columns can be, and whether it is a number or a class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from edge_assets.onboarding.columns import MARKERS
from protos.errors import ConfigurationError

Kind = Literal["regression", "classification"]

MAX_CLASSES = 50
_FEW_WHOLE = 10
"""Whole numbers with at most this many values, each seen often, are classes by default."""
MIN_OF_CLASS = 8
"""A class with fewer rows may be all in the holdout, or all outside: it is left out."""
_USUAL = ("target", "label", "class", "outcome", "result", "y", "price", "diagnosis", "quality")


@dataclass(frozen=True)
class Target:
    """What is predicted. `classes` in ascending order; `rare` are those with too few rows."""

    header: str
    kind: Kind
    classes: tuple[int, ...] | tuple[str, ...] = ()
    rare: tuple[str, ...] = ()
    missing: int = 0


def candidates(table: pd.DataFrame) -> list[str]:
    """The headers of columns that could be predicted: the likeliest first, then from the right."""
    found = [header for header in table.columns if _possible(table[header])]
    found.reverse()
    return sorted(found, key=lambda header: header.strip().lower() not in _USUAL)


def _possible(cells: pd.Series) -> bool:
    known = cells[(cells != "") & ~cells.str.lower().isin(MARKERS)]
    distinct = known.nunique()
    if distinct < 2:
        return False
    return distinct <= MAX_CLASSES or float(_finite(known).mean()) > 0.95


def describe_target(table: pd.DataFrame, header: str, kind: Kind | None) -> Target:
    """The target in the column `header`; without `kind` text and few whole numbers are classes.

    Raises ConfigurationError when there is no such column, or it cannot be predicted.
    """
    if header not in table.columns:
        raise ConfigurationError(
            f"there is no column {header!r}",
            why=f"the file has: {', '.join(map(repr, table.columns))[:400]}",
            remedy=f"--target {candidates(table)[0]!r}, or another of these"
            if candidates(table)
            else "give a file with a column to predict",
        )
    cells = table[header]
    known = cells[(cells != "") & ~cells.str.lower().isin(MARKERS)]
    missing = len(cells) - len(known)
    distinct = known.nunique()
    if distinct < 2:
        said = f"every row says {known.iloc[0][:40]!r}" if distinct else "it is empty"
        raise ConfigurationError(
            f"the column {header!r} cannot be predicted",
            why=f"{said}: there is nothing to learn",
            remedy="name another column with --target, or give rows of more than one outcome",
        )
    numeric = float(_finite(known).mean()) > 0.95
    if kind is None:
        kind = "regression" if numeric and not _are_codes(known) else "classification"
    if kind == "classification":
        return _classes(header, known, missing)
    if not numeric:
        raise ConfigurationError(
            f"the column {header!r} is no number",
            why=f"it says for example {', '.join(map(repr, list(known.unique()[:3])))}",
            remedy="leave --kind away: texts are classes",
        )
    return Target(header, kind, missing=missing)


def _are_codes(known: pd.Series) -> bool:
    values = pd.to_numeric(known, errors="coerce").dropna()
    whole = bool((values == np.floor(values)).all())
    return whole and values.nunique() <= min(_FEW_WHOLE, max(2, len(values) // 10))


def _classes(header: str, known: pd.Series, missing: int) -> Target:
    numbers = pd.to_numeric(known, errors="coerce")
    whole = bool(numbers.notna().all() and (numbers == np.floor(numbers)).all())
    labels = numbers.astype("int64") if whole else known
    counts = labels.value_counts()
    often = sorted(counts.index[counts >= MIN_OF_CLASS].tolist())
    rare = sorted(counts.index[counts < MIN_OF_CLASS].tolist())
    if len(often) < 2:
        raise ConfigurationError(
            f"the column {header!r} has {len(often)} classes with {MIN_OF_CLASS} rows or more",
            why=f"two are needed; there are {counts.size} different values in {len(known)} rows",
            remedy="--kind regression if it is a number, else collect more rows of each class",
        )
    if len(often) > MAX_CLASSES:
        raise ConfigurationError(
            f"the column {header!r} has {len(often)} classes",
            why=f"at most {MAX_CLASSES} are usual; a number is predicted by a regression",
            remedy="--kind regression, or put classes together",
        )
    return Target(
        header,
        "classification",
        tuple(map(int, often)) if whole else tuple(map(str, often)),
        tuple(map(str, rare)),
        missing,
    )


def unlabelled(table: pd.DataFrame, target: Target, markers: Sequence[str] = MARKERS) -> int:
    """How many rows say nothing, or a class that is left out, about the target."""
    cells = table[target.header]
    known = (cells != "") & ~cells.str.lower().isin(markers)
    return int((~known).sum() + cells[known].isin(target.rare).sum())


def _finite(cells: pd.Series) -> "pd.Series[bool]":
    return pd.to_numeric(cells, errors="coerce").map(np.isfinite).astype(bool)
