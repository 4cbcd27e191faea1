"""Which rows of a delivery are one model's own, by `data.where` of its model.yaml.

Several models may take from the same deliveries, each the rows of one product, line or site. A row
of another model is no bad row: it is counted, and that is all.
"""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

import pandas as pd

from edge_assets.core.config_data import Data
from edge_assets.core.prepared import REASON
from edge_assets.core.preparing import cells_of, is_empty, plain

_WHOLE = re.compile(r"([+-]?\d+)\.0+")
"""A whole number as tables with unknown cells write it."""


class Taken(NamedTuple):
    """A delivery divided: all three together hold each of its rows once, and keep its index.

    `unknown` are rows of which nobody knows whose they are, with the column `reason`; of `others`,
    the rows of other models, only the number is kept.
    """

    own: pd.DataFrame
    unknown: pd.DataFrame
    others: int


class Counted(NamedTuple):
    """As `Taken`, in rows."""

    own: int
    unknown: int
    others: int


def names_of(data: Data, column: str) -> tuple[str, ...]:
    """All names of a column of `where`: one that is an input as well has that one's aliases."""
    found = [c for c in data.columns if plain(column) in map(plain, (c.name, *c.aliases))]
    return (column, *(name for c in found for name in (c.name, *c.aliases)))


def take(raw: pd.DataFrame, data: Data) -> Taken:
    """The rows of `raw` that match every column of `data.where`; all, where there is none.

    A row is another model's as soon as one column says so, even where a second one is empty.
    """
    foreign = pd.Series(False, index=raw.index)
    reasons = pd.Series("", index=raw.index)
    for column, value in data.where.items():
        cells = cells_of(raw, names_of(data, column))
        empty = is_empty(cells)
        texts = cells.map(str)
        same = texts.map({text: matches(text, value) for text in texts.unique()}).astype(bool)
        foreign |= ~empty & ~same
        reasons[empty & (reasons == "")] = f"{column}: is missing, so it is no model's row"
    unknown = ~foreign & (reasons != "")
    return Taken(
        raw[~foreign & ~unknown],
        raw[unknown].assign(**{REASON: reasons[unknown]}),
        int(foreign.sum()),
    )


def matches(text: str, value: float | int | str) -> bool:
    """Whether a cell says `value`, spaces around it aside.

    A number is compared as such, so that 7 is "7", "7.0" and "007". A text is compared letter by
    letter; only zeros behind the point of a whole number do not count: "7" is "7.0", but not "007".
    """
    if isinstance(value, str):
        return _plain_text(text) == _plain_text(value)
    try:
        return Decimal(text.strip()) == Decimal(str(value))
    except InvalidOperation:
        return False


def told(where: Mapping[str, float | int | str]) -> str:
    """`where` in words, as `product = 7, site = Ulm`."""
    return ", ".join(f"{column} = {value}" for column, value in where.items())


def _plain_text(text: str) -> str:
    stripped = text.strip()
    whole = _WHOLE.fullmatch(stripped)
    return whole[1] if whole else stripped
