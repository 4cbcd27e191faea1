"""The gate of parity: whether a candidate still answers as the model that was built."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Answers = Mapping[str, Array]


@dataclass(frozen=True)
class Tolerance:
    """Accepted: |difference| <= absolute + relative * |right value|, for every number.

    Whole numbers, truth values and text are labels: a share of `agreement` of them must be equal.
    `metric` is by how much a candidate may be worse where it is known what is right: `metric.lost`.
    """

    absolute: float = 1e-5
    relative: float = 1e-4
    agreement: float = 1.0
    metric: float = 0.01


@dataclass(frozen=True)
class Parity:
    """`reason` says what differed most; `largest_difference` is inf where there is no number."""

    passed: bool
    largest_difference: float
    reason: str


def compare(right: Sequence[Answers], got: Sequence[Answers], tolerance: Tolerance) -> Parity:
    """Compares answers to the same questions, those outputs that `right` names.

    A NaN or infinity is right where the original says the same. No questions do not pass.
    """
    if not right or len(right) != len(got):
        return Parity(False, np.inf, f"{len(got)} answers instead of {len(right)}")
    largest, where, failed = 0.0, "", False
    labels: dict[str, list[bool]] = {}
    for question, (wanted, answers) in enumerate(zip(right, got, strict=True)):
        for name, expected in wanted.items():
            place = f"output {name!r} of question {question}"
            answer = answers.get(name)
            if answer is None or answer.shape != expected.shape:
                shape = None if answer is None else list(answer.shape)
                return Parity(False, np.inf, f"{place}: {shape}, not {list(expected.shape)}")
            if expected.dtype.kind != "f" or answer.dtype.kind != "f":
                labels.setdefault(name, []).extend((expected == answer).ravel().tolist())
                continue
            excess, difference = _differences(expected, answer, tolerance)
            if difference > largest:
                largest, where = difference, place
            failed = failed or excess
    reasons = []
    if failed:
        allowed = f"{tolerance.absolute:g} + {tolerance.relative:g} * |value|"
        reasons.append(f"the largest difference is {largest:.3g} ({where}), allowed is {allowed}")
    for name, equal in labels.items():
        share = sum(equal) / max(len(equal), 1)
        if share < tolerance.agreement:
            told = f"{share:.1%} of the labels in {name!r} agree, not {tolerance.agreement:.1%}"
            reasons.append(told)
    if reasons:
        return Parity(False, largest, "; ".join(reasons))
    return Parity(
        True, largest, f"all {len(right)} answers agree, largest difference {largest:.3g}"
    )


def _differences(expected: Array, answer: Array, tolerance: Tolerance) -> tuple[bool, float]:
    """Whether any value is too far off, and the largest difference."""
    if expected.size == 0:
        return False, 0.0
    wanted, got = expected.astype(np.float64), answer.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.abs(got - wanted)
        same = (wanted == got) | (np.isnan(wanted) & np.isnan(got))
        difference[same] = 0.0
        difference[~same & ~(np.isfinite(wanted) & np.isfinite(got))] = np.inf
        allowed = tolerance.absolute + tolerance.relative * np.abs(wanted)
        excess = (difference > allowed) | np.isinf(difference)
    return bool(excess.any()), float(difference.max())
