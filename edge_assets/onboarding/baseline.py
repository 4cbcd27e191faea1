"""The first training of a new edge model: what leaks, what it reaches, and which shift it has."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edge_assets.core.champion import judge_champion
from edge_assets.core.holdout import Split, split
from edge_assets.core.leakage import explained_alone
from edge_assets.onboarding.columns import Draft
from edge_assets.onboarding.floors import Measured, measure_floors
from edge_assets.onboarding.resampling import resample
from edge_assets.onboarding.target import Target
from protos.errors import ConfigurationError

if TYPE_CHECKING:
    from edge_assets.core.prepared import Prepared
    from edge_assets.edge_model import EdgeModel

LEAKING = 0.999
MIN_HELD_OUT = 10
"""Rows: on fewer nothing can be said about any model."""
SAMPLE_ROWS = 2000
_SHIFTS_TRIED = 3
_MAX_ROWS = 20_000


def leaking_columns(table: pd.DataFrame, drafts: Sequence[Draft], target: Target) -> dict[str, str]:
    """Headers of columns that give the target away alone, each with how much it explains.

    Texts are looked at too: as numbers of their categories, in order.
    """
    rows = table.iloc[: 2 * _MAX_ROWS]
    answers = _answers(rows, target)
    half = np.random.default_rng(42).random(len(rows)) < 0.5  # rows may come in some rhythm
    found = {}
    for draft in drafts:
        if draft.column is None:
            continue
        values = _as_numbers(rows[draft.header], draft)
        score = min(
            explained_alone(values[half], answer[half], values[~half], answer[~half])
            for answer in answers
        )
        if score >= LEAKING:
            found[draft.header] = f"it alone explains {score:.2%} of the target"
    return found


def _answers(rows: pd.DataFrame, target: Target) -> list[NDArray[np.float64]]:
    cells = rows[target.header]
    numbers = pd.to_numeric(cells, errors="coerce")
    if target.kind == "regression":
        return [numbers.to_numpy(dtype=np.float64)]
    labels = numbers if isinstance(target.classes[0], int) else cells
    return [np.asarray(labels == label, dtype=np.float64) for label in target.classes]


def _as_numbers(cells: pd.Series, draft: Draft) -> NDArray[np.float64]:
    if draft.column is not None and draft.column.datatype in ("BYTES", "BOOL"):
        return pd.factorize(cells, sort=True)[0].astype(np.float64)
    numbers: NDArray[np.float64] = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64)
    return numbers


@dataclass(frozen=True)
class FirstTraining:
    """What the baseline did on the data itself."""

    measured: Measured
    prepared: "Prepared"
    parts: Split
    onnx_bytes: int
    important: tuple[str, ...]
    """Columns of numbers by how much worse the model is without their order, the worst first."""


def holdout_seed(rows: pd.DataFrame, model: "EdgeModel", share: float) -> int:
    """A seed of the holdout by which every class is on both sides; 42 where that is enough."""
    prediction = model.config.prediction
    for seed in range(42, 142):
        parts = split(rows, columns=list(model.config.data.inputs), share=share, seed=seed)
        if all((side[prediction.target] == c).any() for c in prediction.classes for side in parts):
            return seed
    return 42


def first_training(model: "EdgeModel", raw: pd.DataFrame, movable: Sequence[str]) -> FirstTraining:
    """Trains on the given rows, and measures on those held out. Errors are those of the steps."""
    config = model.config
    prepared = model.prepare(raw)
    parts = split(
        prepared.kept,
        columns=list(config.data.inputs),
        share=config.holdout.share,
        seed=config.holdout.seed,
    )
    if len(parts.holdout) < MIN_HELD_OUT or len(parts.train) < MIN_HELD_OUT:
        raise ConfigurationError(
            f"{len(parts.holdout)} of {len(prepared.kept)} rows would be held out",
            why="equal rows stay on one side, and there are too few different ones: "
            f"at least {MIN_HELD_OUT} are needed on either side",
            remedy="collect more different rows, or give more columns",
        )
    trained = model.train(parts.train)
    outputs = model.predict(trained, parts.holdout)
    onnx = model.to_onnx(trained)
    return FirstTraining(
        measure_floors(model, outputs, parts.train, parts.holdout),
        prepared,
        parts,
        len(onnx),
        _important(model, trained, parts.holdout, movable),
    )


def _important(
    model: "EdgeModel", trained: object, holdout: pd.DataFrame, names: Sequence[str]
) -> tuple[str, ...]:
    """Permutation importance (Breiman 2001, "Random forests", section 10) of single columns."""
    rng = np.random.default_rng(42)
    usual = float(model.errors(model.predict(trained, holdout), holdout).mean())
    worse = {}
    for name in names:
        mixed = holdout.assign(**{name: rng.permutation(holdout[name].to_numpy())})
        worse[name] = float(model.errors(model.predict(trained, mixed), mixed).mean()) - usual
    return tuple(sorted((n for n in worse if worse[n] > 0), key=lambda n: -worse[n]))


@dataclass(frozen=True)
class TriedShift:
    """A shift, and whether the model becomes worse by it and learns it again; with the reason."""

    name: str
    worked: bool
    reason: str


def choose_shift(model: "EdgeModel", important: Sequence[str]) -> list[TriedShift]:
    """Tries the most important columns until one makes a good shift, which is then the last.

    The rule is that of the chain: after the shift, a model trained on old and new rows must beat
    the one that learned the old ones, on the held-out rows of both.
    """
    if not important:
        return []
    old = _sides(model, resample(model.folder, SAMPLE_ROWS, 1))
    champion = model.train(old.train)
    tried = []
    for name in important[:_SHIFTS_TRIED]:
        new = _sides(model, resample(model.folder, SAMPLE_ROWS, 2, name))
        tried.append(judge_shift(model, name, champion, old, new))
        if tried[-1].worked:
            break
    return tried


def judge_shift(
    model: "EdgeModel", name: str, champion: object, old: Split, new: Split
) -> TriedShift:
    """Whether `champion` is worse after the shift, and a model of all rows better than it."""
    before, after = (
        float(model.errors(model.predict(champion, rows), rows).mean())
        for rows in (old.holdout, new.holdout)
    )
    if not after > before * 1.05:
        return TriedShift(name, False, f"the error only went from {before:.4g} to {after:.4g}")
    columns = list(old.train.columns)
    train = pd.concat([old.train, new.train[columns]], ignore_index=True)
    both = pd.concat([old.holdout, new.holdout[columns]], ignore_index=True)
    candidate = model.train(train)
    newest = np.arange(len(both)) >= len(old.holdout)
    verdict = judge_champion(
        model.errors(model.predict(candidate, both), both),
        model.errors(model.predict(champion, both), both),
        newest,
        **model.config.champion.model_dump(exclude={"error"}),
    )
    text = f"the error goes from {before:.4g} to {after:.4g}; trained again, {verdict.reason}"
    return TriedShift(name, verdict.passed, text)


def _sides(model: "EdgeModel", raw: pd.DataFrame) -> Split:
    config = model.config
    return split(
        model.prepare(raw).kept,
        columns=list(config.data.inputs),
        share=config.holdout.share,
        seed=config.holdout.seed,
    )
