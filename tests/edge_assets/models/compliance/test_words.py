import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assets.models.compliance.words import (
    COMMON,
    PAD,
    RARE,
    UNKNOWN,
    USUAL,
    numbers_of,
    places_of,
    vocabulary_of,
    words_of,
)
from edge_assets.models.compliance.years import MARKS, YEAR_WORDS, thermometers, year_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \t\n", []),
        ("Made in 1985, of STEEL.", ["made", "in", "1985", "of", "steel"]),
        ("steel/good/'87", ["steel", "good", "'87"]),
        ("isn\u2019t (good) \u2014 poor\u2026", ["isn't", "good", "poor"]),
        (
            "rated 'good', the drivers' \u2018best\u2019",
            ["rated", "'good", "the", "drivers", "\u2018best"],
        ),
        ("\u00c4tz-Teil \u0130", ["\u00c4tz", "teil", "\u0130"]),  # ASCII letters only change
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.text())
def test_words_hold_no_separator_and_no_capital(text: str) -> None:
    for word in words_of(text):
        assert word
        assert not set(word) & set(COMMON + USUAL + RARE + " ")
        assert not any("A" <= letter <= "Z" for letter in word)


def test_the_vocabulary_has_what_occurs_often_enough_and_what_it_must() -> None:
    texts = ["good good steel", "good iron", "steel"]
    assert vocabulary_of(texts, least=2) == ("good", "steel")
    assert vocabulary_of(texts, least=2, always=["1985"]) == ("1985", "good", "steel")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("'plastic", "plastic"),
        ("plstic", "plastic"),
        ("platsic", "plastic"),
        ("plastic", "plastic"),
        ("plasti", None),  # the last letter is wrong
        ("pltic", None),  # two slips
        ("wor", None),  # too short to be known
        ("stared", None),  # starred, or started
        ("'87", "'87"),
        ("187", None),
    ],
)
def test_a_word_is_known_in_spite_of_a_quotation_mark_or_one_slip(
    written: str, meant: str | None
) -> None:
    places = places_of(["'87", "1987", "plastic", "starred", "started", "worn"])
    assert places.get(written) == (places[meant] if meant else None)


def test_numbers_are_filled_up_behind_the_longest() -> None:
    numbers = numbers_of([["good", "odd"], []], places_of(["bad", "good"]))
    assert numbers.tolist() == [[3, UNKNOWN, PAD], [PAD, PAD, PAD]]
    assert numbers_of([[]], places_of(["bad"])).shape == (1, 1)


@pytest.mark.parametrize(
    ("word", "year"),
    [
        ("1985", 1985),
        ("2099", 2099),
        ("'87", 1987),
        ("'04", 2004),
        ("'50", 1950),
        ("1980s", 1985),
        ("80s", 1985),
        ("85", None),
        ("1785", None),
        ("19850", None),
        ("steel", None),
    ],
)
def test_years(word: str, year: int | None) -> None:
    assert year_of(word) == year


def test_a_thermometer_rises_with_the_year() -> None:
    table = thermometers(["steel", "1899", "1994", "1995", "2099"])
    assert table.sum(axis=1).tolist() == [0, 0, 1 + 8, 1 + 9, 1 + len(MARKS)]
    assert np.all(np.diff(table[1:, 1:], axis=1) <= 0)
    assert all(year_of(word) is not None for word in YEAR_WORDS)
    assert len(set(YEAR_WORDS)) == len(YEAR_WORDS)
