"""The drift verdict: have the inputs of a model changed since it was trained?

`judge_drift` compares a window of captures with the reference (a sample of the data the model was
trained on) and answers with one word: `drift`, `no drift` or `too little data`. Beside the word
stand the effect size and its threshold for every column, the sample sizes and the false-alarm rate.

A column drifts only if its effect exceeds **both** the threshold calibrated for exactly these
sample sizes (is it more than chance?) and the minimum effect (does it matter?). The calibration
covers all columns together: `drift_effects` tells how, `drift_columns` what is compared.

What it takes for granted: the rows are independent of each other. Rows that come in clusters (one
device sending one trip a thousand times) make any window look stranger than it is; captures are
therefore freed of duplicates first.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from edge_assets.core.drift_columns import Derivation, derive, left_out, numbers
from edge_assets.core.drift_effects import (
    Floats,
    calibrate,
    jensen_shannon_effects,
    make_splits,
    null_share_effects,
    wasserstein_effects,
)
from edge_assets.core.drift_words import word_effects
from protos.errors import ConfigurationError

Word = Literal["drift", "no drift", "too little data"]
NUMERIC, CATEGORICAL = "Wasserstein distance (normed)", "Jensen-Shannon distance"
WORDS = "Jensen-Shannon distance of words"


@dataclass(frozen=True)
class DriftPolicy(Derivation):
    """What is compared, and when a difference counts.

    `false_alarm_rate` is the probability that at least one column of a window without drift is
    flagged. `min_effect` is in standard deviations of the reference for numbers (0.1: the mean
    moved by a tenth of one) and a Jensen-Shannon distance for categories and words;
    `min_null_change` is a difference of shares of missing values. Larger tables than
    `max_reference` and `max_window` rows are sampled. Raises ConfigurationError when a figure makes
    no sense.
    """

    min_rows: int = 200
    false_alarm_rate: float = 0.01
    min_effect: float = 0.1
    min_null_change: float = 0.05
    resamples: int = 1000
    max_reference: int = 5_000
    max_window: int = 2_000

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.false_alarm_rate < 1 or self.min_effect < 0 or self.min_null_change < 0:
            raise ConfigurationError(
                "the drift policy makes no sense",
                why="the false-alarm rate must be between 0 and 1, the least effects not negative",
                remedy="usual figures are false_alarm_rate 0.01 and min_effect 0.1",
            )
        if self.false_alarm_rate * (self.resamples + 1) < 1:
            raise ConfigurationError(
                f"{self.resamples} resamples cannot show a false-alarm rate of "
                f"{self.false_alarm_rate}",
                remedy=f"take at least {int(np.ceil(1 / self.false_alarm_rate))} resamples",
            )
        if not 2 <= self.min_rows <= min(self.max_reference, self.max_window):
            raise ConfigurationError(
                f"min_rows is {self.min_rows}",
                why="it must be at least 2 and at most max_reference and max_window",
                remedy="200 rows are usual",
            )


@dataclass(frozen=True)
class ColumnDrift:
    """What is known of one column. Shares are between 0 and 1."""

    column: str
    measure: str
    effect: float
    threshold: float
    """Calibrated: what chance alone reaches is below it."""
    drifted: bool
    reference_nulls: float
    window_nulls: float
    nulls_threshold: float
    nulls_drifted: bool

    @property
    def severity(self) -> float:
        """How many times its threshold the worse of both effects is."""
        nulls = abs(self.window_nulls - self.reference_nulls)
        pairs = ((self.effect, self.threshold), (nulls, self.nulls_threshold))
        return max(effect / max(threshold, 1e-9) for effect, threshold in pairs)


@dataclass(frozen=True)
class DriftVerdict:
    """The verdict, with all that is needed to doubt it. `columns` are in falling severity."""

    word: Word
    reason: str
    reference_rows: int
    window_rows: int
    reference_compared: int
    """After sampling, as `window_compared`."""
    window_compared: int
    p_value: float | None
    """Probability of a difference as large as the largest one, by chance, over all columns."""
    false_alarm_rate: float
    min_rows: int
    min_effect: float
    min_null_change: float
    resamples: int
    seed: int
    columns: tuple[ColumnDrift, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Columns that were not compared, each with the reason."""

    @property
    def drifted(self) -> tuple[str, ...]:
        """The columns that drifted, the worst first."""
        return tuple(c.column for c in self.columns if c.drifted or c.nulls_drifted)

    def to_json(self) -> dict[str, Any]:
        """The verdict as plain JSON values; `word` is under `verdict`."""
        content = asdict(self)
        return {
            "verdict": content.pop("word"),
            **content,
            "columns": [asdict(column) for column in self.columns],
            "left_out": dict(self.left_out),
            "drifted": list(self.drifted),
        }


@dataclass(frozen=True)
class Comparable:
    """The rows and columns that are compared: sampled, derived, without what says nothing."""

    reference: pd.DataFrame
    window: pd.DataFrame
    left_out: Mapping[str, str]


def comparable(
    reference: pd.DataFrame, window: pd.DataFrame, policy: DriftPolicy, seed: int = 42
) -> Comparable:
    """What `judge_drift` compares, for those who want to show it; errors as there."""
    lacking = [name for name in policy.raw() if name not in reference]
    if lacking:
        raise ConfigurationError(
            "the reference cannot be compared",
            why=f"it lacks the columns {', '.join(lacking)}",
            remedy="name columns of the dataset in the drift policy",
        )
    old = _sample(reference, policy.max_reference, seed)
    new = _sample(window, policy.max_window, seed + 1)
    apart = left_out(old, new, policy)
    names = [name for name in policy.names() if name not in apart]
    return Comparable(derive(old, policy)[names], derive(new, policy)[names], apart)


def judge_drift(
    reference: pd.DataFrame, window: pd.DataFrame, policy: DriftPolicy, seed: int = 42
) -> DriftVerdict:
    """Compares `window` with `reference`, one row an example, in the columns of the policy.

    Equal arguments give an equal verdict. A column that the window lacks is missing in all of its
    rows, which is a change of its share of nulls. Raises ConfigurationError when the reference
    lacks a column.
    """
    compared = comparable(reference, window, policy, seed)
    old, new, apart = compared.reference, compared.window, compared.left_out
    sizes = (len(reference), len(window), len(old), len(new))
    for side, rows in (("reference", len(reference)), ("window", len(window))):
        if rows < policy.min_rows:
            reason = f"the {side} has {rows} rows; at least {policy.min_rows} are needed"
            return _verdict("too little data", reason, sizes, policy, seed)
    names = [str(name) for name in old.columns]
    if not names:
        return _verdict(
            "too little data", "no column can be compared", sizes, policy, seed, left_out=apart
        )
    both = pd.concat([old, new], ignore_index=True)
    splits = make_splits(len(old), len(new), policy.resamples, seed + 2)
    effects, shares = [], []
    for name in names:
        if policy.is_categorical(name):
            codes = _codes(both[name])
            missing = codes < 0
            effects.append(jensen_shannon_effects(codes, splits))
        elif policy.is_words(name):
            missing = both[name].isna().to_numpy()
            effects.append(word_effects(both[name], splits))
        else:
            values = numbers(both[name])
            missing = np.isnan(values)
            effects.append(wasserstein_effects(values, splits))
        effects.append(null_share_effects(missing, splits))
        shares.append((missing[: len(old)].mean(), missing[len(old) :].mean()))
    table = np.stack(effects, axis=1)
    thresholds, p_value = calibrate(table, policy.false_alarm_rate)
    columns = sorted(
        (
            _column(name, table[0, 2 * i : 2 * i + 2], thresholds[2 * i : 2 * i + 2], pair, policy)
            for i, (name, pair) in enumerate(zip(names, shares, strict=True))
        ),
        key=lambda column: (not (column.drifted or column.nulls_drifted), -column.severity),
    )
    drifted = [column for column in columns if column.drifted or column.nulls_drifted]
    word: Word = "drift" if drifted else "no drift"
    reason = _reason(columns, drifted)
    return _verdict(
        word, reason, sizes, policy, seed, p_value=p_value, columns=tuple(columns), left_out=apart
    )


def _verdict(
    word: Word,
    reason: str,
    sizes: tuple[int, int, int, int],
    policy: DriftPolicy,
    seed: int,
    *,
    p_value: float | None = None,
    columns: tuple[ColumnDrift, ...] = (),
    left_out: Mapping[str, str] | None = None,
) -> DriftVerdict:
    return DriftVerdict(
        word,
        reason,
        *sizes,
        p_value=p_value,
        false_alarm_rate=policy.false_alarm_rate,
        min_rows=policy.min_rows,
        min_effect=policy.min_effect,
        min_null_change=policy.min_null_change,
        resamples=policy.resamples,
        seed=seed,
        columns=columns,
        left_out=left_out or {},
    )


def _sample(frame: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    return frame if len(frame) <= rows else frame.sample(rows, random_state=seed)


def _codes(column: "pd.Series[Any]") -> "np.ndarray[Any, np.dtype[np.int64]]":
    """Categories as numbers from 0, in order of appearance; -1 is missing."""
    if column.dtype == bool:
        column = column.astype(int)
    try:
        codes, _ = pd.factorize(column)
    except TypeError:  # lists and other values without a hash
        codes, _ = pd.factorize(column.astype(str).where(column.notna()))
    return codes.astype(np.int64)


def _column(
    name: str,
    effects: Floats,
    thresholds: Floats,
    nulls: tuple[float, float],
    policy: DriftPolicy,
) -> ColumnDrift:
    passed = effects > thresholds
    return ColumnDrift(
        column=name,
        measure=_measure(name, policy),
        effect=float(effects[0]),
        threshold=float(thresholds[0]),
        drifted=bool(passed[0] and effects[0] >= policy.min_effect),
        reference_nulls=float(nulls[0]),
        window_nulls=float(nulls[1]),
        nulls_threshold=float(thresholds[1]),
        nulls_drifted=bool(passed[1] and effects[1] >= policy.min_null_change),
    )


def _measure(name: str, policy: DriftPolicy) -> str:
    if policy.is_words(name):
        return WORDS
    return CATEGORICAL if policy.is_categorical(name) else NUMERIC


def _reason(columns: list[ColumnDrift], drifted: list[ColumnDrift]) -> str:
    if not drifted:
        return f"none of {len(columns)} columns changed by more than chance and by enough to matter"
    worst = drifted[0]
    if worst.drifted:
        what = (
            f"{worst.column} changed by {worst.effect:.3f} ({worst.measure}), "
            f"where chance stays below {worst.threshold:.3f}"
        )
    else:
        what = (
            f"{worst.column} is missing in {worst.window_nulls:.1%} of the rows, "
            f"was {worst.reference_nulls:.1%}"
        )
    return f"{len(drifted)} of {len(columns)} columns drifted; {what}"
