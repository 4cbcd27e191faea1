"""The folder that a device serves, made in memory, and asked as the device would ask it."""

import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_assets.core.model_folder import (
    GOLDEN_QUESTIONS,
    GOLDEN_SIDE,
    affordable,
    golden_json,
    model_json,
)
from edge_assets.onnx_session import feeds
from protos.digests import digest_bytes

if TYPE_CHECKING:
    import pandas as pd

    from edge_assets.core.config_schema import ModelConfig
    from edge_assets.core.measuring import Outputs

_LATENCY_RUNS = 200
_LATENCY_SECONDS = 5.0


def golden_places(expected: "Outputs", actual: "Outputs", label: str) -> list[int]:
    """Positions of the golden questions, spread evenly over rows on which both agree."""
    places = np.arange(len(next(iter(expected.values()))))
    if label:
        places = places[expected[label].ravel() == actual[label].ravel()]
    count = min(GOLDEN_QUESTIONS, len(places))
    return [int(places[position * len(places) // count]) for position in range(count)]


def golden_rows(config: "ModelConfig", rows: "pd.DataFrame") -> "pd.DataFrame":
    """Rows to ask about: images of free size scaled down, for they travel as numbers in JSON."""
    if config.data.kind != "images" or config.data.columns[0].shape[:2] != (-1, -1):
        return rows
    from edge_assets.core.images import shrunken

    (column,) = config.data.columns
    small = [shrunken(png, GOLDEN_SIDE) for png in rows[column.name]]
    return rows.assign(**{column.name: small})


def served_files(
    config: "ModelConfig",
    folder: Path,
    onnx: bytes,
    rows: "pd.DataFrame",
    expected: "Outputs",
    actual: "Outputs",
) -> dict[str, bytes]:
    """The files of the folder by name: model, description, golden questions, typed contract.

    Raises ConfigurationError when there is a contract that does not fit.
    """
    digest = digest_bytes(onnx)
    label = config.prediction.target if config.prediction.kind == "classification" else ""
    places = golden_places(expected, actual, label)
    questions = [next(iter(feeds(config, rows.iloc[[place]])))[1] for place in places]
    fitting = affordable(questions)
    questions, places = [questions[n] for n in fitting], [places[n] for n in fitting]
    answers = [{name: a[place : place + 1] for name, a in expected.items()} for place in places]
    golden = golden_json(config, digest, questions, answers)
    files = {
        "model.onnx": onnx,
        "model.json": _text(model_json(config, digest)),
        "golden.json": _text(golden),
    }
    return files | _contract(folder, files["model.json"])


def load_served(files: Mapping[str, bytes]) -> tuple[bool, str]:
    """Whether the inference service serves and proves this folder; with what it says."""
    from inference_service.contracts import load_contract
    from inference_service.repository import ModelRepository, ServedModel

    with tempfile.TemporaryDirectory(prefix="edgectl-check-") as name:
        folder = Path(name) / "served"
        folder.mkdir()
        for file, content in files.items():
            (folder / file).write_bytes(content)
        (state,) = ModelRepository(folder, load_contract=load_contract).states()
    if not isinstance(state, ServedModel):
        return False, state.reason
    count = len(json.loads(files["golden.json"])["requests"])
    if not state.proven or not count:
        return False, "it is served, but without golden questions nothing is proven"
    return True, f"served as {state.name} {state.version}, {count} golden questions right"


def latency_p95_ms(files: Mapping[str, bytes], questions: list[dict[str, Any]]) -> float:
    """Milliseconds of one row in the service's own engine, of at most 200 questions."""
    from inference_service.description import parse_description
    from inference_service.engine import OnnxEngine

    description = parse_description(files["model.json"])
    engine = OnnxEngine(files["model.onnx"], description)
    names = [output.name for output in description.outputs]
    for question in questions[:5]:
        engine.run(question, names)
    taken = []
    end = time.monotonic() + _LATENCY_SECONDS
    for run in range(_LATENCY_RUNS):
        started = time.perf_counter()
        engine.run(questions[run % len(questions)], names)
        taken.append(time.perf_counter() - started)
        if time.monotonic() > end:
            break
    return float(np.quantile(taken, 0.95)) * 1000


def _contract(folder: Path, model_text: bytes) -> dict[str, bytes]:
    from resources.contracts import SOURCE_FILE, add_contract

    source = folder / SOURCE_FILE
    if not source.is_file():
        return {}
    with tempfile.TemporaryDirectory() as name:
        served = Path(name)
        (served / "model.json").write_bytes(model_text)
        add_contract(source, served)
        return {p.name: p.read_bytes() for p in served.iterdir() if p.name != "model.json"}


def _text(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()
