"""What tests of any edge model need: its folder, its deliveries as they should be, and spoilt."""

import importlib.util
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from edge_assets.core.config_data import Data
from edge_assets.core.folders import model_folders
from edge_assets.core.image_data import CONTENT, PATH
from edge_assets.core.preparing import plain, required_of
from edge_assets.edge_model import EdgeModel
from protos.errors import ConfigurationError
from tests.edge_assets.bench import Bench

Delivery = bytes | Mapping[str, bytes]

FOLDERS = model_folders({})
"""Of every edge model that is shipped: a new one is tested as soon as its folder is there."""
UNREADABLE = "not to be read"
_FEW: Mapping[str, int] = {
    "epochs": 2,
    "max_iter": 20,
    "n_estimators": 20,
    "num_boost_round": 20,
    "num_iterations": 20,
    "rounds": 20,
}
"""Parameters of `training` that say how long it takes, and what is enough to learn nothing."""


def model_of_its_own(name: str) -> EdgeModel:
    """The shipped edge model, whose configuration a test may change without changing another's."""
    loaded = EdgeModel.load(FOLDERS[name])
    config = loaded.config.model_copy(update={"training": dict(loaded.config.training)})
    return EdgeModel(config, loaded.folder)


def skip_without_its_flavour(model: EdgeModel) -> None:
    """Skips where the packages are not installed that its training and conversion need."""
    try:
        needed = model.flavour.NEEDS
    except ConfigurationError as error:
        pytest.skip(str(error))
    assert all(importlib.util.find_spec(name) for name in needed)


def change(bench: Bench, **sections: Any) -> None:
    """Another configuration of the bench's model from now on; of `data`, the fields that differ."""
    config = bench.chain.config
    for name, fields in sections.items():
        changed = getattr(config, name).model_copy(update=fields)
        object.__setattr__(config, name, changed)


def batch_of(model: EdgeModel, stem: str) -> str:
    """The name that a delivery of the model may have."""
    return stem if model.config.data.kind == "images" else f"{stem}.{model.config.data.formats[0]}"


def delivery(model: EdgeModel, raw: pd.DataFrame) -> Delivery:
    """Raw rows as they are delivered: a file, or for images a folder."""
    if model.config.data.kind == "images":
        return dict(zip(raw[PATH], raw[CONTENT], strict=True))
    if model.config.data.formats[0] == "csv":
        return raw.to_csv(index=False).encode()
    buffer = io.BytesIO()
    raw.to_parquet(buffer, index=False)
    return buffer.getvalue()


def enough(data: Data) -> int:
    """Raw rows of which a third are still more than the least that a delivery must have."""
    return max(300, 4 * data.min_rows)


def unreadable(model: EdgeModel, raw: pd.DataFrame, good: int) -> pd.DataFrame:
    """Only the first `good` rows can be used: of the others the target is no value.

    Images are damaged, every second, or in the folder of no known class.
    """
    spoilt = raw.copy()
    rest = spoilt.index[good:]
    if model.config.data.kind == "images":
        odd = np.arange(len(raw)) % 2 == 1
        late = np.arange(len(raw)) >= good
        halves = raw[CONTENT].map(lambda content: content[: len(content) // 2])
        spoilt[CONTENT] = raw[CONTENT].mask(late & odd, halves)
        spoilt[PATH] = raw[PATH].mask(late & ~odd, f"{UNREADABLE}/" + raw[PATH])
        return spoilt
    for name in target_columns(model, raw):
        spoilt[name] = spoilt[name].astype(object)
        spoilt.loc[rest, name] = UNREADABLE
    return spoilt


def incomplete(model: EdgeModel, raw: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows without each of the columns that they need, or without folders of classes.

    With each what the refusal must say.
    """
    if model.config.data.kind == "images":
        bare = raw.copy()
        bare[PATH] = raw[PATH].str.replace("/", "-")
        yield "is an image in a folder of its class", bare
        return
    for group in required_of(model.config.data, model.config.prediction):
        names = {plain(name) for name in group}
        lacking = raw[[name for name in raw.columns if plain(str(name)) not in names]]
        assert len(lacking.columns) < len(raw.columns), f"sample makes no {group[0]}"
        yield f"lacks columns: there is no {group[0]}", lacking


def mislabelled(model: EdgeModel, raw: pd.DataFrame) -> pd.DataFrame:
    """The same rows, and the same targets, but in any order: nothing can be learned from them."""
    order = np.random.default_rng(1).permutation(len(raw))
    images = model.config.data.kind == "images"  # whose classes are the folders they lie in
    mixed = [CONTENT] if images else target_columns(model, raw)
    return raw.assign(**{name: raw[name].to_numpy()[order] for name in mixed})


def target_columns(model: EdgeModel, raw: pd.DataFrame) -> list[str]:
    """The raw columns that the target is read from, found by moving each by a row."""
    target, found = model.config.prediction.target, []
    before = model.prepare(raw).kept
    inputs = list(model.config.data.inputs)
    for name in map(str, raw.columns):
        after = model.prepare(raw.assign(**{name: np.roll(raw[name].to_numpy(), 1)})).kept
        both = before.index.intersection(after.index)
        if not after[target].loc[both].equals(before[target].loc[both]):
            assert after.loc[both, inputs].equals(before.loc[both, inputs]), name
            found.append(name)
    assert found, f"no column of the sample of {model.config.name} decides the target"
    return found


def train_shortly(bench: Bench) -> None:
    """Ends trainings early: for models that learn nothing anyway."""
    training = bench.chain.config.training
    bench.train_with(**{name: few for name, few in _FEW.items() if name in training})


def verdicts(run: dg.ExecuteInProcessResult) -> dict[str, bool]:
    """The gates that a run judged, and whether they were open."""
    return {found.check_name: found.passed for found in run.get_asset_check_evaluations()}


def quarantined(bench: Bench) -> list[Path]:
    """Where refused deliveries lie."""
    return sorted(path.parent for path in (bench.home / "quarantine").rglob("reason.json"))
