"""Floors of a new model: measured on its own held-out rows, never invented, and above a dummy's.

The dummy always says the mean, or the frequencies of the classes (its label is the most frequent
one). A model that is not demonstrably better than it gets floors that keep its gate closed.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_assets.core.champion import judge_champion
from edge_assets.core.config_data import PROBABILITIES, Prediction

if TYPE_CHECKING:
    import pandas as pd

    from edge_assets.core.measuring import Outputs
    from edge_assets.edge_model import EdgeModel

METRICS = {"regression": ("rmse", "r2"), "classification": ("accuracy", "balanced_accuracy")}
LOWER_IS_BETTER = frozenset({"rmse", "mae", "median_absolute_error", "log_loss"})
_RESAMPLES = 400
_TAIL = 0.01
_OF_GAIN = 0.1
"""Of what was gained over the dummy: so much worse is still accepted beyond chance."""
_OUT_OF_REACH = 0.05
"""Of what is left to gain: at least so far above lies a floor that is to keep its gate closed."""
_OPEN = 0.6
"""Of what is left to gain: a floor beyond it would be closed to good models too."""
_LUCK = 4.0
"""Standard deviations of a metric over rows drawn again."""
_LEAST_ROWS = 10


@dataclass(frozen=True)
class MeasuredFloor:
    """A floor with what was measured: `reached` by the model, `dummy` by the dummy."""

    metric: str
    bound: float
    reached: float
    dummy: float

    @property
    def word(self) -> str:
        """`max` of an error, `min` of a score."""
        return "max" if self.metric in LOWER_IS_BETTER else "min"


@dataclass(frozen=True)
class Measured:
    """All floors, and whether the model is better than the dummy beyond chance, with the reason."""

    floors: tuple[MeasuredFloor, ...]
    better: bool
    reason: str
    rows: int


def dummy_outputs(prediction: Prediction, train: "pd.DataFrame", rows: int) -> "Outputs":
    """What the dummy answers, fitted to `train`: [rows, 1], and of classes [rows, classes]."""
    known = train[prediction.target]
    if prediction.kind == "regression":
        return {prediction.target: np.full((rows, 1), known.mean(), dtype=np.float64)}
    shares = np.array([float((known == label).mean()) for label in prediction.classes])
    label = np.array(prediction.classes, dtype=object)[int(shares.argmax())]
    return {
        prediction.target: np.array([[label]] * rows, dtype=object),
        PROBABILITIES: np.tile(shares, (rows, 1)),
    }


def measure_floors(
    model: "EdgeModel", outputs: "Outputs", train: "pd.DataFrame", holdout: "pd.DataFrame"
) -> Measured:
    """Floors from what the model answered (`outputs`) on the held-out rows."""
    prediction = model.config.prediction
    dummy = dummy_outputs(prediction, train, len(holdout))
    verdict = judge_champion(
        model.errors(outputs, holdout),
        model.errors(dummy, holdout),
        np.zeros(len(holdout), dtype=bool),
        min_rows=_LEAST_ROWS,
    )
    reached, baseline = model.measure(outputs, holdout), model.measure(dummy, holdout)
    drawn = _resampled(model, outputs, holdout)
    floors = tuple(
        MeasuredFloor(
            name,
            _bound(name, reached[name], baseline[name], drawn[name], verdict.passed),
            reached[name],
            baseline[name],
        )
        for name in METRICS[prediction.kind]
    )
    return Measured(floors, verdict.passed, verdict.reason, len(holdout))


def _bound(name: str, reached: float, dummy: float, drawn: Any, better: bool) -> float:
    sign = -1.0 if name in LOWER_IS_BETTER else 1.0  # as if more were always better
    got, least = sign * reached, sign * dummy
    gain = got - least
    if not better or gain <= 0:
        # closed until something better comes: above both, and above what luck reaches on so few
        # rows, since the same model trained on other rows of noise is sometimes lucky
        best = max(got, least)
        left = abs(1.0 - best if name not in LOWER_IS_BETTER else -best)
        luck = float(np.nanstd(drawn)) * _LUCK
        more = max(left * _OUT_OF_REACH, min(luck, left * _OPEN), 1e-6)
        return _rounded(sign * (best + more), up=sign > 0)
    unlucky = float(np.quantile(sign * drawn, _TAIL))
    bound = min(unlucky, got) - _OF_GAIN * gain
    return _rounded(sign * max(bound, least + _OF_GAIN * gain), up=sign < 0)


def _rounded(value: float, *, up: bool) -> float:
    """Three digits; up or down, so that rounding never turns a verdict."""
    if value == 0 or not math.isfinite(value):
        return value
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 2)
    return float(f"{(math.ceil if up else math.floor)(value / unit) * unit:.12g}")


def _resampled(
    model: "EdgeModel", outputs: "Outputs", holdout: "pd.DataFrame"
) -> Mapping[str, Any]:
    """Each metric on rows of the holdout drawn with replacement."""
    rng = np.random.default_rng(42)
    names = METRICS[model.config.prediction.kind]
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(_RESAMPLES):
        take = rng.integers(0, len(holdout), len(holdout))
        part = {name: array[take] for name, array in outputs.items()}
        metrics = model.measure(part, holdout.iloc[take])
        for name in names:
            if math.isfinite(metrics[name]):
                found[name].append(metrics[name])
    return {name: np.array(values or [math.nan]) for name, values in found.items()}
