"""The gate of the metric, closed and open."""

from typing import Any

import numpy as np
import pytest

from inference_service.tune.metric import figures, lost
from inference_service.tune.parity import Tolerance


def answers(values: Any, dtype: Any = "f4") -> list[dict[str, Any]]:
    return [{"y": np.array([[value]], dtype=dtype)} for value in values]


def test_of_labels_the_share_that_is_right_counts() -> None:
    truth = answers(range(100), "i8")
    right = answers([*range(98), 0, 0], "i8")
    worse = answers([*range(96), 0, 0, 0, 0], "i8")
    assert figures(truth, right) == {"y": pytest.approx(0.98)}
    assert lost(truth, right, right, Tolerance()) == ""
    assert lost(truth, worse, right, Tolerance(metric=0)) == "", "being better is no loss"
    assert lost(truth, right, worse, Tolerance(metric=0.03)) == ""
    assert lost(truth, right, worse, Tolerance()) == (
        "the share of right labels in 'y' is 0.96 instead of 0.98, 0.01 is accepted"
    )


def test_of_numbers_the_mean_absolute_error_counts() -> None:
    truth, right, worse = answers([1.0, 2.0]), answers([2.0, 3.0]), answers([2.04, 3.0])
    exact = Tolerance(absolute=0.0)
    assert figures(truth, right) == {"y": pytest.approx(1.0)}
    assert lost(truth, right, worse, Tolerance(absolute=0.0, metric=0.03)) == ""
    assert "mean absolute error in 'y' is 1.02 instead of 1" in lost(truth, right, worse, exact)
    assert lost(truth, right, worse, Tolerance(absolute=0.03)) == ""


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_worse(value: float) -> None:
    truth, right = answers([1.0, 2.0]), answers([1.5, 2.5])
    assert lost(truth, right, answers([value, 2.5]), Tolerance(metric=1.0))


def test_missing_answers_are_worse() -> None:
    truth, right = answers([1.0]), answers([1.5])
    assert lost(truth, right, [{}], Tolerance())
    assert lost(truth, right, [{"y": np.array([1.5])}], Tolerance())


def test_texts_are_labels() -> None:
    truth, right = answers(["a", "b"], object), answers(["a", "b"], object)
    assert figures(truth, right) == {"y": 1.0}
    assert lost(truth, right, answers(["a", "c"], object), Tolerance())


def test_without_truth_nothing_is_lost() -> None:
    assert figures([], []) == {}
    assert lost([], [], [], Tolerance()) == ""
