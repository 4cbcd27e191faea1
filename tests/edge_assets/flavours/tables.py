"""Small tables, and the `model.yaml` that fits them, for the tests of flavours and graphs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from edge_assets.core.config_data import PROBABILITIES
from edge_assets.core.config_schema import ModelConfig
from edge_assets.core.parity import ParityVerdict, compare_outputs
from edge_assets.core.schema import dtype_of
from edge_assets.flavours import Flavour
from edge_assets.onnx_session import run
from tests.edge_assets.bench import FOLDER

_PLAIN: Mapping[str, Any] = yaml.safe_load((FOLDER / "model.yaml").read_text())
NUMBERS = ({"name": "a"}, {"name": "b", "nullable": True}, {"name": "n", "datatype": "INT64"})


def config_of(
    *columns: Mapping[str, Any],
    classes: Sequence[Any] = (),
    features: Sequence[str] = (),
    flavour: str = "sklearn",
    **prediction: Any,
) -> ModelConfig:
    """A model with these columns (FP32 where nothing is said) and the target `y`."""
    declared = [{"datatype": "FP32", **column} for column in columns or NUMBERS]
    kind = "classification" if classes else "regression"
    return ModelConfig.model_validate(
        {
            **_PLAIN,
            "name": "small",
            "flavour": flavour,
            "prediction": {
                "asked_for": "in a test",
                "target": "y",
                "kind": kind,
                "classes": list(classes),
                **prediction,
            },
            "data": {
                "source": "made up",
                "landing": "small",
                "columns": declared,
                "features": list(features),
            },
            "champion": {"error": "brier" if classes else "absolute"},
            "drift": {**_small_drift(), "columns": [declared[0]["name"]]},
            "datasheet": {},
        }
    )


def _small_drift() -> dict[str, Any]:
    words = ("window_seconds", "min_rows", "false_alarm_rate", "min_effect", "cooldown_seconds")
    return {word: _PLAIN["drift"][word] for word in words}


def numbers(rows: int, seed: int = 0, nulls: float = 0.15) -> pd.DataFrame:
    """Columns of `NUMBERS`: a with two decimals, b with missing values, n from -3 to 3."""
    rng = np.random.default_rng(seed)
    b = rng.normal(size=rows)
    b[rng.random(rows) < nulls] = np.nan
    return pd.DataFrame(
        {
            "a": np.round(rng.normal(size=rows), 2).astype(np.float32),
            "b": b.astype(np.float32),
            "n": rng.integers(-3, 4, rows),
        }
    )


def target(rows: pd.DataFrame, seed: int = 1) -> pd.Series:
    """A value that depends on all of `numbers`, with noise."""
    noise = np.random.default_rng(seed).normal(size=len(rows)) * 0.3
    values = rows["a"] * 2 + np.sin(3 * rows["b"].fillna(1.0)) + rows["n"] * 0.5 + noise + 20
    return pd.Series(values, dtype=np.float64)


def labels(rows: pd.DataFrame, classes: Sequence[Any]) -> "pd.Series[Any]":
    """About equally many of each class, by `target`; in their order from small to large."""
    ranks = target(rows).rank(pct=True, method="first").to_numpy()
    places = np.minimum((ranks * len(classes)).astype(int), len(classes) - 1)
    kind = object if isinstance(classes[0], str) else np.int64
    return pd.Series(np.array(classes, dtype=kind)[places], index=rows.index)


def parity(flavour: Flavour, model: Any, rows: pd.DataFrame, config: ModelConfig) -> ParityVerdict:
    """Whether the graph answers as the model that was stored and loaded; of one row alike."""
    loaded = flavour.load(flavour.dump(model), None)
    rows = rows.astype({c.name: dtype_of(c.datatype) for c in config.data.columns})
    expected = flavour.predict(loaded, rows, config)
    graph = flavour.to_onnx(loaded, config).SerializeToString(deterministic=True)
    assert graph == flavour.to_onnx(loaded, config).SerializeToString(deterministic=True)
    actual = run(config, graph, rows)
    one = run(config, graph, rows.iloc[:1])
    for name, values in one.items():
        assert values.shape == (1, *actual[name].shape[1:])
        assert compare_outputs(
            {name: actual[name][:1]}, {name: values}, absolute=1e-6, relative=1e-6
        ).passed
    assert [o.name for o in config.prediction.outputs] == list(actual)
    classes = config.prediction.kind == "classification"
    return compare_outputs(
        expected,
        actual,
        absolute=1e-5,
        relative=1e-5,
        label="y" if classes else "",
        scores=PROBABILITIES if classes else "",
    )


def write_folder(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """A folder with these files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder
