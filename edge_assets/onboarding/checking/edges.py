"""Rows at the edge of what `model.yaml` allows: bounds, categories, unknown values."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from edge_assets.core.config_data import INTEGERS, Column
from edge_assets.core.schema import dtype_of

if TYPE_CHECKING:
    from edge_assets.core.config_schema import ModelConfig

MAX_ROWS = 2000
_OPEN_SPAN = 1000.0
_BOUNDS = ("minimum", "maximum")


def edge_rows(config: "ModelConfig", rows: pd.DataFrame) -> pd.DataFrame:
    """Prepared rows without a target: of two of `rows`, each column in turn at its edges.

    At least one row has every nullable column unknown. Of images: black and white ones, from a
    single pixel to the largest side that is taken, where their size is free.
    """
    columns = config.data.columns
    if config.data.kind == "images":
        return _edge_images(config)
    if not len(rows):
        return rows.head(0)
    bases: list[dict[Any, Any]] = (
        rows[list(config.data.inputs)].iloc[[0, len(rows) // 2]].to_dict("records")
    )
    made = []
    for base in bases:
        for column in columns:
            made += [{**base, column.name: value} for value in edges_of(column)]
        unknown = {c.name: _unknown(c) for c in columns if c.nullable}
        if unknown:
            made.append({**base, **unknown})
        for word in _BOUNDS:
            far = {c.name: getattr(c, word) for c in columns if getattr(c, word) is not None}
            made.append({**base, **far})
    return _typed(made[:MAX_ROWS], columns)


def _edge_images(config: "ModelConfig") -> pd.DataFrame:
    from PIL import Image

    from edge_assets.core.images import encode

    (column,) = config.data.columns
    side = config.data.images.max_side
    height, width = column.shape[:2]
    sizes = {(1, 1), (1, 7), (7, 1), (side, side)}
    sizes = {(w if width == -1 else width, h if height == -1 else height) for w, h in sizes}
    made = [
        encode(Image.new("RGB", size, colour), side)
        for size in sorted(sizes)
        for colour in ("black", "white")
    ]
    return pd.DataFrame({column.name: pd.Series(made, dtype="object")})


def failing_edge(
    config: "ModelConfig", rows: pd.DataFrame, ask: Callable[[pd.DataFrame], object]
) -> str:
    """Which allowed value `ask` raises at, and what to change; empty when no single one is found.

    Each column in turn is set to its edges in the first of `rows`.
    """
    if config.data.kind == "images" or not len(rows):
        return ""
    base = rows[list(config.data.inputs)].iloc[[0]].to_dict("records")[0]
    for column in config.data.columns:
        for value in edges_of(column):
            try:
                ask(_typed([{**base, column.name: value}], config.data.columns))
            except Exception:  # whatever onnxruntime or a model's functions do
                word = next((w for w in _BOUNDS if value == getattr(column, w)), "categories")
                return f"it fails for {column.name} = {_plain(value)}: narrow its {word}"
    return ""


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value)


def edges_of(column: Column) -> list[Any]:
    """The values of a column that are allowed and extreme."""
    values: list[Any] = [v for v in (column.minimum, column.maximum) if v is not None]
    values += list(column.categories)
    if column.datatype == "BOOL":
        values += [False, True]
    if column.nullable:
        values.append(_unknown(column))
    return values


def probe_rows(config: "ModelConfig", count: int, seed: int = 42) -> pd.DataFrame:
    """Made-up rows that fit `model.yaml`: each column drawn evenly from what it allows."""
    rng = np.random.default_rng(seed)
    drawn = {column.name: _drawn(rng, column, count) for column in config.data.columns}
    table = pd.DataFrame(drawn)
    return table.astype({c.name: dtype_of(c.datatype) for c in config.data.columns})


def _drawn(rng: np.random.Generator, column: Column, count: int) -> Any:
    if column.categories:
        return rng.choice(np.array(column.categories, dtype=object), count)
    if column.datatype == "BOOL":
        return rng.random(count) < 0.5
    if column.datatype == "BYTES":
        return rng.choice(np.array(["", "a", "some words"], dtype=object), count)
    low = column.minimum if column.minimum is not None else (column.maximum or 0.0) - _OPEN_SPAN
    high = column.maximum if column.maximum is not None else low + 2 * _OPEN_SPAN
    if column.datatype == "UINT8":
        low, high = max(low, 0.0), min(high, 255.0)
    if column.datatype in INTEGERS:
        return rng.integers(int(np.ceil(low)), int(np.floor(high)) + 1, count)
    return rng.uniform(low, high, count)


def _unknown(column: Column) -> Any:
    return "" if column.datatype == "BYTES" else np.nan


def _typed(made: list[dict[Any, Any]], columns: tuple[Column, ...]) -> pd.DataFrame:
    table = pd.DataFrame(made, columns=[column.name for column in columns])
    return table.astype({column.name: dtype_of(column.datatype) for column in columns})
