"""The gate of parity, closed and open."""

from typing import Any

import numpy as np
import pytest

from inference_service.tune.parity import Tolerance, compare

LOOSE = Tolerance(absolute=0.1, relative=0.0)


def answers(*values: Any, dtype: Any = "f4") -> list[dict[str, Any]]:
    return [{"y": np.array(value, dtype=dtype)} for value in values]


def test_small_differences_pass() -> None:
    parity = compare(answers([1.0], [2.0]), answers([1.05], [2.0]), LOOSE)
    assert parity.passed
    assert parity.largest_difference == pytest.approx(0.05)


def test_a_large_difference_is_named_with_its_place() -> None:
    parity = compare(answers([1.0], [2.0], [3.0]), answers([1.0], [2.2], [4.5]), LOOSE)
    assert not parity.passed
    assert parity.reason == (
        "the largest difference is 1.5 (output 'y' of question 2), allowed is 0.1 + 0 * |value|"
    )


def test_the_relative_part_counts() -> None:
    right, got = answers([100.0]), answers([101.0])
    assert compare(right, got, Tolerance(0.0, 0.02)).passed
    assert not compare(right, got, Tolerance(0.0, 0.005)).passed


def test_labels_must_agree_in_their_share() -> None:
    right, got = answers(*range(10), dtype="i8"), answers(*range(9), 0, dtype="i8")
    assert compare(right, got, Tolerance(agreement=0.9)).passed
    parity = compare(right, got, Tolerance(agreement=0.95))
    assert parity.reason == "90.0% of the labels in 'y' agree, not 95.0%"
    texts = answers(["a"], ["b"], dtype=object), answers(["a"], ["c"], dtype=object)
    assert not compare(*texts, Tolerance()).passed
    assert compare(texts[0], texts[0], Tolerance()).passed


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_must_be_the_same(value: float) -> None:
    assert compare(answers([value]), answers([value]), LOOSE).passed
    assert not compare(answers([1.0]), answers([value]), LOOSE).passed
    assert not compare(answers([value]), answers([1.0]), LOOSE).passed


def test_missing_answers_and_other_shapes_do_not_pass() -> None:
    assert not compare([], [], LOOSE).passed
    assert not compare(answers([1.0], [1.0]), answers([1.0]), LOOSE).passed
    assert "[2], not [1]" in compare(answers([1.0]), answers([1.0, 1.0]), LOOSE).reason
    assert not compare(answers([1.0]), [{}], LOOSE).passed


def test_only_what_the_right_answers_name_is_compared() -> None:
    got = [{"y": np.array([1.0]), "z": np.array([9.0])}]
    assert compare(answers([1.0]), got, LOOSE).passed
