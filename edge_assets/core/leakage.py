"""The gate of leakage: whether the answer, or the holdout, is already in what the model sees."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edge_assets.core.holdout import row_keys
from edge_assets.core.preparing import plain

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Finding:
    """One leak: `code` for machines, `subject` the column or table, `detail` for people."""

    code: str
    subject: str
    detail: str


def find_leakage(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    *,
    target: str,
    inputs: Sequence[str],
    features: Sequence[str],
    forbidden: Collection[str],
    key_columns: Sequence[str],
    matrix: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
    classes: Sequence[object] = (),
    limit: float = 0.999,
    max_rows: int = 20_000,
) -> list[Finding]:
    """All leaks that are found; the gate is open for none.

    Codes: `target_is_input`; `forbidden_input` (a column of `forbidden` is among inputs or
    features, whatever its case and underscores); `rows_overlap` (rows of the holdout, by
    `key_columns`, are in train); `explains_target` (one numeric column alone explains `limit` of
    the target's variance in the holdout, in a straight line or as any curve learned from train).
    `matrix` builds the features of rows; without it the inputs are looked at. At most `max_rows`
    rows of each table are used for the curve. Of a target with `classes`, the column must explain
    each class that occurs.
    """
    findings: list[Finding] = []
    used = list(dict.fromkeys((*inputs, *features)))
    if target in used:
        findings.append(
            Finding("target_is_input", target, "the model would be given what it has to predict")
        )
    banned = {plain(name) for name in forbidden}
    findings += [
        Finding("forbidden_input", name, "it is known only after the answer")
        for name in used
        if plain(name) in banned and name != target
    ]
    findings += _overlap(train, holdout, key_columns)
    build = matrix or (lambda rows: rows[[n for n in inputs if n in rows.columns]])
    seen, unseen = train.head(max_rows), holdout.head(max_rows)
    if len(seen) >= 10 and len(unseen) >= 10:
        findings += _explains(
            build(seen),
            _targets(seen[target], classes),
            build(unseen),
            _targets(unseen[target], classes),
            limit,
        )
    return findings


def _overlap(train: pd.DataFrame, holdout: pd.DataFrame, columns: Sequence[str]) -> list[Finding]:
    shared = np.isin(row_keys(holdout, columns=columns), row_keys(train, columns=columns))
    count = int(shared.sum())
    if not count:
        return []
    text = f"{count} of {len(holdout)} rows of the holdout are trained on"
    return [Finding("rows_overlap", "holdout", text)]


def _explains(
    seen: pd.DataFrame,
    learned: Sequence[Floats],
    unseen: pd.DataFrame,
    actual: Sequence[Floats],
    limit: float,
) -> list[Finding]:
    findings: list[Finding] = []
    pairs = [pair for pair in zip(learned, actual, strict=True) if np.ptp(pair[1]) > 0]
    for name in seen.columns:
        if not pd.api.types.is_numeric_dtype(seen[name].dtype) or not pairs:
            continue
        known, fresh = (t[name].to_numpy(dtype=np.float64) for t in (seen, unseen))
        score = min(explained_alone(known, here, fresh, there) for here, there in pairs)
        if score >= limit:
            text = f"it alone explains {score:.4%} of the target on unseen rows"
            findings.append(Finding("explains_target", str(name), text))
    return findings


def _targets(target: pd.Series, classes: Sequence[object]) -> list[Floats]:
    """The target as numbers; of classes, one column of 0 and 1 for each."""
    if not classes:
        return [target.to_numpy(dtype=np.float64)]
    labels = target.to_numpy(dtype=object)
    return [np.asarray(labels == label, dtype=np.float64) for label in classes]


def explained_alone(seen: Floats, learned: Floats, unseen: Floats, actual: Floats) -> float:
    """The share of the variance of `actual` that one column explains on rows not learned from.

    The better of a straight line and of a curve through the mean target of each value, both fitted
    to (`seen`, `learned`). All of shape (rows,); rows with values that are not finite are left out.
    Minus infinity where a column, or the target, has only one value.
    """
    good, fresh = (
        np.isfinite(seen) & np.isfinite(learned),
        np.isfinite(unseen) & np.isfinite(actual),
    )
    seen, learned, unseen, actual = seen[good], learned[good], unseen[fresh], actual[fresh]
    if len(seen) < 3 or len(unseen) < 3 or np.ptp(seen) == 0 or np.ptp(actual) == 0:
        return -np.inf
    values, place = np.unique(seen, return_inverse=True)
    means = np.bincount(place, learned) / np.bincount(place)
    spread = seen - seen.mean()
    slope = float(spread @ (learned - learned.mean()) / (spread @ spread))
    line = learned.mean() + slope * (unseen - seen.mean())
    variance = float(np.sum((actual - actual.mean()) ** 2))
    return max(
        1 - float(np.sum((guess - actual) ** 2)) / variance
        for guess in (line, np.interp(unseen, values, means))
    )
