"""Sample images of a model that was made from a folder: its images, drawn again, a little lighter
or darker. As with tables, a copy stays on the side of the holdout on which its origin is."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from edge_assets.core.config_data import Column
from edge_assets.core.holdout import split
from edge_assets.core.image_data import CONTENT, LABEL
from edge_assets.edge_model import EdgeModel
from edge_assets.onboarding.resampling import DATA_FILE

_LIGHT = 0.05
_TRIES = 40


def resample_images(folder: Path, rows: int, seed: int) -> dict[str, bytes]:
    """`rows` images drawn with replacement: path in the delivery -> bytes. The same arguments give
    the same bytes. Images that are set aside stay as they are.
    """
    model = EdgeModel.load(folder)
    raw = pd.read_parquet(folder / DATA_FILE)
    kept = model.prepare(raw).kept
    (column,) = model.config.data.columns
    held_out = set(kept.index[_held_out(model, kept, column)])
    rng = np.random.default_rng(seed)
    made = {}
    for number, origin in enumerate(rng.integers(0, len(raw), rows)):
        place = int(origin)
        content = bytes(raw[CONTENT].iloc[place])
        suffix = ".png"
        if place in kept.index:
            content = _moved(model, kept, column, place, place in held_out, rng)
        else:
            suffix = ".bin"
        made[f"{raw[LABEL].iloc[place]}/{number:05d}{suffix}"] = content
    return made


def _moved(
    model: EdgeModel,
    kept: pd.DataFrame,
    column: Column,
    place: int,
    wanted: bool,
    rng: np.random.Generator,
) -> bytes:
    original: bytes = kept[column.name].loc[place]
    pixels = np.asarray(Image.open(io.BytesIO(original)).convert("RGB"), dtype=np.float64)
    for _ in range(_TRIES):
        light = 1 + rng.uniform(-_LIGHT, _LIGHT)
        noise = rng.normal(0, 1, pixels.shape)
        changed = np.clip(pixels * light + noise, 0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(changed).save(buffer, "PNG")
        prepared = model.prepare(
            pd.DataFrame(
                {
                    "path": ["a"],
                    LABEL: [kept.at[place, model.config.prediction.target]],
                    CONTENT: [buffer.getvalue()],
                }
            )
        ).kept
        if len(prepared) and bool(_held_out(model, prepared, column)[0]) == wanted:
            return buffer.getvalue()
    return original


def _held_out(
    model: EdgeModel, rows: pd.DataFrame, column: Column
) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    rule = model.config.holdout
    parts = split(rows, columns=[column.name], share=rule.share, seed=rule.seed)
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = rows.index.isin(parts.holdout.index)
    return found
