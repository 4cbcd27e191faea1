"""Pure judgements of a model's steps: each gives what is wrong, or an empty text."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_assets.core.config_data import PROBABILITIES
from edge_assets.core.near import meant
from edge_assets.core.parity import ParityVerdict, compare_outputs

if TYPE_CHECKING:
    import pandas as pd

    from edge_assets.core.config_schema import ModelConfig
    from edge_assets.core.measuring import Outputs
    from edge_assets.core.prepared import Prepared

FORBIDDEN = ("dagster", "azure", "msrest", "sensors")
"""Packages that a data scientist's functions have no business with."""
_BAD_CELL = "?? no value ??"


def judge_imports(loaded: Collection[str]) -> str:
    """`loaded` are the modules in memory after the functions were imported."""
    found = sorted({name.partition(".")[0] for name in loaded} & set(FORBIDDEN))
    if not found:
        return ""
    return f"importing its functions imports {', '.join(found)}: keep them plain Python"


def judge_prepared(raw: "pd.DataFrame", prepared: "Prepared", config: "ModelConfig") -> str:
    """Whether every row is there once, with its reason where it was set aside, and enough kept."""
    kept, aside = prepared.kept.index, prepared.set_aside.index
    both = kept.append(aside)
    if both.has_duplicates:
        return f"{int(both.duplicated().sum())} rows are there twice"
    if not both.sort_values().equals(raw.index.sort_values()):
        return "rows were lost, or have another index than the raw rows"
    if len(aside) and (prepared.set_aside["reason"].astype(str).str.strip() == "").any():
        return "a row was set aside without a reason"
    share = len(aside) / max(len(raw), 1)
    if share > config.data.max_set_aside_share:
        return (
            f"{len(aside)} of {len(raw)} sample rows are set aside, more than "
            f"data.max_set_aside_share allows: {dict(list(prepared.reasons.items())[:3])}"
        )
    if len(kept) < config.data.min_rows:
        return f"{len(kept)} rows are kept, fewer than data.min_rows ({config.data.min_rows})"
    return ""


def lost_feature(features: Sequence[str], columns: Collection[str]) -> str:
    """What to say of features that prepared rows do not have, where training failed: one that
    succeeds derives them itself.
    """
    lost = [name for name in features if name not in columns]
    if not lost:
        return ""
    hint = meant(lost[0], columns)
    return f"data.features names {lost[0]}, which prepared rows do not have{hint}; "


def judge_floor_names(measured: Mapping[str, float], floors: Mapping[str, object]) -> str:
    """Whether each floor is of a metric that was measured; tells those that were."""
    strange = [name for name in floors if name not in measured]
    if not strange:
        return ""
    return f"measured were {', '.join(measured)}{meant(strange[0], measured)}"


def spoil(
    raw: "pd.DataFrame", columns: Sequence[Any], cell: Any = _BAD_CELL, rows: int = 5
) -> "pd.DataFrame":
    """`raw` with a cell that says nothing in each of `columns` of its first rows."""
    spoiled = raw.copy()
    for name in columns:
        cells = spoiled[name].astype("object")
        cells.iloc[:rows] = cell
        spoiled[name] = cells
    return spoiled


def judge_bad_rows(spoiled: "pd.DataFrame", prepared: "Prepared", rows: int = 5) -> str:
    """Whether the rows that `spoil` made were set aside."""
    bad = spoiled.index[:rows]
    through = [place for place in bad if place in prepared.kept.index]
    if through:
        return f"{len(through)} of {len(bad)} rows with unreadable cells were kept"
    return ""


def judge_outputs(outputs: "Outputs", rows: int, config: "ModelConfig") -> str:
    """Whether every output has its shape and type, and says something for each row."""
    for output in config.prediction.outputs:
        values = outputs[output.name]
        wanted = (rows, *output.shape)
        fits = len(values.shape) == len(wanted) and all(
            size in (-1, got) for size, got in zip(wanted, values.shape, strict=True)
        )
        if not fits:
            return f"{output.name} has the shape {values.shape}, declared is {wanted}"
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            return f"{output.name} is not finite in {int((~np.isfinite(values)).sum())} places"
    if config.prediction.kind == "classification":
        return _judge_classes(outputs, config)
    return ""


def _judge_classes(outputs: "Outputs", config: "ModelConfig") -> str:
    prediction = config.prediction
    known = set(map(str, prediction.classes))
    strange = sorted({str(v) for v in outputs[prediction.target].ravel()} - known)
    if strange:
        return f"{prediction.target} says {strange[0]!r}, which is no class"
    scores = np.asarray(outputs[PROBABILITIES], dtype=np.float64)
    if scores.min() < -1e-6 or np.abs(scores.sum(axis=1) - 1).max() > 1e-3:
        return f"{PROBABILITIES} do not add up to 1"
    return ""


def parity_of(expected: "Outputs", actual: "Outputs", config: "ModelConfig") -> ParityVerdict:
    """The gate of parity, as the chain judges it."""
    classes = config.prediction.kind == "classification"
    return compare_outputs(
        expected,
        actual,
        absolute=config.parity.absolute,
        relative=config.parity.relative,
        label=config.prediction.target if classes else "",
        scores=PROBABILITIES if classes else "",
        classes=config.prediction.classes,
    )


def same_outputs(first: "Outputs", second: "Outputs") -> str:
    """Whether two answers are equal in every value."""
    for name, values in first.items():
        other = second[name]
        numbers = values.dtype.kind == "f" and other.dtype.kind == "f"
        if values.shape != other.shape or not np.array_equal(values, other, equal_nan=numbers):
            return f"{name} differs"
    return ""


def part_of(outputs: "Outputs", places: slice) -> dict[str, Any]:
    """The answers to some of the rows."""
    return {name: array[places] for name, array in outputs.items()}


def told(values: Mapping[str, float]) -> str:
    """Metrics on one line."""
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())
