"""From a description to words and their numbers, for training; `text_graph` is the same in ONNX.

A text is lower-cased in ASCII only, every separator becomes a space, and what stands between spaces
is a word. Everything else stays inside of words: letters of other languages and the apostrophe,
because "isn't" and "'87" say more than their parts; but one at the end of a word is left out.

A word that is not in the vocabulary counts as one that is, where it is that with a quotation mark
before it or with one slip of the finger.
"""

import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

PAD, UNKNOWN = 0, 1
"""The numbers of no word, and of a word that is not in the vocabulary."""
FIRST = 2
"""The number of the vocabulary's first word."""

COMMON = ",.-"
USUAL = ";:/()\n"
RARE = '\t\r\x0b\x0c!?"_[]{}|+*=<>@#$%^&~`\\\u2013\u2014\u00a0\u201c\u201d\u2026'
"""Separators, apart from the space: the graph looks for rarer ones only where it has reason to."""
CLEAR = 6
"""Letters of a word that is known in spite of a slip of the finger."""
QUOTE = "\u2019"
"""What telephones and word processors write for an apostrophe."""

_WRITTEN = str.maketrans(
    {
        **dict.fromkeys(COMMON + USUAL + RARE, " "),
        **dict(zip(string.ascii_uppercase, string.ascii_lowercase, strict=True)),
        QUOTE: "'",
    }
)


def words_of(text: str) -> list[str]:
    """The words of a description, in order."""
    return [word for word in f"{text.translate(_WRITTEN)} ".replace("' ", " ").split(" ") if word]


def vocabulary_of(
    texts: Iterable[str], *, least: int, always: Iterable[str] = ()
) -> tuple[str, ...]:
    """The words in at least `least` of the texts, and those of `always`; in alphabetical order."""
    counts = Counter(word for text in texts for word in set(words_of(text)))
    return tuple(sorted({*always, *(word for word in counts if counts[word] >= least)}))


def places_of(vocabulary: Sequence[str]) -> dict[str, int]:
    """The number of each word, and of what is taken for it: `'word`, and words with one letter too
    few or two in each other's place. What two words may be written as is taken for neither.
    """
    meant: dict[str, int] = {}
    for place, word in enumerate(vocabulary):
        for written in _misspelt(word):
            meant[written] = UNKNOWN if written in meant else FIRST + place
    places = {written: place for written, place in meant.items() if place != UNKNOWN}
    places |= {f"'{word}": FIRST + place for place, word in enumerate(vocabulary)}
    return places | {word: FIRST + place for place, word in enumerate(vocabulary)}


def _misspelt(word: str) -> set[str]:
    """With one slip of the finger; the first letter and the last are right. Of a short word, or of
    one in figures, too little is left to know it by."""
    if len(word) < CLEAR or not word.isalpha():
        return set()
    inner = range(1, len(word) - 1)
    fewer = {word[:at] + word[at + 1 :] for at in inner}
    turned = {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in inner[:-1]}
    return fewer | turned - {word}


def numbers_of(words: Sequence[Sequence[str]], places: Mapping[str, int]) -> NDArray[np.int64]:
    """The numbers of words, int64 [texts, longest + 1]; rows are filled up with PAD.

    The column behind the longest text keeps a table of empty texts from having no column at all.
    """
    width = 1 + max((len(row) for row in words), default=0)
    numbers = np.full((len(words), width), PAD, dtype=np.int64)
    for row, found in zip(numbers, words, strict=True):
        row[: len(found)] = [places.get(word, UNKNOWN) for word in found]
    return numbers
