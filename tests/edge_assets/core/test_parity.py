from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assets.core.parity import ParityVerdict, compare, compare_outputs

FINITE = st.floats(-1e6, 1e6)


def test_opens_within_the_tolerance_and_tells_the_largest_differences() -> None:
    verdict = compare([1.0, 100.0], np.array([[1.0005], [100.001]]), absolute=1e-3, relative=1e-4)
    assert verdict.passed
    assert verdict.rows == 2
    assert verdict.max_abs == pytest.approx(1e-3)
    assert verdict.max_rel == pytest.approx(5e-4)
    assert verdict.reason == "all 2 rows agree"


def test_closes_beyond_it_and_names_the_rows() -> None:
    verdict = compare([1.0, 2.0, 3.0], [1.0, 2.1, 3.1], absolute=1e-3, relative=0)
    assert not verdict.passed
    assert verdict.failed_rows == 2
    assert verdict.failed == (1, 2)
    assert "2 of 3 rows" in verdict.reason


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ([np.nan], [np.nan]),
        ([1.0], [np.nan]),
        ([np.inf], [np.inf]),
        ([np.nan], [1.0]),
        ([1e300], [-np.inf]),
    ],
)
def test_what_is_not_finite_is_no_answer(expected: list[float], actual: list[float]) -> None:
    verdict = compare(expected, actual, absolute=1e9, relative=1e9)
    assert not verdict.passed
    assert verdict.max_abs == np.inf
    assert verdict.max_rel == np.inf


@pytest.mark.parametrize(
    ("expected", "actual"), [([], []), ([1.0], [1.0, 1.0]), ([[1.0, 2.0]], [1.0])]
)
def test_closes_without_rows_and_on_other_shapes(expected: object, actual: object) -> None:
    assert not compare(expected, actual, absolute=1, relative=1).passed  # type: ignore[arg-type]


def test_one_wrong_column_fails_its_row_once() -> None:
    verdict = compare(np.zeros((3, 2)), [[0, 0], [5, 5], [0, 0]], absolute=0, relative=0)
    assert (verdict.failed_rows, verdict.failed) == (1, (1,))


def test_labels_must_be_equal() -> None:
    assert compare(["a", "b"], np.array(["a", "b"], object), absolute=0, relative=0).passed
    verdict = compare(["a", "b"], ["a", "c"], absolute=1e9, relative=1e9)
    assert verdict.failed == (1,)


@given(st.lists(FINITE, min_size=1, max_size=20), st.floats(0, 1), st.floats(0, 1), st.data())
def test_agrees_with_numpy(
    expected: list[float], absolute: float, relative: float, data: st.DataObject
) -> None:
    actual = [value + data.draw(st.floats(-2, 2)) for value in expected]
    verdict = compare(expected, actual, absolute=absolute, relative=relative)
    close = np.isclose(actual, expected, rtol=relative, atol=absolute)
    assert verdict.passed == bool(close.all())
    assert verdict.failed_rows == int((~close).sum())


def _classes(scores: Sequence[Sequence[float]], labels: Sequence[str]) -> dict[str, Any]:
    return {"y": np.array(labels, object).reshape(-1, 1), "p": np.array(scores)}


def _judged(expected: dict[str, Any], actual: dict[str, Any], **how: Any) -> ParityVerdict:
    given = {"label": "y", "scores": "p", "classes": ("a", "b", "c"), **how}
    return compare_outputs(expected, actual, absolute=1e-3, relative=0.0, **given)


def test_every_output_must_agree() -> None:
    expected = {"y": np.array([1.0, 2.0]), "z": np.array([[1.0, 1.0], [2.0, 2.0]])}
    assert compare_outputs(expected, expected, absolute=0, relative=0).passed
    wrong = {**expected, "z": expected["z"] + [[0, 0], [0, 0.5]]}
    verdict = compare_outputs(expected, wrong, absolute=0.1, relative=0)
    assert not verdict.passed
    assert verdict.reason.startswith("z: 1 of 2 rows")
    assert (verdict.failed, verdict.max_abs) == ((1,), 0.5)


def test_an_output_that_is_missing_or_of_another_shape_closes() -> None:
    expected = _classes([[0.5, 0.5, 0.0]], ["a"])
    for wrong in ({"p": expected["p"]}, {**expected, "y": expected["y"].repeat(2, axis=0)}):
        verdict = _judged(expected, wrong)
        assert not verdict.passed
        assert verdict.reason.startswith("y: shapes differ")
    assert not compare_outputs({}, {}, absolute=1, relative=1).passed


def test_another_class_is_right_where_it_is_as_near() -> None:
    expected = _classes([[0.5, 0.4999, 0.0001], [0.6, 0.4, 0.0]], ["a", "a"])
    assert _judged(expected, _classes(expected["p"], ["b", "a"])).passed
    verdict = _judged(expected, _classes(expected["p"], ["b", "b"]))
    assert (verdict.passed, verdict.failed) == (False, (1,))


def test_a_tie_of_two_does_not_excuse_a_third_class() -> None:
    expected = _classes([[0.5, 0.5, 0.0]], ["a"])
    assert not _judged(expected, _classes(expected["p"], ["c"])).passed
    assert not _judged(expected, _classes(expected["p"], ["no class"])).passed


def test_scores_that_are_no_numbers_excuse_nothing() -> None:
    expected = _classes([[np.nan, 0.5, 0.5]], ["a"])
    assert _judged(expected, _classes(expected["p"], ["b"])).failed_rows == 1


@given(
    scores=st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=6),
    noise=st.floats(-1e-3, 1e-3),
)
def test_scores_within_the_tolerance_never_fail_by_their_class(
    scores: list[list[float]], noise: float
) -> None:
    """Whatever class the artifact reads from scores that pass, passes too."""
    wanted = np.array(scores)
    got = wanted + noise * np.array([1.0, -1.0, 0.5])
    names = np.array(["a", "b", "c"], object)
    expected = _classes(wanted.tolist(), names[wanted.argmax(axis=1)].tolist())
    actual = _classes(got.tolist(), names[got.argmax(axis=1)].tolist())
    if compare(wanted, got, absolute=1e-3, relative=0.0).passed:
        assert _judged(expected, actual).passed
