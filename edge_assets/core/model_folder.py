"""The folder that a device serves: `model.onnx`, `model.json` and `golden.json`."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edge_assets.core.config_data import UNKNOWABLE, Column
from edge_assets.core.config_schema import ModelConfig
from protos.digests import short

if TYPE_CHECKING:
    from numpy.typing import NDArray

GOLDEN_QUESTIONS = 16
"""How many rows of the holdout become golden questions: enough to see every branch that matters,
few enough to be asked each half minute."""

GOLDEN_SIDE = 90
"""Longer side, in pixels, of the images that are asked: they travel as numbers in JSON."""
GOLDEN_VALUES = 400_000
"""Of all questions together: about 2 MB of JSON."""


def affordable(questions: "Sequence[Mapping[str, NDArray[Any]]]") -> list[int]:
    """The places of the questions that fit into `GOLDEN_VALUES`, spread evenly; at least one."""
    if not questions:
        return []
    largest = max(sum(array.size for array in question.values()) for question in questions)
    count = max(1, min(len(questions), GOLDEN_VALUES // max(1, largest)))
    return [place * len(questions) // count for place in range(count)]


def _tensor(column: Column) -> dict[str, Any]:
    tensor: dict[str, Any] = {
        "name": column.name,
        "datatype": column.datatype,
        "shape": [-1, *column.shape],
    }
    if column.minimum is not None:
        tensor["minimum"] = column.minimum
    if column.maximum is not None:
        tensor["maximum"] = column.maximum
    if column.categories:
        # an unknown text is empty: where that is allowed, it is one more category
        unknown = [""] if column.nullable and column.datatype == "BYTES" else []
        tensor["categories"] = [*column.categories, *unknown]
    if column.max_length is not None:
        tensor["max_length"] = column.max_length
    if column.datatype in UNKNOWABLE and not column.nullable:
        tensor["nullable"] = False
    return tensor


def model_json(config: ModelConfig, digest: str) -> dict[str, Any]:
    """What the inference service tells of a model; `digest` is that of `model.onnx`."""
    runtime = {} if config.runtime is None else {"runtime": config.runtime.model_dump()}
    return {
        "name": config.name,
        "version": short(digest),
        "digest": digest,
        "inputs": [_tensor(column) for column in config.data.columns],
        "outputs": [
            {"name": output.name, "datatype": output.datatype, "shape": [-1, *output.shape]}
            for output in config.prediction.outputs
        ],
        **runtime,
    }


def golden_json(
    config: ModelConfig,
    digest: str,
    questions: "Sequence[Mapping[str, NDArray[Any]]]",
    answers: "Sequence[Mapping[str, NDArray[Any]]]",
) -> dict[str, Any]:
    """Questions with their right answers, one row each, as arrays [1, ...] by tensor.

    `questions` are rows of the holdout, `answers` what the trained model, not the ONNX artifact,
    says: so the smoke test proves the whole way from training.
    """
    truths = {column.name for column in config.data.columns if column.datatype == "BOOL"}
    truths |= {out.name for out in config.prediction.outputs if out.datatype == "BOOL"}
    return {
        "model_digest": digest,
        "tolerance": {"absolute": config.parity.absolute, "relative": config.parity.relative},
        "latency_budget_ms": config.budget.latency_p95_ms,
        "requests": [
            {
                "inputs": {name: _flat(array, name in truths) for name, array in question.items()},
                "outputs": {name: _flat(array, name in truths) for name, array in answer.items()},
                **_shapes(question),
            }
            for question, answer in zip(questions, answers, strict=True)
        ],
    }


def _flat(array: "NDArray[Any]", truth: bool = False) -> list[Any]:
    """JSON values, row-major; NaN, which JSON lacks, becomes null. `truth`: of a BOOL tensor."""
    if truth:
        return [bool(value) for value in array.ravel().tolist()]
    if array.dtype.kind == "f":
        return [None if math.isnan(value) else value for value in array.ravel().tolist()]
    if array.dtype.kind in "OUS":
        return [str(value) for value in array.ravel().tolist()]
    return [int(value) for value in array.ravel().tolist()]


def _shapes(question: "Mapping[str, NDArray[Any]]") -> dict[str, Any]:
    """The shapes of what has more than one value a row: their sizes may vary."""
    shapes = {name: list(array.shape) for name, array in question.items() if array.ndim > 2}
    return {"shapes": shapes} if shapes else {}
