"""Whether a text column says other things: the words of a window against those of the reference.

All words of both sides are counted, the 500 most frequent by themselves and the others together.
The effect is the Jensen-Shannon distance of the two shares: a new supplier's codes, a technician's
shorthand or another language move it, and so do names that nobody wrote before, as a whole.

Which words are counted by themselves is decided by both sides together, without knowing which row
is on which: so a random split is treated as the real one is, and the calibration of
`drift_effects` holds for words as it does for numbers. "Words that the reference lacks" would not
do: by that measure each reference is without fault in its own eyes.
"""

import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.special import rel_entr

from edge_assets.core.drift_effects import Floats, Splits

MAX_WORDS = 500
"""Words with a share of their own."""
_WORD = re.compile(r"\w+(?:['’]\w+)*")
_CHUNK = 64  # splits at once


def words_of(text: str) -> list[str]:
    """Letters and digits of any script, in lower case; an apostrophe within a word stays."""
    return _WORD.findall(text.lower())


def word_effects(texts: "pd.Series[Any]", splits: Splits) -> Floats:
    """The Jensen-Shannon distance of the shares of words, for every split; 0 to sqrt(ln 2) = 0.83.

    Natural logarithm, as for categories. A row counts with each of its words; missing texts are
    left out. A split with no word on one side has distance 0.
    """
    counts = count_words(texts)
    effects = np.zeros(len(splits))
    total = np.asarray(counts.sum(axis=0), dtype=np.float64).ravel()
    if len(total) < 2:
        return effects
    by_word = counts.T.tocsr()
    for start in range(0, len(splits), _CHUNK):
        chosen = splits[start : start + _CHUNK].astype(np.float32)
        inside = np.asarray(by_word @ chosen.T, dtype=np.float64).T
        outside = total - inside
        sizes = inside.sum(axis=1), outside.sum(axis=1)
        both = (sizes[0] > 0) & (sizes[1] > 0)
        p = inside[both] / sizes[0][both, None]
        q = outside[both] / sizes[1][both, None]
        middle = (p + q) / 2
        divergence = (rel_entr(p, middle) + rel_entr(q, middle)).sum(axis=1) / 2
        effects[start : start + _CHUNK][both] = np.sqrt(np.maximum(divergence, 0.0))
    return effects


def count_words(texts: "pd.Series[Any]") -> csr_matrix:
    """How often each row has each word, float32 [rows, words]: falling frequency, ties by alphabet.

    Beyond `MAX_WORDS` words the last column holds all others.
    """
    found = [words_of(str(text)) if there else [] for text, there in _told(texts)]
    rows = np.repeat(np.arange(len(found)), [len(words) for words in found])
    if not len(rows):
        return csr_matrix((len(found), 0), dtype=np.float32)
    flat = np.array([word for words in found for word in words], dtype=object)
    codes, vocabulary = pd.factorize(flat, sort=True)
    totals = np.bincount(codes)
    rank = np.empty(len(vocabulary), dtype=np.int64)
    rank[np.argsort(-totals, kind="stable")] = np.arange(len(vocabulary))
    columns = np.minimum(rank[codes], MAX_WORDS)
    ones = np.ones(len(rows), dtype=np.float32)
    shape = (len(found), int(columns.max()) + 1)
    return csr_matrix((ones, (rows, columns)), shape=shape)


def word_counts(texts: "pd.Series[Any]") -> NDArray[np.float64]:
    """The number of words of each text, shape [rows]; NaN where it is missing."""
    return np.array(
        [len(words_of(str(text))) if there else np.nan for text, there in _told(texts)],
        dtype=np.float64,
    )


def _told(texts: "pd.Series[Any]") -> "zip[tuple[Any, Any]]":
    return zip(texts.tolist(), texts.notna().tolist(), strict=True)
