"""The folder that a device serves, asked as the device would ask it."""

import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

_LATENCY_RUNS = 200
_LATENCY_SECONDS = 5.0


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
