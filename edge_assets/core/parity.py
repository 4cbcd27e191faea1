"""The gate of parity: whether the ONNX artifact answers as the trained model does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class ParityVerdict:
    """The largest differences (`max_abs`; `max_rel` to the model's answer), and the rows that fail.

    `failed` holds the numbers of at most 20 rows, `failed_rows` counts all.
    """

    passed: bool
    max_abs: float
    max_rel: float
    rows: int
    failed_rows: int
    failed: tuple[int, ...]
    reason: str


def compare(
    expected: ArrayLike, actual: ArrayLike, *, absolute: float, relative: float
) -> ParityVerdict:
    """Compares the model's answers with the artifact's, row by row along the first axis.

    A value passes if |actual - expected| <= absolute + relative * |expected|, the rule of
    `numpy.isclose`. A value that is not finite fails on either side, even on both: it is no answer.
    Text and other labels must be equal. No rows and different shapes do not pass; a last axis of
    length one does not count as a difference of shape.
    """
    wanted, got = _columns(expected), _columns(actual)
    if wanted.shape != got.shape:
        text = f"shapes differ: the model answers {wanted.shape}, the artifact {got.shape}"
        return ParityVerdict(False, np.inf, np.inf, len(wanted), len(wanted), (), text)
    rows = len(wanted)
    if wanted.size == 0:
        return ParityVerdict(False, 0.0, 0.0, rows, 0, (), "no rows were compared")
    if wanted.dtype.kind not in "biuf" or got.dtype.kind not in "biuf":
        difference = np.where(wanted.astype(str) == got.astype(str), 0.0, np.inf)
        right, ratio = difference == 0, difference
    else:
        wanted, got = wanted.astype(np.float64), got.astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            difference = np.abs(got - wanted)
            difference[~(np.isfinite(wanted) & np.isfinite(got))] = np.inf
            right = difference <= absolute + relative * np.abs(wanted)
            ratio = np.where(difference == 0, 0.0, difference / np.abs(wanted))
        right &= np.isfinite(difference)
        ratio[~np.isfinite(difference)] = np.inf
    wrong = np.flatnonzero(~right.all(axis=1))
    count = len(wrong)
    reason = (
        f"{count} of {rows} rows differ by more than {absolute:g} + {relative:g} * |prediction|"
        if count
        else f"all {rows} rows agree"
    )
    return ParityVerdict(
        count == 0,
        float(difference.max()),
        float(ratio.max()),
        rows,
        count,
        tuple(int(row) for row in wrong[:20]),
        reason,
    )


def compare_outputs(
    expected: Mapping[str, NDArray[Any]],
    actual: Mapping[str, NDArray[Any]],
    *,
    absolute: float,
    relative: float,
    label: str = "",
    scores: str = "",
    classes: Sequence[int | str] = (),
) -> ParityVerdict:
    """Compares every output by name, as `compare`; the one with most wrong rows gives the reason.

    Where `label` names the class, and `scores` the probabilities of `classes`, another class does
    not count as different if by the model's own scores it is as near to the best one as the
    tolerance allows: there both answers are right. Without `classes` any class passes on rows whose
    two best scores are so near. An output that the artifact lacks fails.
    """
    verdicts = []
    for name, wanted in expected.items():
        got = actual.get(name, np.empty((0, 1)))
        if name == label and scores and wanted.shape == got.shape:
            tied = _tied(expected[scores], got, classes, absolute, relative)
            got = np.where(tied.reshape(-1, *[1] * (got.ndim - 1)), wanted, got)
        verdict = compare(wanted, got, absolute=absolute, relative=relative)
        verdicts.append(replace(verdict, reason=f"{name}: {verdict.reason}"))
    if not verdicts:
        return compare([], [], absolute=absolute, relative=relative)
    worst = max(verdicts, key=lambda verdict: verdict.failed_rows + (not verdict.passed))
    passed = all(verdict.passed for verdict in verdicts)
    return replace(
        worst,
        passed=passed,
        max_abs=max(verdict.max_abs for verdict in verdicts),
        max_rel=max(verdict.max_rel for verdict in verdicts),
        reason=f"all {worst.rows} rows agree" if passed else worst.reason,
    )


def _tied(
    scores: NDArray[Any],
    labels: NDArray[Any],
    classes: Sequence[int | str],
    absolute: float,
    relative: float,
) -> NDArray[np.bool_]:
    """Rows whose label could be the best one within the tolerance of its score and of the best."""
    values = scores.astype(np.float64)
    best = values.max(axis=1)
    if classes:
        places = {label: place for place, label in enumerate(classes)}
        found = [places.get(label, -1) for label in labels.ravel().tolist()]
        told = np.where(np.array(found) < 0, -np.inf, values[np.arange(len(values)), found])
    else:
        told = np.sort(values, axis=1)[:, -2]
    slack = 2 * (absolute + relative * np.abs(best))
    tied: NDArray[np.bool_] = best - told <= slack
    return tied


def _columns(values: ArrayLike) -> NDArray[Any]:
    array: NDArray[Any] = np.asarray(values)
    if array.ndim == 0:
        return array.reshape(1, 1)
    return array.reshape(len(array), -1 if array.size else 0)
