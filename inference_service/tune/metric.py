"""The gate of the metric: whether a candidate is right as often as the model that was built."""

from collections.abc import Sequence

import numpy as np

from inference_service.tune.parity import Answers, Array, Tolerance


def figures(truth: Sequence[Answers], got: Sequence[Answers]) -> dict[str, float]:
    """By output that `truth` names: of labels the share that is right, of numbers the mean absolute
    error in their own unit; NaN where an answer is none or has another shape."""
    names = truth[0] if truth else {}
    pairs = list(zip(truth, got, strict=True))
    return {name: _figure([(told[name], made.get(name)) for told, made in pairs]) for name in names}


def lost(
    truth: Sequence[Answers],
    right: Sequence[Answers],
    got: Sequence[Answers],
    tolerance: Tolerance,
) -> str:
    """What `got` is worse in than `right`, the answers of the model as built; empty if in nothing.

    Accepted: a share of right labels lower by at most `tolerance.metric`, a mean absolute error
    larger by at most that share of itself and `tolerance.absolute`.
    """
    before, after = figures(truth, right), figures(truth, got)
    reasons = []
    for name, figure in after.items():
        if _counts(truth[0][name]):
            word, kept = "share of right labels", figure >= before[name] - tolerance.metric
        else:
            most = before[name] * (1 + tolerance.metric) + tolerance.absolute
            word, kept = "mean absolute error", figure <= most
        if not kept:
            told = f"{figure:.4g} instead of {before[name]:.4g}"
            reasons.append(f"the {word} in {name!r} is {told}, {tolerance.metric:g} is accepted")
    return "; ".join(reasons)


def _figure(pairs: Sequence[tuple[Array, Array | None]]) -> float:
    parts = []
    for wanted, answer in pairs:
        if answer is None or answer.shape != wanted.shape:
            return float("nan")
        if _counts(wanted):
            parts.append((wanted == answer).ravel().astype(np.float64))
        else:
            difference = answer.astype(np.float64) - wanted.astype(np.float64)
            parts.append(np.abs(difference).ravel())
    return float(np.concatenate(parts).mean())


def _counts(wanted: Array) -> bool:
    return wanted.dtype.kind != "f"
