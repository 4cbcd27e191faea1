"""What is usually measured of predictions: the metrics of a model without `evaluate`.

Also the error of each row, by which candidate and champion are compared.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Outputs = Mapping[str, NDArray[Any]]
"""Predictions by the name of the output; the first axis counts the rows."""

_LEAST = 1e-15
"""Probabilities are clipped to this before their logarithm is taken, as scikit-learn once did."""


def regression_metrics(actual: ArrayLike, predicted: ArrayLike) -> dict[str, float]:
    """`rmse`, `mae`, `median_absolute_error` in units of the target, `r2`, number of `rows`.

    Without rows all are NaN, and `r2` is where all values are the same; a floor closes on NaN.
    Raises ValueError when there are not equally many of both.
    """
    wanted = np.asarray(actual, dtype=np.float64).ravel()
    got = np.asarray(predicted, dtype=np.float64).ravel()
    _check_equal(len(got), len(wanted))
    error = got - wanted
    if not len(wanted):
        nan = float("nan")
        return {"rmse": nan, "mae": nan, "median_absolute_error": nan, "r2": nan, "rows": 0.0}
    spread = float(np.sum((wanted - wanted.mean()) ** 2))
    return {
        "rmse": float(np.sqrt(np.mean(error**2))),
        "mae": float(np.mean(np.abs(error))),
        "median_absolute_error": float(np.median(np.abs(error))),
        "r2": 1 - float(np.sum(error**2)) / spread if spread > 0 else float("nan"),
        "rows": float(len(wanted)),
    }


def classification_metrics(
    actual: ArrayLike,
    predicted: ArrayLike,
    probabilities: NDArray[Any] | None,
    classes: Sequence[Any],
) -> dict[str, float]:
    """`accuracy`, `balanced_accuracy`, `f1` (mean over classes), `log_loss`, `rows`.

    `balanced_accuracy` and `f1` are over the classes that occur in `actual`. A class that the
    holdout lacks shows nothing about itself. All NaN without rows. Raises ValueError for a label
    that is no class, and when there are not equally many of all.
    """
    wanted, got = np.asarray(actual).ravel(), np.asarray(predicted).ravel()
    _check_equal(len(got), len(wanted))
    truth = places_of(wanted, classes)
    names = ("accuracy", "balanced_accuracy", "f1", "log_loss")
    if not len(wanted):
        return {**dict.fromkeys(names, float("nan")), "rows": 0.0}
    recalls, scores = [], []
    for label in classes:
        of_class, told = wanted == label, got == label
        if not of_class.any():
            continue
        hits = float(np.sum(of_class & told))
        recalls.append(hits / float(of_class.sum()))
        scores.append(2 * hits / float(of_class.sum() + told.sum()))
    loss = float("nan")
    if probabilities is not None:
        shares = _shares(probabilities, len(wanted), len(classes))
        chosen = shares[np.arange(len(truth)), truth]
        loss = float(-np.mean(np.log(np.clip(chosen, _LEAST, 1.0))))
    return {
        "accuracy": float(np.mean(wanted == got)),
        "balanced_accuracy": float(np.mean(recalls)),
        "f1": float(np.mean(scores)),
        "log_loss": loss,
        "rows": float(len(wanted)),
    }


def confusion(actual: ArrayLike, predicted: ArrayLike, classes: Sequence[Any]) -> NDArray[np.int64]:
    """Counts of shape (classes, classes): rows are the truth, columns the predictions."""
    size = len(classes)
    pairs = places_of(actual, classes) * size + places_of(predicted, classes)
    return np.bincount(pairs, minlength=size * size).reshape(size, size)


def places_of(labels: ArrayLike, classes: Sequence[Any]) -> NDArray[np.int64]:
    """The place of each label among the classes. Raises ValueError for one that is none of them."""
    places = {label: place for place, label in enumerate(classes)}
    values = np.asarray(labels).ravel().tolist()
    strangers = {value for value in values if value not in places}
    if strangers:
        raise ValueError(f"no known class: {', '.join(map(str, sorted(strangers, key=str)[:3]))}")
    return np.array([places[value] for value in values], dtype=np.int64)


def errors_of_classes(
    actual: ArrayLike,
    predicted: ArrayLike,
    probabilities: ArrayLike,
    classes: Sequence[Any],
    kind: str,
) -> NDArray[np.float64]:
    """The error of each row, shape (rows,): `wrong` is 0 or 1, `brier` from 0 to 2.

    Brier's score is sum over classes of (probability - truth)**2 (Brier 1950, "Verification of
    forecasts expressed in terms of probability"); unlike 0 and 1 it sees a model become surer.
    Raises ValueError as `classification_metrics`.
    """
    wanted, got = np.asarray(actual).ravel(), np.asarray(predicted).ravel()
    _check_equal(len(got), len(wanted))
    if kind == "wrong":
        return np.asarray(wanted != got, dtype=np.float64)
    truth = np.eye(len(classes))[places_of(wanted, classes)]
    distance = _shares(probabilities, len(wanted), len(classes)) - truth
    errors: NDArray[np.float64] = np.sum(distance**2, axis=1)
    return errors


def _check_equal(predictions: int, rows: int) -> None:
    """Numpy would stretch a lone prediction over all rows."""
    if predictions != rows:
        raise ValueError(f"{predictions} predictions for {rows} rows")


def _shares(probabilities: ArrayLike, rows: int, classes: int) -> NDArray[np.float64]:
    shares = np.asarray(probabilities, dtype=np.float64)
    if shares.shape != (rows, classes):
        raise ValueError(f"probabilities of the shape {shares.shape}, not {(rows, classes)}")
    return shares
