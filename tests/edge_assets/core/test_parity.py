import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assets.core.parity import compare

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
