"""The verdict on the released model, by true values that came after its answers.

Its error on live rows is compared with its error on its own holdout, which it never learned from:
so what it was approved for is what it is held to. A loss counts when it is, beyond chance, larger
than what is tolerated.

The bounds come from the percentile bootstrap (Efron, Tibshirani 1993, chapter 13) of both samples,
each drawn by itself. Held-out rows are drawn one by one, live rows by whole requests (Davison,
Hinkley 1997, section 3.8): rows of one request resemble each other, and counted as independent they
would show more than they know.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_assets.core.champion import ROUNDING, Floats, resampled_sums
from edge_assets.core.comparison import Interval, finite

Word = Literal["worse", "as good", "too little data"]
MIN_REQUESTS = 30
"""Of fewer requests the bootstrap draws too few kinds of samples to bound anything."""


@dataclass(frozen=True)
class Performance:
    """The verdict with its figures; errors are NaN where there are no rows.

    `loss` is error on live rows / error on the holdout - 1: with the confidence the true loss is
    above `lower`, and with the same confidence below `upper`. None where nothing can be said.
    """

    verdict: Word
    reason: str
    rows: int
    """Labelled live rows, as `requests`."""
    requests: int
    holdout_rows: int
    live_error: float
    holdout_error: float
    confidence: float
    max_loss: float
    loss: Interval | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain data; what is not finite is None, for which JSON has a word."""
        made: dict[str, Any] = finite(asdict(self))
        return made


def judge_live(
    live: Floats,
    requests: ArrayLike,
    holdout: Floats,
    *,
    min_rows: int = 100,
    max_loss: float = 0.1,
    tolerated: float = 0.0,
    confidence: float = 0.99,
    resamples: int = 2000,
    seed: int = 42,
    without: str = "no label came for what it answered",
) -> Performance:
    """Judges the errors of one model on live rows, shape (rows,), against those on its holdout.

    `requests`, shape (rows,), tells which live rows were asked together. An error that is not
    finite is that of a row to which the model gave no usable answer; one such row is enough for
    `worse`. Else it is worse if the lower bound of the loss is above `max_loss`, a share of the
    error on the holdout, and the lower bound of the growth of the mean error above `tolerated`, in
    units of the error. Below `min_rows` rows on either side, or `MIN_REQUESTS` requests, nothing
    can be shown. `without` is the reason that is told when there is no row at all.

    Raises:
        ValueError: there is not one request for each live row.
    """
    units = np.unique(np.asarray(requests), return_inverse=True)[1]
    if live.shape != units.shape or live.ndim != 1 or holdout.ndim != 1:
        raise ValueError(f"{units.size} requests for {live.size} live rows")
    count = int(units.max()) + 1 if len(units) else 0

    def verdict(word: Word, reason: str, loss: Interval | None = None) -> Performance:
        return Performance(
            verdict=word,
            reason=reason,
            rows=len(live),
            requests=count,
            holdout_rows=len(holdout),
            live_error=_mean(live),
            holdout_error=_mean(holdout),
            confidence=confidence,
            max_loss=max_loss,
            loss=loss,
        )

    if not len(live):
        return verdict("too little data", without)
    if len(live) < min_rows or count < MIN_REQUESTS:
        told = f"labels came for {len(live)} rows of {count} requests"
        needed = f"{min_rows} rows and {MIN_REQUESTS} requests are needed"
        return verdict("too little data", f"{told}, {needed}")
    if len(holdout) < min_rows:
        told = f"its holdout has {len(holdout)} rows, {min_rows} are needed"
        return verdict("too little data", told)
    if not np.isfinite(holdout).all():
        return verdict("too little data", "on its holdout it gives no number to some rows")
    silent = int(np.count_nonzero(~np.isfinite(live)))
    if silent:
        return verdict("worse", f"it gave no usable answer to {silent} of {len(live)} rows")
    loss, growth = _bounds(live, units, holdout, confidence, resamples, seed)
    worse = loss.lower > max(max_loss, ROUNDING) and growth > tolerated
    return verdict(
        "worse" if worse else "as good",
        f"the error on live rows is {_mean(live):.4g}, on the holdout {_mean(holdout):.4g}: a loss "
        f"of {loss.estimate:.2%}, with {confidence:.0%} confidence above {loss.lower:.2%}, and "
        f"{max_loss:.2%} is accepted" + (f", or {tolerated:g} of the error" if tolerated else ""),
        loss,
    )


def _bounds(
    live: Floats,
    units: NDArray[np.intp],
    holdout: Floats,
    confidence: float,
    resamples: int,
    seed: int,
) -> tuple[Interval, float]:
    """The loss between its bounds, and the lower bound of the growth of the mean error."""
    rng = np.random.default_rng(seed)
    sizes = np.bincount(units).astype(np.float64)
    sums = np.bincount(units, live).astype(np.float64)
    errors, rows = resampled_sums((sums, sizes), resamples, rng)
    (held,) = resampled_sums((holdout,), resamples, rng)
    lively, still = errors / rows, held / len(holdout)
    drawn = _loss(lively, still)
    # "lower" and "higher" pick a drawn value; between infinities there is nothing to interpolate
    lower = float(np.quantile(drawn, 1 - confidence, method="lower"))
    upper = float(np.quantile(drawn, confidence, method="higher"))
    growth = float(np.quantile(lively - still, 1 - confidence, method="lower"))
    estimate = float(_loss(np.array([live.mean()]), np.array([holdout.mean()]))[0])
    return Interval(estimate, lower, upper), growth


def _loss(live: Floats, holdout: Floats) -> Floats:
    """live / holdout - 1; of a perfect holdout 0 if live is perfect too, else without limit."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        loss: Floats = live / holdout - 1
    return np.where(holdout > 0, loss, np.where(live > 0, np.inf, 0.0))


def _mean(errors: Floats) -> float:
    return float(errors.mean()) if len(errors) else float("nan")
