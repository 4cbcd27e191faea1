"""Champion and candidate on live traffic: what their answers show, and how surely.

Two designs. *Shadow*: both were asked the same, so answers are compared in pairs. *Split*: each was
asked by devices of its own, so means are compared between two independent groups. What counts is
the number of *units*: requests for shadow, devices for split. Rows of one request, or of one
device, resemble each other; counted as independent they would show more than they know. So every
figure is made of one mean for each unit.

Only labels say which model is better. Without them the verdict is `too little data`, however
clearly the answers differ.

- share that agrees: score interval (Wilson 1927), with the number of rows that the spread between
  units is worth (Kish 1965, the design effect);
- pairs: Student's t of the units' differences; groups: Welch's t (Welch 1947);
- gain of pairs: the bootstrap of `core.champion`; gain of groups: Fieller's bounds of a ratio
  (Fieller 1954), which hold although the champion's error is itself only known by a sample.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

from edge_assets.core.champion import judge_champion

Floats = NDArray[np.float64]
Word = Literal["better", "not shown to be better", "worse", "too little data"]
_MOST = 1e9  # a loss beyond this many times the champion's error is told as infinite


@dataclass(frozen=True)
class Interval:
    """An estimate between its bounds; not finite where nothing is known."""

    estimate: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Rules:
    """How sure one must be, and of how much.

    `confidence` of each two-sided interval, and of each single bound of the gain. `min_units` is
    how many labelled requests (shadow), `min_devices` how many devices with labels in each group
    (split) are needed before anything is said. `min_gain` is a share of the champion's error.
    """

    confidence: float = 0.95
    min_units: int = 50
    min_devices: int = 3
    min_gain: float = 0.0
    resamples: int = 2000
    seed: int = 42


@dataclass(frozen=True)
class Side:
    """What one model answered, a value for each row; all of shape (rows,).

    `values`: the number that is predicted, or of a class the probability of the class told; `units`
    tells which rows belong together; `errors` are NaN without a label, and infinite where there is
    a label and the answer is no number; `milliseconds` are NaN where nobody measured.
    """

    values: Floats
    units: NDArray[Any]
    errors: Floats
    milliseconds: Floats

    def __post_init__(self) -> None:
        lengths = {len(a) for a in (self.values, self.units, self.errors, self.milliseconds)}
        if len(lengths) != 1:
            raise ValueError(f"values, units, errors and times have {sorted(lengths)} rows")


@dataclass(frozen=True)
class Comparison:
    """The verdict with its figures. Differences are candidate minus champion.

    `gain` is 1 - error of the candidate / error of the champion; with the confidence the true gain
    is above `lower`, and with the same confidence below `upper`.
    """

    mode: Literal["shadow", "split"]
    verdict: Word
    reason: str
    confidence: float
    rows: tuple[int, int]
    """Of champion and candidate."""
    units: tuple[int, int]
    labelled: tuple[int, int]
    """Units with labels."""
    errors: tuple[float, float]
    """Mean errors where labels are; NaN without."""
    difference: Interval
    latency_ms: Interval
    agreement: Interval | None = None
    gain: Interval | None = field(default=None)

    def to_json(self) -> dict[str, Any]:
        """As plain data; what is not finite is None, for which JSON has a word."""
        made: dict[str, Any] = finite(asdict(self))
        return made


def compare_pairs(
    champion: Side, candidate: Side, agree: NDArray[np.bool_], rules: Rules = Rules()
) -> Comparison:
    """Judges pairs of answers: row n of both sides was the same question.

    `agree` tells for each row whether both answers count as the same. Raises ValueError when the
    sides differ in rows or units.
    """
    rows = len(agree)
    if not len(champion.values) == len(candidate.values) == rows:
        raise ValueError("pairs need one row of each model")
    if not np.array_equal(champion.units, candidate.units):
        raise ValueError("pairs need the same units on both sides")
    units = _numbered(champion.units)
    labelled = ~(np.isnan(champion.errors) | np.isnan(candidate.errors))
    first, second = (_means(s.errors[labelled], units[labelled]) for s in (champion, candidate))
    word, reason, gain = _judge_pairs(first, second, rules)
    return Comparison(
        mode="shadow",
        verdict=word,
        reason=reason,
        confidence=rules.confidence,
        rows=(rows, rows),
        units=(_count(units), _count(units)),
        labelled=(len(first), len(second)),
        errors=(_mean(first), _mean(second)),
        difference=student(_paired(champion.values, candidate.values, units), rules.confidence),
        latency_ms=student(
            _paired(champion.milliseconds, candidate.milliseconds, units), rules.confidence
        ),
        agreement=agreement(agree, units, rules.confidence),
        gain=gain,
    )


def compare_groups(champion: Side, candidate: Side, rules: Rules = Rules()) -> Comparison:
    """Judges two groups of devices (`units`), each asked by traffic of its own."""
    errors, values, times = (
        (_means(first, _numbered(champion.units)), _means(second, _numbered(candidate.units)))
        for first, second in (
            (champion.errors, candidate.errors),
            (champion.values, candidate.values),
            (champion.milliseconds, candidate.milliseconds),
        )
    )
    word, reason, gain = _judge_groups(errors[0], errors[1], rules)
    return Comparison(
        mode="split",
        verdict=word,
        reason=reason,
        confidence=rules.confidence,
        rows=(len(champion.values), len(candidate.values)),
        units=(_count(champion.units), _count(candidate.units)),
        labelled=(len(errors[0]), len(errors[1])),
        errors=(_mean(errors[0]), _mean(errors[1])),
        difference=welch(values[0], values[1], rules.confidence),
        latency_ms=welch(times[0], times[1], rules.confidence),
        gain=gain,
    )


def wilson(hits: float, trials: float, confidence: float) -> Interval:
    """The score interval of a share (Wilson 1927); `trials` may be a fraction. None: 0 to 1."""
    if trials <= 0:
        return Interval(float("nan"), 0.0, 1.0)
    z = float(ndtri(0.5 + confidence / 2))
    share, spread = hits / trials, z * z / trials
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * np.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    return Interval(share, max(0.0, float(middle - half)), min(1.0, float(middle + half)))


def agreement(agree: NDArray[np.bool_], units: NDArray[Any], confidence: float) -> Interval:
    """The share of rows that agree, as surely as its spread between units allows."""
    rows = len(agree)
    if not rows:
        return wilson(0, 0, confidence)
    places = _numbered(units)
    sizes = np.bincount(places).astype(np.float64)
    hits = np.bincount(places, agree.astype(np.float64))
    share = float(agree.mean())
    variance = float(np.sum((hits - share * sizes) ** 2)) / rows**2
    worth = share * (1 - share) / variance if variance > 0 else float(len(sizes))
    trials = min(float(rows), worth)
    return wilson(share * trials, trials, confidence)


def student(differences: Floats, confidence: float) -> Interval:
    """The mean of the differences of units, by Student's t. Unbounded below two units."""
    return welch(np.zeros(0), differences, confidence, paired=True)


def welch(
    champion: Floats, candidate: Floats, confidence: float, *, paired: bool = False
) -> Interval:
    """Mean of `candidate` minus mean of `champion` (`paired`: minus 0), by Welch's t."""
    groups = [candidate] if paired else [champion, candidate]
    if any(len(group) == 0 for group in groups):
        return Interval(float("nan"), -np.inf, np.inf)
    centre = float(candidate.mean()) - (0.0 if paired else float(champion.mean()))
    if any(len(group) < 2 for group in groups) or not np.isfinite(centre):
        return Interval(centre, -np.inf, np.inf)
    half = _reach([(_variance(group), len(group)) for group in groups], 0.5 + confidence / 2)
    return Interval(centre, centre - half, centre + half)


def fieller(champion: Floats, candidate: Floats, confidence: float) -> Interval:
    """1 - mean of `candidate` / mean of `champion`, with a one-sided bound on each side.

    The bounds are the gains g at which `champion * (1 - g)` and `candidate` just differ by chance.
    Unbounded where the champion's mean error is not surely above 0.
    """
    first, second = float(champion.mean()), float(candidate.mean())
    spreads = [(_variance(champion), len(champion)), (_variance(candidate), len(candidate))]

    def contrast(share: float, sign: float) -> float:
        (v1, n1), (v2, n2) = spreads
        return (
            first * share - second + sign * _reach([(share * share * v1, n1), (v2, n2)], confidence)
        )

    estimate = 1 - second / first if first > 0 else float("nan")
    return Interval(
        estimate, 1 - _root(lambda a: contrast(a, -1.0)), 1 - _root(lambda a: contrast(a, 1.0))
    )


def _judge_pairs(
    champion: Floats, candidate: Floats, rules: Rules
) -> tuple[Word, str, Interval | None]:
    if len(champion) < rules.min_units:
        return "too little data", _too_few(len(champion), rules.min_units, "requests"), None
    broken = [int(np.count_nonzero(~np.isfinite(errors))) for errors in (champion, candidate)]
    if any(broken):
        word: Word = "worse" if broken[1] > broken[0] else "not shown to be better"
        text = f"the champion gave no number to {broken[0]} requests, the candidate to {broken[1]}"
        return word, text, None
    judged = judge_champion(
        candidate,
        champion,
        np.zeros(len(champion), dtype=bool),  # all is live traffic: nothing of it was chosen before
        confidence=rules.confidence,
        min_gain=rules.min_gain,
        max_loss_on_frozen=np.inf,
        resamples=rules.resamples,
        seed=rules.seed,
        min_rows=1,
    )
    found = judged.segment("combined")
    assert found is not None  # noqa: S101 - there are finite errors
    return (*_word(gain := Interval(found.gain, found.lower, found.upper), rules), gain)


def _judge_groups(
    champion: Floats, candidate: Floats, rules: Rules
) -> tuple[Word, str, Interval | None]:
    least = max(2, rules.min_devices)
    fewest = min(len(champion), len(candidate))
    if fewest < least:
        return "too little data", _too_few(fewest, least, "devices of a group"), None
    broken = [int(np.count_nonzero(~np.isfinite(errors))) for errors in (champion, candidate)]
    if any(broken):
        word: Word = "worse" if broken[1] > broken[0] else "not shown to be better"
        text = (
            f"{broken[0]} devices of the champion and {broken[1]} of the candidate gave no number"
        )
        return word, text, None
    gain = fieller(champion, candidate, rules.confidence)
    return (*_word(gain, rules), gain)


def _too_few(count: int, least: int, what: str) -> str:
    if not count:
        return (
            "no label came for these predictions, and that two models differ does not tell which "
            "one is right"
        )
    return f"labels came for {count} {what}, {least} are needed"


def _word(gain: Interval, rules: Rules) -> tuple[Word, str]:
    sure = f"with {rules.confidence:.0%} confidence"
    if gain.lower > rules.min_gain:
        return (
            "better",
            f"the error is {gain.estimate:.2%} smaller, {sure} more than {gain.lower:.2%}",
        )
    if gain.upper < 0:
        return (
            "worse",
            f"the error is {-gain.estimate:.2%} larger, {sure} more than {-gain.upper:.2%}",
        )
    return "not shown to be better", (
        f"the gain is {gain.estimate:.2%}, but {sure} only above {gain.lower:.2%}, and it must be "
        f"above {rules.min_gain:.2%}"
    )


def _reach(spreads: list[tuple[float, int]], level: float) -> float:
    """t times the standard error of a difference of means; (variance, units) of each group."""
    parts = [variance / count for variance, count in spreads]
    total = sum(parts)
    if total <= 0:
        return 0.0
    below = sum(p * p / (count - 1) for p, (_, count) in zip(parts, spreads, strict=True))
    return float(stdtrit(total * total / below, level)) * float(np.sqrt(total))


def _root(contrast: Callable[[float], float]) -> float:
    """Where a contrast that rises from below 0 crosses it, from 0 on; infinite when it does not."""
    if contrast(0.0) >= 0:
        return 0.0
    low, high = 0.0, 1.0
    while contrast(high) <= 0:
        low, high = high, 2 * high
        if high > _MOST:
            return float("inf")
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if contrast(middle) <= 0 else (low, middle)
    return high


def _numbered(units: ArrayLike) -> NDArray[np.intp]:
    numbers: NDArray[np.intp] = np.unique(np.asarray(units), return_inverse=True)[1]
    return numbers


def _count(units: NDArray[Any]) -> int:
    return len(np.unique(units))


def _means(values: Floats, units: NDArray[np.intp]) -> Floats:
    """The mean of each unit over its rows that are not NaN; units without any are left out."""
    known = ~np.isnan(values)
    if not known.any():
        return np.zeros(0)
    sizes = np.bincount(units[known])
    sums = np.bincount(units[known], values[known])
    means: Floats = sums[sizes > 0] / sizes[sizes > 0]
    return means


def _paired(champion: Floats, candidate: Floats, units: NDArray[np.intp]) -> Floats:
    with np.errstate(invalid="ignore"):
        difference = candidate - champion
    difference[~np.isfinite(difference)] = np.nan
    return _means(difference, units)


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _variance(values: Floats) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0


def finite(value: Any) -> Any:
    """Plain data with None in the place of numbers that are not finite; tuples become lists."""
    if isinstance(value, dict):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
