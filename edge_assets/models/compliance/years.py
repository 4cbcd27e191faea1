"""What a written year says by its digits: so that no year must have been seen to be understood.

A word like 1987, '87, 1980s or 80s becomes a thermometer: one number for every five years, 1 where
the year is not earlier, 0 where it is. Years in words (nineteen eighty-seven) are left to the
network.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MARKS = tuple(range(1955, 2030, 5))
"""Years before the first mark are alike to the thermometer, and so are those from the last on."""
CENTURY = 50
"""Two digits from here on are of the last century."""
_FULL = re.compile(r"(19|20)\d\d")
_SHORT = re.compile(r"'(\d\d)")
_DECADE = re.compile(r"'?((?:19|20)?\d0)'?s")

YEAR_WORDS = (
    *(str(year) for year in range(1900, 2100)),
    *(f"'{year:02d}" for year in range(100)),
    *(f"{decade}s" for decade in (*range(1900, 2100, 10), *range(10, 100, 10))),
)
"""In every vocabulary, whatever was seen in training."""


def year_of(word: str) -> int | None:
    """The year that a word writes in digits; of a decade its middle; None for any other word."""
    if _FULL.fullmatch(word):
        return int(word)
    if short := _SHORT.fullmatch(word):
        return _whole(int(short[1]))
    if decade := _DECADE.fullmatch(word):
        return _whole(int(decade[1])) + 5
    return None


def thermometers(words: Sequence[str]) -> NDArray[np.float32]:
    """The thermometer of each word, float32 [words, 1 + marks].

    The first number is 1 for a year; all are 0 for a word that is none.
    """
    table = np.zeros((len(words), 1 + len(MARKS)), dtype=np.float32)
    for row, word in zip(table, words, strict=True):
        year = year_of(word)
        if year is not None:
            row[0] = 1
            row[1:] = [year >= mark for mark in MARKS]
    return table


def _whole(year: int) -> int:
    return year if year >= 100 else year + (1900 if year >= CENTURY else 2000)
