"""The folder that a device serves: model, description, golden questions, typed contract."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_assets.core.config_schema import ModelConfig
from edge_assets.core.model_folder import (
    GOLDEN_QUESTIONS,
    GOLDEN_SIDE,
    affordable,
    golden_json,
    model_json,
)
from edge_assets.edge_model import EdgeModel
from edge_assets.onnx_session import feeds, run
from protos.digests import digest_bytes

if TYPE_CHECKING:
    import pandas as pd

    from edge_assets.core.measuring import Outputs


def served_files(
    model: EdgeModel,
    trained: Any,
    onnx: bytes,
    rows: "pd.DataFrame",
    expected: "Outputs",
    actual: "Outputs",
) -> dict[str, bytes]:
    """The files of the folder by name.

    Golden questions are taken from `rows`; `expected` is what the trained model says of them, which
    is the right answer, `actual` what the artifact says. Raises ConfigurationError when there is a
    contract that does not compile or does not fit the model.
    """
    config = model.config
    label = config.prediction.target if config.prediction.kind == "classification" else ""
    places = golden_places(expected, actual, label)
    if config.data.kind == "images":
        rows = golden_images(config, rows.iloc[places])
        expected, actual = model.predict(trained, rows), run(config, onnx, rows)
        places = golden_places(expected, actual, label)
    questions = [next(feeds(config, rows.iloc[[place]]))[1] for place in places]
    fitting = affordable(questions)
    answers = [
        {name: array[places[n] : places[n] + 1] for name, array in expected.items()}
        for n in fitting
    ]
    digest = digest_bytes(onnx)
    golden = golden_json(config, digest, [questions[n] for n in fitting], answers)
    files = {
        "model.onnx": onnx,
        "model.json": _text(model_json(config, digest)),
        "golden.json": _text(golden, wide=config.data.kind == "images"),
    }
    return files | _contract(model.folder, files["model.json"])


def golden_places(expected: "Outputs", actual: "Outputs", label: str) -> list[int]:
    """Positions of the golden questions: spread evenly over the rows, always the same ones.

    Rows on which model and artifact tell another class, both rightly, make no good question.
    """
    places = np.arange(len(next(iter(expected.values()))))
    if label:
        places = places[expected[label].ravel() == actual[label].ravel()]
    count = min(GOLDEN_QUESTIONS, len(places))
    return [int(places[position * len(places) // count]) for position in range(count)]


def golden_images(config: ModelConfig, rows: "pd.DataFrame") -> "pd.DataFrame":
    """The rows with their images scaled down, where the model takes images of any size.

    They travel as numbers in JSON.
    """
    from edge_assets.core.images import shrunken

    (column,) = config.data.columns
    if column.shape[:2] != (-1, -1):
        return rows
    small = [shrunken(png, GOLDEN_SIDE) for png in rows[column.name]]
    return rows.assign(**{column.name: small})


def _contract(folder: Path, model_text: bytes) -> dict[str, bytes]:
    """The typed contract beside `model.yaml`, where there is one, with its descriptor."""
    from resources.contracts import SOURCE_FILE, add_contract

    source = folder / SOURCE_FILE
    if not source.is_file():
        return {}
    with tempfile.TemporaryDirectory() as name:
        served = Path(name)
        (served / "model.json").write_bytes(model_text)
        add_contract(source, served)
        return {
            path.name: path.read_bytes() for path in served.iterdir() if path.name != "model.json"
        }


def _text(value: Any, *, wide: bool = False) -> bytes:
    """JSON with a line for each value; `wide`, all in one line: images have thousands."""
    return (json.dumps(value, indent=None if wide else 1, sort_keys=True) + "\n").encode()
