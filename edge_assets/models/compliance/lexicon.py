"""What a word is about, by `lexicon.yaml`: so that no synonym must have been seen to be understood.

It is for words what `years` is for digits. A word of the class `plastic` or `damaged` has that
class as an input of the network, beside what training learned about the word itself.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray


@cache
def lexicon() -> dict[str, frozenset[str]]:
    """The words of each class."""
    path = Path(__file__).with_suffix(".yaml")
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: frozenset(words.split()) for name, words in found.items()}


@cache
def lexicon_words() -> frozenset[str]:
    """Of all classes."""
    return frozenset().union(*lexicon().values())


def classes(words: Sequence[str]) -> NDArray[np.uint8]:
    """1 where a word is of a class, [words, classes]."""
    table = [[word in members for members in lexicon().values()] for word in words]
    return np.array(table, dtype=np.uint8).reshape(len(words), len(lexicon()))
