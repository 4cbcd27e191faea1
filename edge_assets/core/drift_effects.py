"""Effect sizes of drift, for one split of rows into reference and window and for many at once.

If nothing drifted, the rows of the window could as well have been rows of the reference. So both
are put together and split again at random, many times, into parts of the same two sizes: the
effects of those splits are what chance alone does. This permutation test keeps its false-alarm rate
exactly, at any size of reference and window, with ties and with outliers (Phipson and Smyth 2010,
doi:10.2202/1544-6115.1585). Windows drawn from the reference alone would not: they leave out that
the reference is a sample too, and cry drift too often as soon as the window is not much smaller.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

Floats = NDArray[np.float64]
Splits = NDArray[np.bool_]
"""Shape `(1 + resamples, rows)`: True where a row is in the window. Row 0 is the real split."""

_CHUNK = 32  # splits at once: small enough for the processor's cache
_MIN_STD = 0.001
_MAX_CATEGORIES = 500
_SMALL = 1e-9


def make_splits(reference: int, window: int, resamples: int, seed: int) -> Splits:
    """The real split of `reference` + `window` rows, and `resamples` random ones of equal sizes."""
    rng = np.random.default_rng(seed)
    splits = np.zeros((1 + resamples, reference + window), dtype=np.bool_)
    splits[0, reference:] = True
    keys = rng.random((resamples, reference + window), dtype=np.float32)
    chosen = np.argpartition(keys, window - 1, axis=1)[:, :window]
    np.put_along_axis(splits[1:], chosen, True, axis=1)
    return splits


def wasserstein_effects(values: Floats, splits: Splits) -> Floats:
    """The normed Wasserstein distance of window and reference, for every split.

    The area between the two empirical distribution functions, divided by the standard deviation of
    the reference of the real split, at least 0.001: so it is in standard deviations, and equals
    "Wasserstein distance (normed)" of Evidently. NaNs are left out. A split with no value left on
    one side has distance 0: its share of nulls speaks for it.
    """
    valid = ~np.isnan(values)
    reference = values[valid & ~splits[0]]
    effects = np.zeros(len(splits))
    if len(reference) == 0 or valid.sum() < 2:
        return effects
    norm = max(float(np.std(reference)), _MIN_STD)
    rows = np.flatnonzero(valid)[np.argsort(values[valid], kind="stable")]
    gaps = np.diff(values[rows]) / norm
    ends = np.flatnonzero(gaps > 0)
    gaps = gaps[ends]
    below = ends + 1.0  # rows at or below each gap
    for start in range(0, len(splits), _CHUNK):
        counts = np.cumsum(splits[start : start + _CHUNK, rows], axis=1, dtype=np.int32)
        inside = counts[:, -1:].astype(np.float64)
        outside = len(rows) - inside
        both = (inside > 0) & (outside > 0)
        # |F_window - F_reference| = |count - below * inside/all| * all / (inside * outside)
        area = np.abs(counts[:, ends] - below * (inside / len(rows))) @ gaps
        scale = len(rows) / np.where(both, inside * outside, 1.0)
        effects[start : start + _CHUNK] = np.where(both[:, 0], area * scale[:, 0], 0.0)
    return effects


def jensen_shannon_effects(codes: NDArray[np.int64], splits: Splits) -> Floats:
    """The Jensen-Shannon distance of the categories' shares, for every split.

    Natural logarithm, so between 0 and sqrt(ln 2) = 0.83, as in scipy and Evidently. `codes`
    number the categories from 0; -1 is missing and left out. Beyond the 500 most frequent
    categories all are taken as one.
    """
    counts = np.bincount(codes[codes >= 0])
    effects = np.zeros(len(splits))
    if len(counts) > _MAX_CATEGORIES:
        rank = np.argsort(np.argsort(-counts, kind="stable"), kind="stable")
        codes = np.where(codes >= 0, np.minimum(rank[codes], _MAX_CATEGORIES), -1)
        counts = np.bincount(codes[codes >= 0])
    if len(counts) < 2:
        return effects
    # All splits have windows of one size, so their rows make a matrix.
    chosen = codes[np.nonzero(splits)[1].reshape(len(splits), -1)] + 1
    width = len(counts) + 1
    flat = chosen + width * np.arange(len(splits))[:, None]
    inside = np.bincount(flat.ravel(), minlength=width * len(splits)).reshape(-1, width)[:, 1:]
    outside = counts - inside
    sizes = inside.sum(axis=1), outside.sum(axis=1)
    both = (sizes[0] > 0) & (sizes[1] > 0)
    p = inside[both] / sizes[0][both, None]
    q = outside[both] / sizes[1][both, None]
    middle = (p + q) / 2
    divergence = (rel_entr(p, middle) + rel_entr(q, middle)).sum(axis=1) / 2
    effects[both] = np.sqrt(np.maximum(divergence, 0.0))
    return effects


def null_share_effects(missing: NDArray[np.bool_], splits: Splits) -> Floats:
    """The absolute difference of the shares of missing values, for every split."""
    size = splits[0].sum()
    inside = splits[:, missing].sum(axis=1)
    return np.asarray(np.abs(inside / size - (missing.sum() - inside) / (len(missing) - size)))


def calibrate(effects: Floats, false_alarm_rate: float) -> tuple[Floats, float]:
    """The threshold of each test, and the p-value of all tests together.

    `effects` has shape `(1 + resamples, tests)`, row 0 the real split. If nothing drifted, at least
    one real effect exceeds its threshold with a probability of at most `false_alarm_rate`.

    Each effect is divided by a high quantile of its own null effects, so that noisy and quiet
    columns weigh the same (prepivoting, Beran 1988); the largest ratio of a split is its one
    figure, and its quantile over the splits is the factor of all thresholds. Each split is judged
    by quantiles of the *other* splits, as the real one is: otherwise the null would look tamer
    than it is. `false_alarm_rate` must be at least `1 / (1 + resamples)`.
    """
    real, nulls = effects[0], effects[1:]
    resamples, tests = nulls.shape
    place = max(1, int(false_alarm_rate * resamples / tests))
    falling = -np.sort(-nulls, axis=0)
    own, next_own = falling[place - 1], falling[place]
    ratios = nulls / np.maximum(np.where(nulls >= own, next_own, own), _SMALL)
    largest = np.sort(ratios.max(axis=1))[::-1]
    factor = largest[int(false_alarm_rate * (resamples + 1)) - 1]
    thresholds = factor * np.maximum(own, _SMALL)
    as_extreme = int((largest >= (real / np.maximum(own, _SMALL)).max()).sum())
    return thresholds, (1 + as_extreme) / (1 + resamples)
