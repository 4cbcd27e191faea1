import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.webapp.model_client import drivers
from edge.webapp.register.words import LISTED, explain


def marked(text: str, words: list[tuple[str, float]]) -> list[tuple[str, bool]]:
    pieces, _ = explain(text, words)
    return [(piece.text, piece.driver.against) for piece in pieces if piece.driver]


def test_each_word_is_marked_by_what_it_speaks_for() -> None:
    text = "Poor-condition PLASTIC cover, good steel"
    words = [("poor", 3.0), ("condition", 0.1), ("plastic", 4.0), ("good", -1.0)]
    assert marked(text, words) == [("Poor", True), ("PLASTIC", True), ("good", False)]
    _, listed = explain(text, words)
    assert [driver.word for driver in listed] == ["plastic", "poor", "good"]
    assert [driver.share for driver in listed] == [1.0, 0.75, 0.25]


def test_one_word_may_weigh_differently_in_two_places() -> None:
    text = "not plastic but a plastic cover"
    words = [("not", -2.0), ("plastic", -1.0), ("but", 0.0), ("a", 0.0), ("plastic", 4.0)]
    assert marked(text, words) == [("not", False), ("plastic", False), ("plastic", True)]


def test_a_word_is_not_found_inside_of_another_or_as_a_pattern() -> None:
    assert marked("ironing iron", [("iron", 1.0)]) == [("iron", True)]
    assert marked("a+b c", [("a+b", 1.0), (".*", 1.0)]) == [("a+b", True)]


def test_the_apostrophe_of_telephones_is_found() -> None:
    assert marked("it isn’t iron", [("isn't", -1.0)]) == [("isn’t", False)]


def test_words_that_are_not_there_are_listed_all_the_same() -> None:
    pieces, listed = explain("steel", [("plastic", 1.0)])
    assert [piece.text for piece in pieces] == ["steel"]
    assert [driver.word for driver in listed] == ["plastic"]


@given(
    st.text(max_size=80),
    st.lists(st.tuples(st.text(max_size=8), st.floats(-9, 9)), max_size=20),
)
def test_the_pieces_are_the_text(text: str, words: list[tuple[str, float]]) -> None:
    pieces, listed = explain(text, words)
    assert "".join(piece.text for piece in pieces) == text
    assert len(listed) <= LISTED
    assert all(0 < driver.share <= 1 for driver in listed)


@given(st.lists(st.from_regex(r"[a-z]{1,5}", fullmatch=True), min_size=1, max_size=12))
def test_words_in_order_are_all_found(words: list[str]) -> None:
    text = " ".join(words)
    found = marked(text, [(word, 1.0) for word in words])
    shown = {word for word, _ in found}
    assert [word for word, _ in found] == [word for word in words if word in shown]
    assert len(shown) == min(LISTED, len(set(words)))


@pytest.mark.parametrize(
    ("words", "weights", "expected"),
    [
        (["a", "", "b"], [1.0, 0.0, -1.0], (("a", 1.0), ("b", -1.0))),
        (["a", "b"], [math.nan, math.inf], ()),
        (["a"], [], ()),
        ([], [], ()),
        ([1], [1.0], ()),
    ],
)
def test_only_words_with_a_weight_are_kept(words: Any, weights: Any, expected: Any) -> None:
    assert drivers(words, weights) == expected
