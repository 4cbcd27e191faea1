"""The gate of the champion: a candidate must be better on the same rows, beyond chance.

Both models answer the same rows of the holdout: the frozen ones, which the champion was judged on,
and those of the newest batch. Errors are compared in pairs. The bounds come from the percentile
bootstrap over rows (Efron, Tibshirani 1993, chapter 13).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
MAX_UNITS = 5_000
"""More rows than this are summed up in this many random groups, which are then resampled: as good
for independent rows, and the time no longer grows with the table."""
_CELLS = 1_000_000
ROUNDING = 1e-4
"""Gains below this share show nothing: the champion answers as its ONNX artifact, in single
precision, the candidate in double, and by that alone a model can be a little better than itself."""


@dataclass(frozen=True)
class Segment:
    """One part of the rows: mean errors, the gain as a share of the champion's error, its bounds.

    `gain` > 0 means that the candidate is better; with the asked confidence the true gain is above
    `lower`, and with the same confidence it is below `upper`; `lost` is what the mean error grew
    by at most, in its own units.
    """

    name: str
    rows: int
    candidate_error: float
    champion_error: float
    gain: float
    lower: float
    upper: float
    lost: float


@dataclass(frozen=True)
class ChampionVerdict:
    """Whether the candidate may replace the champion, why, and the figures of each segment."""

    passed: bool
    reason: str
    confidence: float
    segments: tuple[Segment, ...] = ()

    def segment(self, name: str) -> Segment | None:
        """The segment `combined`, `frozen` or `newest`, if it has rows."""
        return next((segment for segment in self.segments if segment.name == name), None)


def row_errors(
    actual: ArrayLike, predicted: ArrayLike, kind: Literal["absolute", "squared"] = "absolute"
) -> Floats:
    """The error of each row, shape (rows,); squared errors let single rows decide, absolute less.

    Raises:
        ValueError: the two do not have equally many values.
    """
    wanted = np.asarray(actual, dtype=np.float64).ravel()
    got = np.asarray(predicted, dtype=np.float64).ravel()
    if wanted.shape != got.shape:
        raise ValueError(f"{len(got)} predictions for {len(wanted)} rows")
    difference = np.abs(got - wanted)
    return difference if kind == "absolute" else difference**2


def judge_champion(
    candidate: Floats,
    champion: Floats | None,
    newest: NDArray[np.bool_],
    *,
    confidence: float = 0.95,
    min_gain: float = 0.0,
    max_loss_on_frozen: float = 0.05,
    tolerated_on_frozen: float = 0.0,
    resamples: int = 2000,
    seed: int = 42,
    min_rows: int = 50,
) -> ChampionVerdict:
    """Judges the errors of both models on the same rows, all of shape (rows,).

    `newest` marks the rows of the newest batch; the others are frozen. The candidate passes if the
    lower bound of its gain over all rows is above `min_gain` and `ROUNDING`, and the lower bound
    over the frozen rows is not below -`max_loss_on_frozen`: what is new must not be paid for with
    what was known.
    A loss of up to `tolerated_on_frozen`, in units of the mean error, is accepted whatever its
    share: of an error near 0, which a handful of rows decide, shares say little.
    Below `min_rows` rows, all or frozen, nothing can be shown, and it does not pass. Without a
    champion (None) it passes: then the floors alone decide.

    Raises:
        ValueError: the shapes differ.
    """
    if champion is None:
        return ChampionVerdict(True, "there is no champion: the floors alone decide", confidence)
    if not candidate.shape == champion.shape == newest.shape or candidate.ndim != 1:
        raise ValueError("candidate, champion and newest need one value for each row")
    for name, errors in (("candidate", candidate), ("champion", champion)):
        broken = int(np.count_nonzero(~np.isfinite(errors)))
        if broken:
            text = f"the {name} has no finite error on {broken} of {len(errors)} rows"
            return ChampionVerdict(False, text, confidence)
    parts = {
        "combined": np.ones(len(newest), dtype=bool),
        "frozen": ~newest,
        "newest": newest,
    }
    segments = tuple(
        _segment(name, candidate[rows], champion[rows], confidence, resamples, seed)
        for name, rows in parts.items()
        if rows.any()
    )
    found = {segment.name: segment for segment in segments}
    reasons: list[str] = []
    for name in ("combined", "frozen"):
        count = found[name].rows if name in found else 0
        if count < min_rows:
            reasons.append(f"{count} {name} rows are too few to show anything, {min_rows} needed")
    if not reasons:
        combined, frozen = found["combined"], found["frozen"]
        wanted = max(min_gain, ROUNDING)
        if not combined.lower > wanted:
            reasons.append(
                f"the gain is {combined.gain:.2%}, but only above {combined.lower:.2%} with "
                f"{confidence:.0%} confidence, and it must be above {wanted:.2%}"
            )
        if frozen.lower < -max_loss_on_frozen and frozen.lost > tolerated_on_frozen:
            reasons.append(
                f"on frozen rows the loss may be {-frozen.lower:.2%} (measured: "
                f"{-frozen.gain:.2%}), and no more than {max_loss_on_frozen:.2%} is accepted"
                + (f", or {tolerated_on_frozen:g} of the error" if tolerated_on_frozen else "")
            )
    if reasons:
        return ChampionVerdict(False, "; ".join(reasons), confidence, segments)
    text = (
        f"the error is {found['combined'].gain:.2%} smaller, with {confidence:.0%} confidence "
        f"more than {found['combined'].lower:.2%}"
    )
    return ChampionVerdict(True, text, confidence, segments)


def _segment(
    name: str, candidate: Floats, champion: Floats, confidence: float, resamples: int, seed: int
) -> Segment:
    gain = float(_gain(candidate.sum(keepdims=True), champion.sum(keepdims=True))[0])
    drawn, grown = _bootstrap(candidate, champion, resamples, np.random.default_rng(seed))
    # "lower" and "higher" pick a drawn value; between infinities there is nothing to interpolate
    lower = float(np.quantile(drawn, 1 - confidence, method="lower"))
    upper = float(np.quantile(drawn, confidence, method="higher"))
    lost = float(np.quantile(grown, confidence, method="higher"))
    means = float(candidate.mean()), float(champion.mean())
    return Segment(name, len(candidate), *means, gain, lower, upper, lost)


def _gain(candidate: Floats, champion: Floats) -> Floats:
    """1 - candidate / champion; against a perfect champion 0 if equal, else without limit worse."""
    with np.errstate(divide="ignore", invalid="ignore"):
        gain: Floats = 1 - candidate / champion
    return np.where(champion > 0, gain, np.where(candidate > 0, -np.inf, 0.0))


def resampled_sums(
    parts: Sequence[Floats], resamples: int, rng: np.random.Generator
) -> list[Floats]:
    """The sum of each part, all of shape (units,), over resampled units: each [resamples].

    Parts are drawn together: unit n of one belongs to unit n of the others. Raises ValueError when
    there is no unit.
    """
    units = len(parts[0])
    if not units:
        raise ValueError("there is nothing to draw from")
    if units > MAX_UNITS:
        group = rng.permutation(units) % MAX_UNITS
        parts = [np.bincount(group, part, MAX_UNITS).astype(np.float64) for part in parts]
        units = MAX_UNITS
    step = max(1, _CELLS // units)
    drawn: list[list[Floats]] = [[] for _ in parts]
    for start in range(0, resamples, step):
        take = rng.integers(0, units, (min(step, resamples - start), units), dtype=np.int32)
        for sums, part in zip(drawn, parts, strict=True):
            sums.append(part[take].sum(axis=1))
    return [np.concatenate(sums) for sums in drawn]


def _bootstrap(
    candidate: Floats, champion: Floats, resamples: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Gains as shares, and by how much the mean error grew, of resampled rows: both [resamples]."""
    ours, theirs = resampled_sums((candidate, champion), resamples, rng)
    return _gain(ours, theirs), (ours - theirs) / len(candidate)
