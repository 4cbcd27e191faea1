"""Word vectors in the format of GloVe (Pennington, Socher, Manning 2014): `glove.6B.100d.txt`.

One word a line, a space, and its numbers with spaces between; UTF-8, no header. Such a file has
hundreds of thousands of lines, so it is read as a stream, and only the words that are asked for are
kept.
"""

from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protos.errors import ConfigurationError

MAX_LINE = 100_000
"""Bytes of a line at most: a vector of 300 numbers takes about 3,000."""


def read_glove(path: Path, words: Collection[str]) -> tuple[dict[str, NDArray[np.float32]], int]:
    """The vectors of those of `words` that are in the file, float32 [width], and the width.

    Words may hold spaces, as some of `glove.840B` do: the numbers are counted from the end. Lines
    of other words are looked at only as far as their number of fields.

    Raises ConfigurationError naming the line when the file is no such file: unreadable, empty, a
    vector of another width than the first, what is no finite number, or a word given twice.
    """
    wanted = set(words)
    found: dict[str, NDArray[np.float32]] = {}
    width = 0
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(iter(lambda: lines.readline(MAX_LINE), b""), start=1):
                if len(line) == MAX_LINE:
                    raise _broken(path, number, f"it is longer than {MAX_LINE} bytes")
                if not width:
                    width = _width(path, line)
                fields = line.rstrip(b"\r\n").rsplit(b" ", width)
                if len(fields) != width + 1 or not fields[0]:
                    raise _broken(path, number, f"a word and {width} numbers are expected")
                word = _decoded(path, number, fields[0])
                if word not in wanted:
                    continue
                if word in found:
                    raise _broken(path, number, f"{word!r} is there twice")
                found[word] = _vector(path, number, fields[1:])
    except OSError as error:
        raise ConfigurationError(
            f"the word vectors {path} cannot be read",
            why=error.strerror or str(error),
            remedy="correct training.embeddings in model.yaml, or set it to null",
        ) from error
    if not width:
        raise _broken(path, 1, "the file is empty")
    return found, width


def _width(path: Path, line: bytes) -> int:
    """The numbers of the first line. A header, as word2vec writes it, has two fields."""
    fields = len(line.split())
    if fields < 3:
        raise _broken(path, 1, "a word and its numbers are expected")
    return fields - 1


def _decoded(path: Path, number: int, word: bytes) -> str:
    try:
        return word.decode()
    except UnicodeDecodeError as error:
        raise _broken(path, number, "the word is not in UTF-8") from error


def _vector(path: Path, number: int, fields: list[bytes]) -> NDArray[np.float32]:
    try:
        vector = np.array([float(field) for field in fields], dtype=np.float32)
    except ValueError as error:
        raise _broken(path, number, str(error)) from error
    if not np.isfinite(vector).all():
        raise _broken(path, number, "a number is not finite")
    return vector


def _broken(path: Path, number: int, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"line {number} of {path.name} is no word vector",
        why=why,
        remedy="use a file in the format of GloVe, such as glove.6B.100d.txt",
    )
