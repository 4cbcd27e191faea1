"""Words: the measure equals scipy's, silent where nothing changed, loud where something did."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from edge_assets.core.drift import WORDS, DriftPolicy, judge_drift
from edge_assets.core.drift_effects import make_splits
from edge_assets.core.drift_words import (
    MAX_WORDS,
    count_words,
    word_counts,
    word_effects,
    words_of,
)

POLICY = DriftPolicy(texts=("note",))


def notes(rows: int, seed: int, words: int = 300) -> pd.DataFrame:
    """Texts of 4 to 14 words; a few words are frequent, many are rare, as in any language."""
    rng = np.random.default_rng(seed)
    known = np.array([f"w{place}" for place in range(words)])
    shares = 1 / np.arange(1, words + 1)
    lengths = rng.integers(4, 15, rows)
    drawn = rng.choice(known, (rows, 15), p=shares / shares.sum())
    return pd.DataFrame(
        {"note": [" ".join(row[:n]) for row, n in zip(drawn, lengths, strict=True)]}
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Made of STEEL, 1985.", ["made", "of", "steel", "1985"]),
        ("isn't 'good'", ["isn't", "good"]),
        ("\u00dcber \u94a2\u6750", ["\u00fcber", "\u94a2\u6750"]),
        ("...", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_rare_words_are_counted_together() -> None:
    texts = pd.Series(
        [*("often often" for _ in range(MAX_WORDS)), *(f"once{i}" for i in range(600)), None]
    )
    counts = count_words(texts)
    assert counts.shape == (len(texts), MAX_WORDS + 1)
    totals = np.asarray(counts.sum(axis=0)).ravel()
    assert totals[0] == 2 * MAX_WORDS
    assert totals[-1] == 600 - (MAX_WORDS - 1)
    assert counts[len(texts) - 1].sum() == 0


def test_numbers_of_words() -> None:
    found = word_counts(pd.Series(["one two", "", None], dtype=object))
    assert found[:2].tolist() == [2, 0]
    assert np.isnan(found[2])


@given(
    st.lists(st.text("ab ", max_size=8), min_size=1, max_size=12),
    st.lists(st.text("bc ", max_size=8), min_size=1, max_size=12),
)
def test_the_effect_is_the_jensen_shannon_distance_of_scipy(old: list[str], new: list[str]) -> None:
    splits = make_splits(len(old), len(new), 3, seed=1)
    effect = word_effects(pd.Series(old + new, dtype=object), splits)[0]
    sides = [Counter(" ".join(texts).split()) for texts in (old, new)]
    known = sorted(set(sides[0]) | set(sides[1]))
    if not sides[0] or not sides[1]:
        assert effect == 0
    else:
        p, q = ([float(side[word]) for word in known] for side in sides)
        assert effect == pytest.approx(jensenshannon(p, q), abs=1e-6)


def test_texts_without_any_word_have_no_effect() -> None:
    splits = make_splits(3, 3, 5, seed=1)
    assert not word_effects(pd.Series(["", None, "..."] * 2, dtype=object), splits).any()


@pytest.mark.parametrize("rows", [50, 400])
def test_false_alarms_stay_near_their_rate(rows: int) -> None:
    policy = DriftPolicy(
        texts=("note",),
        min_rows=50,
        false_alarm_rate=0.05,
        min_effect=0.0,
        min_null_change=0.0,
        resamples=199,
    )
    alarms = sum(
        judge_drift(notes(500, 2 * i), notes(rows, 2 * i + 1), policy, seed=i).word == "drift"
        for i in range(60)
    )
    assert alarms <= 8  # of 60 at 0.05: more has a probability below 0.004


def test_new_words_are_drift_though_lengths_stay() -> None:
    window = notes(300, 2)
    window["note"] = window["note"].str.replace(r"\bw([0-4])\b", r"v\1", regex=True)
    verdict = judge_drift(notes(2000, 1), window, POLICY)
    assert verdict.word == "drift"
    assert verdict.drifted == ("note_words",)
    assert verdict.columns[0].measure == WORDS


def test_longer_texts_of_the_same_words_are_drift_of_their_length_only() -> None:
    pairs = notes(600, 2)["note"].to_numpy().reshape(-1, 2)
    window = pd.DataFrame({"note": [" ".join(pair) for pair in pairs]})
    verdict = judge_drift(notes(2000, 1), window, POLICY)
    assert set(verdict.drifted) == {"note_word_count", "note_length"}


def test_missing_texts_are_drift_of_their_share() -> None:
    window = notes(300, 2)
    window.loc[:99, "note"] = None
    verdict = judge_drift(notes(2000, 1), window, POLICY)
    assert verdict.word == "drift"
    assert all(column.nulls_drifted for column in verdict.columns)


def test_a_window_without_the_column_is_drift() -> None:
    window = notes(300, 2).drop(columns="note")
    assert judge_drift(notes(2000, 1), window, POLICY).word == "drift"
