"""Scores of raw rows, aligned with them: one row out for each row in, in the same order.

A row that cannot be scored is not left out: it has empty predictions and the reason in `rejected`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edge_assets.core.config_data import PROBABILITIES, Prediction
from edge_assets.core.prepared import REASON, Prepared

ROW, REJECTED = "row", "rejected"
_LABELS = 5


@dataclass(frozen=True)
class Usable:
    """The rows that can be asked, with the index of the raw rows, and why the others cannot."""

    kept: pd.DataFrame
    reasons: dict[int, str]
    """Index of a raw row -> why it is rejected."""


def usual_labels(target: pd.Series) -> list[Any]:
    """A few labels that rows really had, the most usual first: median and quantiles, or classes.

    Raises ValueError when there are none.
    """
    known = target.dropna()
    if known.empty:
        raise ValueError("no labels are known")
    if not pd.api.types.is_float_dtype(known.dtype):
        return [str(v) if isinstance(v, str) else v for v in known.value_counts().index[:_LABELS]]
    at = (0.5, 0.05, 0.95, 0.25, 0.75)
    return list(dict.fromkeys(float(v) for v in known.quantile(at, interpolation="nearest")))


def prepare_to_score(
    raw: pd.DataFrame,
    prepare: Callable[[pd.DataFrame], Prepared],
    column: str,
    names: Collection[str],
    labels: Sequence[Any],
) -> Usable:
    """Prepares raw rows that have no label, or one that does not matter here.

    `prepare` asks for a label, because it makes rows to learn from. So each row that it sets aside
    is prepared once more with one of `labels` in `column` in place of what is in `names`, until one
    of them passes: a row is rejected for its inputs, never for its label. The model does not see
    the label. `raw` must have the index 0, 1, ...
    """
    kept: list[pd.DataFrame] = []
    reasons: dict[int, str] = {}
    waiting = raw
    for trial, own in _trials(raw, column, names, labels):
        while len(waiting):
            prepared = prepare(trial(waiting))
            if len(prepared.kept):
                kept.append(prepared.kept)
            if len(prepared.set_aside):
                found = {int(str(k)): str(v) for k, v in prepared.set_aside[REASON].items()}
                # The first reason counts that is not about the row's own label.
                reasons.update({k: v for k, v in found.items() if own or k not in reasons})
            waiting = waiting.loc[prepared.set_aside.index]
            # Again only for what was set aside because of another row that is settled now.
            if not len(prepared.kept):
                break
        if own:
            reasons = {}
    made = pd.concat(kept).sort_index() if kept else pd.DataFrame()
    left = set(waiting.index.tolist())
    return Usable(made, {int(k): v for k, v in sorted(reasons.items()) if k in left})


def align(
    rows: int,
    places: NDArray[np.int64],
    outputs: Mapping[str, NDArray[Any]],
    reasons: Mapping[int, str],
    prediction: Prediction,
    beside: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The table of scores, index from 0.

    `places` are the rows that `outputs` (the first axis counts them) belong to, `reasons` those of
    the others; together every row from 0 to `rows` - 1 once. Columns: `row`, those of `beside`, one
    for each value of an output, `rejected` (empty where there is a prediction). Several values of
    one output get their number behind a dot, probabilities the class.

    Raises ValueError when a row is missing or comes twice.
    """
    told = sorted([*places.tolist(), *reasons])
    if told != list(range(rows)):
        raise ValueError(f"{len(places)} scores and {len(reasons)} reasons are not {rows} rows")
    made: dict[str, Any] = {ROW: np.arange(rows)}
    if beside is not None:
        made |= {str(name): beside[name].to_numpy() for name in beside.columns}
    for name, values in outputs.items():
        flat = values.reshape(len(places), -1) if values.size else values.reshape(len(places), 1)
        titles = _titles(name, flat.shape[1], prediction)
        for title, column in zip(titles, flat.T, strict=True):
            made[title] = _spread(rows, places, column)
    made[REJECTED] = [reasons.get(row, "") for row in range(rows)]
    return pd.DataFrame(made)


def summary(scores: pd.DataFrame, prediction: Prediction) -> dict[str, Any]:
    """Rows, how many were rejected and why, and the mean prediction or the count of each class."""
    good = scores[REJECTED] == ""
    why = scores.loc[~good, REJECTED].value_counts()
    made: dict[str, Any] = {
        "rows": len(scores),
        "scored": int(good.sum()),
        "rejected": int((~good).sum()),
        "reasons": {str(reason): int(count) for reason, count in why.items()},
    }
    told = scores.loc[good, prediction.target]
    if prediction.classes:
        counts = told.value_counts()
        return {**made, "classes": {str(c): int(counts.get(c, 0)) for c in prediction.classes}}
    return {**made, "mean": float(told.mean()) if len(told) else None}


def _trials(
    raw: pd.DataFrame, column: str, names: Collection[str], labels: Sequence[Any]
) -> Iterator[tuple[Callable[[pd.DataFrame], pd.DataFrame], bool]]:
    """How a row gets its label, and whether it is its own: first its own, then each of `labels`."""
    if any(name in raw.columns for name in names):
        yield (lambda rows: rows), True
    others = [name for name in raw.columns if name not in names]
    for label in labels:

        def with_label(rows: pd.DataFrame, label: Any = label) -> pd.DataFrame:
            return rows[others].assign(**{column: label})

        yield with_label, False


def _titles(name: str, width: int, prediction: Prediction) -> list[str]:
    if width == 1:
        return [name]
    if name == PROBABILITIES and width == len(prediction.classes):
        return [f"{name}.{label}" for label in prediction.classes]
    return [f"{name}.{place}" for place in range(width)]


def _spread(rows: int, places: NDArray[np.int64], values: NDArray[Any]) -> Any:
    """A column of all rows with `values` at `places`, else unknown."""
    if values.dtype.kind == "f":
        column = np.full(rows, np.nan, dtype=values.dtype)
        column[places] = values
        return column
    if values.dtype.kind in "iub":
        whole = pd.array([pd.NA] * rows, dtype="boolean" if values.dtype.kind == "b" else "Int64")
        whole[places] = values
        return whole
    texts = np.full(rows, None, dtype=object)
    texts[places] = values
    return texts
