import random
from collections import Counter

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assets.edge_model import EdgeModel
from edge_assets.models.compliance.grammar import Grammar
from edge_assets.models.compliance.sample import SHORTHAND, SUPPLIER, describe, sample, translate
from edge_assets.models.compliance.sample_facts import Facts, draw
from edge_assets.models.compliance.sample_text import FULL, PLAIN, USUAL, mistyped
from edge_assets.models.compliance.sample_years import age_phrase, year_in_words, year_phrase
from edge_assets.models.compliance.words import words_of
from tests.edge_assets.models.compliance.conftest import EDGE_MODEL

CHALLENGE = pd.read_csv(EDGE_MODEL.folder / "challenge.csv")


@pytest.mark.parametrize(
    ("facts", "label"),
    [
        (Facts(1995, "steel", "good"), False),
        (Facts(2026, "carbon", "new"), False),
        (Facts(1994, "steel", "good"), True),
        (Facts(2010, "plastic", "new"), True),
        (Facts(2010, "iron", "good"), True),
        (Facts(2010, "steel", "fair"), True),
        (Facts(2010, "carbon", "poor"), True),
    ],
)
def test_the_regulation(facts: Facts, label: bool) -> None:
    assert facts.non_compliant is label


def test_the_same_seed_gives_the_same_descriptions() -> None:
    assert sample(200, 3).equals(sample(200, 3))
    assert not sample(200, 3).equals(sample(200, 4))


def test_labels_are_balanced_and_descriptions_vary() -> None:
    kept = EDGE_MODEL.prepare(sample(3000, 5)).kept
    assert 0.45 < kept["non_compliant"].mean() < 0.55
    assert kept["description"].duplicated().mean() < 0.01
    assert kept["description"].str.len().max() <= 400


def test_broken_rows_are_set_aside_and_the_others_kept(edge_model: EdgeModel) -> None:
    raw = sample(1000, 5, bad_share=0.2)
    prepared = edge_model.prepare(raw)
    assert 120 < len(prepared.set_aside) < 280
    assert set(prepared.set_aside["reason"]) == {
        "description: is missing",
        "non_compliant: is missing",
        "non_compliant: no number",
    }
    assert set(prepared.kept["non_compliant"]) == {0, 1}


@pytest.mark.parametrize("arguments", [(-1, 0), (1, 0, "weather")])
def test_what_makes_no_sense_is_refused(arguments: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"shift|rows"):
        sample(*arguments)


@given(seed=st.integers(0, 2**32))
def test_every_description_is_filled_in(seed: int) -> None:
    rng = random.Random(seed)
    text = describe(draw(rng), rng)
    assert text.strip()
    assert "<" not in text
    assert len(text) <= 400


@given(year=st.integers(1900, 2099), seed=st.integers(0, 2**32))
def test_a_phrase_of_a_year_names_no_year_of_the_other_side(year: int, seed: int) -> None:
    phrase = year_phrase(year, random.Random(seed))
    for word in words_of(phrase):
        if len(word) == 4 and word.isdigit() and "after" not in phrase and "before" not in phrase:
            assert (int(word) < 1995) == (year < 1995)
    if "millennium" in phrase:
        assert year >= 1995
    elif "before" in phrase:
        assert year < int(phrase.split()[-1]) <= 1995
    elif "after" in phrase:
        assert 1995 <= int(phrase.split()[-1]) <= year


@given(year=st.integers(1900, 2026), seed=st.integers(0, 2**32))
def test_an_age_is_given_only_where_a_few_years_do_not_matter(year: int, seed: int) -> None:
    phrase = age_phrase(year, random.Random(seed))
    if 1991 < year < 1998:
        assert phrase == f"from {year}"
    else:
        assert "old" in phrase or "of age" in phrase or phrase in (f"from {year}", "made last year")


@pytest.mark.parametrize(
    ("year", "written"),
    [
        (1987, {"nineteen eighty-seven", "nineteen eighty seven"}),
        (1995, {"nineteen ninety-five", "nineteen ninety five"}),
        (1990, {"nineteen ninety"}),
        (1913, {"nineteen thirteen"}),
        (2000, {"two thousand"}),
        (
            2004,
            {"two thousand four", "two thousand and four", "twenty oh-four", "twenty zero-four"},
        ),
        (2014, {"twenty fourteen", "two thousand fourteen", "two thousand and fourteen"}),
    ],
)
def test_years_in_words(year: int, written: set[str]) -> None:
    found = {year_in_words(year, random.Random(seed)) for seed in range(60)}
    assert found == written


@pytest.mark.parametrize("grammar", [FULL, USUAL, PLAIN])
def test_every_rule_that_is_asked_for_is_there(grammar: Grammar) -> None:
    given_by_facts = {
        *("stuff", "other", "adj", "wrong", "when", "age_of", "any_when", "any_year", "later"),
        *("old_or_not", "mixed"),
        *(f"c_{kind}" for kind in ("pre", "post", "vp", "frag", "sent", "kv", "np")),
    }
    assert not grammar.asked_for() - grammar.names() - given_by_facts


def test_a_slip_of_the_finger_changes_one_letter_or_two() -> None:
    found = {mistyped("steel", random.Random(seed)) for seed in range(60)}
    assert {"stel", "seteel", "tseel"} & found == {"stel"}
    assert all(4 <= len(word) <= 6 and word[0] == "s" for word in found)
    assert mistyped("of", random.Random(0)) == "of"


@pytest.mark.parametrize("words", [SUPPLIER, SHORTHAND])
def test_a_shift_says_the_same_in_other_words(words: dict[str, str]) -> None:
    text = "Stainless steel lever of 2001, in GOOD condition, not carbon fiber; the ironing board"
    told = translate(text, words)
    assert "GOOD" not in told
    assert "carbon" not in told
    assert "2001" in told
    assert "ironing" in told


def test_the_challenge_is_balanced_large_and_in_no_sample(edge_model: EdgeModel) -> None:
    assert len(CHALLENGE) >= 150
    assert CHALLENGE["non_compliant"].mean() == 0.5
    assert CHALLENGE["description"].is_unique
    assert Counter(CHALLENGE["part"]) == {"a": 100, "b": 100}
    sentences = {tuple(words_of(text)) for text in CHALLENGE["description"]}
    for seed, rows, shift in ((1, 15_000, "none"), (2, 3000, "supplier"), (3, 3000, "shorthand")):
        made = edge_model.sample_rows(rows, seed, shift)["description"]
        assert not sentences & {tuple(words_of(text)) for text in made}


def test_the_challenge_has_what_it_is_for() -> None:
    text = CHALLENGE["description"].str.lower()
    for pattern, least in (
        (r"\bnineteen\b|\btwo thousand\b|\btwenty\b", 30),
        (r"'\d\d", 8),
        (r"\bnot?\b|n't|never|neither|rather than|no longer|instead of", 40),
    ):
        assert text.str.contains(pattern).sum() >= least
