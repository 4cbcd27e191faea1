"""The folder that a device serves: `model.onnx`, `model.json` and `golden.json`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from edge_assets.core.config_schema import Column, ModelConfig
from protos.digests import short

GOLDEN_QUESTIONS = 16
"""How many rows of the holdout become golden questions: enough to see every branch that matters,
few enough to be asked each half minute."""


def _tensor(column: Column) -> dict[str, Any]:
    tensor: dict[str, Any] = {"name": column.name, "datatype": column.datatype, "shape": [-1, 1]}
    if column.minimum is not None:
        tensor["minimum"] = column.minimum
    if column.maximum is not None:
        tensor["maximum"] = column.maximum
    return tensor


def model_json(config: ModelConfig, digest: str) -> dict[str, Any]:
    """What the inference service tells of a model; `digest` is that of `model.onnx`."""
    target = {"name": config.prediction.target, "datatype": "FP32", "shape": [-1, 1]}
    runtime = {} if config.runtime is None else {"runtime": config.runtime.model_dump()}
    return {
        "name": config.name,
        "version": short(digest),
        "digest": digest,
        "inputs": [_tensor(column) for column in config.data.columns],
        "outputs": [target],
        **runtime,
    }


def _plain(value: Any) -> int | float | str | None:
    """A JSON value; NaN, which JSON lacks, becomes null."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    return int(value)


def golden_json(
    config: ModelConfig,
    digest: str,
    rows: Sequence[Mapping[str, Any]],
    predictions: Sequence[float],
) -> dict[str, Any]:
    """Questions with their right answers, one row each.

    `rows` are rows of the holdout (column -> plain Python value), `predictions` what the trained
    model, not the ONNX artifact, answers: so the smoke test proves the whole way from training.
    """
    return {
        "model_digest": digest,
        "tolerance": {"absolute": config.parity.absolute, "relative": config.parity.relative},
        "latency_budget_ms": config.budget.latency_p95_ms,
        "requests": [
            {
                "inputs": {name: [_plain(row[name])] for name in config.data.inputs},
                "outputs": {config.prediction.target: [float(prediction)]},
            }
            for row, prediction in zip(rows, predictions, strict=True)
        ],
    }
