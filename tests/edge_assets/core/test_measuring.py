"""The usual metrics, against scikit-learn's, and what no metric can be made of."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics

from edge_assets.core.measuring import (
    classification_metrics,
    confusion,
    errors_of_classes,
    places_of,
    regression_metrics,
)

CLASSES = ("x", "y", "z")
labelled = st.lists(
    st.tuples(
        st.sampled_from(CLASSES),
        st.sampled_from(CLASSES),
        st.lists(st.floats(0.01, 1), min_size=3, max_size=3),
    ),
    min_size=1,
    max_size=30,
)


def _parts(rows: list[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    shares = np.array([row[2] for row in rows])
    return (
        np.array([row[0] for row in rows], object),
        np.array([row[1] for row in rows], object),
        shares / shares.sum(axis=1, keepdims=True),
    )


@given(
    st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=2, max_size=40).filter(
        lambda pairs: np.ptp([wanted for wanted, _ in pairs]) > 1e-3
    )
)
def test_metrics_of_numbers_are_those_of_scikit_learn(pairs: list[tuple[float, float]]) -> None:
    wanted, got = np.array(pairs).T
    found = regression_metrics(wanted, got.reshape(-1, 1))
    assert found == pytest.approx(
        {
            "rmse": metrics.root_mean_squared_error(wanted, got),
            "mae": metrics.mean_absolute_error(wanted, got),
            "median_absolute_error": metrics.median_absolute_error(wanted, got),
            "r2": metrics.r2_score(wanted, got),
            "rows": len(pairs),
        },
        rel=1e-6,
        abs=1e-9,
    )


@given(labelled)
@settings(max_examples=40, deadline=None)
def test_metrics_of_classes_are_those_of_scikit_learn(rows: list[Any]) -> None:
    wanted, got, shares = _parts(rows)
    found = classification_metrics(wanted, got.reshape(-1, 1), shares, CLASSES)
    there = [label for label in CLASSES if label in wanted]
    assert found == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(wanted, got),
            "balanced_accuracy": metrics.recall_score(
                wanted, got, labels=there, average="macro", zero_division=0
            ),
            "f1": metrics.f1_score(wanted, got, labels=there, average="macro", zero_division=0),
            "log_loss": metrics.log_loss(wanted, shares, labels=list(CLASSES)),
            "rows": len(rows),
        }
    )
    np.testing.assert_array_equal(
        confusion(wanted, got, CLASSES), metrics.confusion_matrix(wanted, got, labels=list(CLASSES))
    )


@given(labelled)
def test_the_errors_of_rows_add_up_to_the_metric(rows: list[Any]) -> None:
    wanted, got, shares = _parts(rows)
    wrong = errors_of_classes(wanted, got, shares, CLASSES, "wrong")
    accuracy = classification_metrics(wanted, got, shares, CLASSES)["accuracy"]
    assert 1 - wrong.mean() == pytest.approx(accuracy)
    brier = errors_of_classes(wanted, got, shares, CLASSES, "brier")
    assert brier.shape == (len(rows),)
    assert np.all((brier >= 0) & (brier <= 2))
    if len(set(wanted)) > 1:
        expected = metrics.brier_score_loss(
            wanted, shares, labels=list(CLASSES), scale_by_half=False
        )
        assert brier.mean() == pytest.approx(expected)


def test_brier_sees_a_model_become_surer_and_wrong_does_not() -> None:
    unsure, sure = np.array([[0.6, 0.4]]), np.array([[0.9, 0.1]])
    for kind, better in (("brier", True), ("wrong", False)):
        before, after = (errors_of_classes([0], [0], p, (0, 1), kind)[0] for p in (unsure, sure))
        assert bool(after < before) is better
    assert errors_of_classes([1], [0], np.array([[1.0, 0.0]]), (0, 1), "brier")[0] == 2.0


def test_without_rows_every_metric_is_nan_so_that_floors_close() -> None:
    for found in (
        regression_metrics([], []),
        classification_metrics([], [], np.empty((0, 3)), CLASSES),
    ):
        assert found.pop("rows") == 0
        assert np.isnan(list(found.values())).all()


def test_a_target_that_never_changes_has_no_r2() -> None:
    assert np.isnan(regression_metrics([5.0, 5.0], [5.0, 4.0])["r2"])


def test_without_probabilities_there_is_no_log_loss() -> None:
    found = classification_metrics(["x"], ["x"], None, CLASSES)
    assert found["accuracy"] == 1.0
    assert np.isnan(found["log_loss"])


def test_certainty_that_is_wrong_costs_much_but_not_everything() -> None:
    found = classification_metrics(["x"], ["y"], np.array([[0.0, 1.0, 0.0]]), CLASSES)
    assert found["log_loss"] == pytest.approx(-np.log(1e-15))


@pytest.mark.parametrize("count", [1, 3])
def test_as_many_predictions_as_rows(count: int) -> None:
    told = f"{count} predictions for 2 rows"
    with pytest.raises(ValueError, match=told):
        regression_metrics([1.0, 2.0], [1.0] * count)
    with pytest.raises(ValueError, match=told):
        classification_metrics(["x", "y"], ["x"] * count, None, CLASSES)
    with pytest.raises(ValueError, match=told):
        errors_of_classes(["x", "y"], ["x"] * count, np.ones((2, 3)), CLASSES, "wrong")
    with pytest.raises(ValueError, match="probabilities of the shape"):
        errors_of_classes(["x", "y"], ["x", "y"], np.ones((count, 3)), CLASSES, "brier")


def test_a_stranger_is_named() -> None:
    assert places_of(np.array([2, 0]), (0, 1, 2)).tolist() == [2, 0]
    with pytest.raises(ValueError, match="no known class: q"):
        places_of(["x", "q"], CLASSES)
    with pytest.raises(ValueError, match="no known class: 7"):
        classification_metrics([7], [0], None, (0, 1))
