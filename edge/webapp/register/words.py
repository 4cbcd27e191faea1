"""Which words of a description drove its label: pure functions for the page."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LISTED = 6
_LEAST_SHARE = 0.1  # of the strongest weight: weaker words would colour everything
_QUOTES = str.maketrans({"\u2019": "'", "\u2018": "'"})  # models write the apostrophe of ASCII


@dataclass(frozen=True)
class Driver:
    """A word that drove the label; `share` of the strongest, above 0 to 1; `against` compliance."""

    word: str
    share: float
    against: bool


@dataclass(frozen=True)
class Piece:
    """A piece of the description; `driver` None where it is nothing but text."""

    text: str
    driver: Driver | None = None


def explain(text: str, words: Iterable[Sequence[object]]) -> tuple[list[Piece], list[Driver]]:
    """`text` cut so that each word that drove the label is a piece of its own; and these words.

    `words` are pairs of word and weight in the order of the text, as the model has them: a weight
    above 0 speaks for non-compliant, and one word may weigh differently in two places. The pieces
    together are `text`, character by character. The words come strongest first, six at most.
    """
    pairs = [(str(word), float(weight)) for word, weight in words]  # type: ignore[arg-type]
    listed = strongest(pairs)
    top = max((abs(weight) for _, weight in pairs), default=0.0)
    shown = {(driver.word, driver.against): driver for driver in listed}
    pieces: list[Piece] = []
    end = 0
    for start, stop, word, weight in _places(text, pairs):
        driver = shown.get((word.casefold(), weight > 0))
        if driver is None or abs(weight) < _LEAST_SHARE * top:
            continue
        if start > end:
            pieces.append(Piece(text[end:start]))
        pieces.append(Piece(text[start:stop], driver))
        end = stop
    if end < len(text):
        pieces.append(Piece(text[end:]))
    return pieces, listed


def strongest(pairs: Iterable[tuple[str, float]]) -> list[Driver]:
    """The words that count, strongest first; each once for what it speaks for."""
    weights: dict[tuple[str, bool], float] = {}
    for word, weight in pairs:
        key = word.casefold(), weight > 0
        weights[key] = max(weights.get(key, 0.0), abs(weight))
    top = max(weights.values(), default=0.0)
    found = [
        Driver(word, size / top, against)
        for (word, against), size in weights.items()
        if word and size and size >= _LEAST_SHARE * top
    ]
    return sorted(found, key=lambda driver: (-driver.share, driver.word))[:LISTED]


def _places(text: str, pairs: Iterable[tuple[str, float]]) -> Iterable[tuple[int, int, str, float]]:
    """Where each pair is in the text: start, end, word, weight. What is not found is left out."""
    plain, at = text.translate(_QUOTES), 0
    for word, weight in pairs:
        pattern = rf"(?<!\w){re.escape(word)}(?!\w)"
        match = re.compile(pattern, re.IGNORECASE).search(plain, at) if word else None
        if match is not None:
            at = match.end()
            yield match.start(), at, word, weight
