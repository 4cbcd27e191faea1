"""The proof of a model: its golden questions, asked of its engine before anybody else asks it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from inference_service.datatypes import DATATYPES
from inference_service.description import ModelDescription, TensorSpec
from inference_service.engine import OnnxEngine
from inference_service.errors import quoted
from inference_service.tensors import Array, check_values
from protos.digests import short
from protos.errors import EdgeAssetsError, IntegrityError, VerificationFailed
from protos.golden import Golden, GoldenRequest, Values, compare

_KINDS: dict[str, tuple[type, ...]] = {"f": (int, float), "i": (int,), "u": (int,), "b": (bool,)}


def read_golden(data: bytes, digest: str) -> Golden:
    """The golden questions in `data`, for the model `digest`.

    Raises ConfigurationError, and IntegrityError if they are those of another model.
    """
    golden = Golden.from_json(data)
    if golden.model_digest != digest:
        raise IntegrityError(
            "golden.json is of another model",
            why=f"{short(golden.model_digest)} instead of {short(digest)}",
            remedy="deploy the model folder again",
        )
    return golden


def prove(engine: OnnxEngine, description: ModelDescription, golden: Golden) -> None:
    """Asks every golden question. Raises VerificationFailed unless all answers are right.

    Judged as the smoke test does, but for the time that an answer takes: at load a device is busy.
    """
    failures = [_failure(engine, description, golden, asked) for asked in golden.requests]
    wrong = [f"question {place}: {text}" for place, text in enumerate(failures) if text]
    if wrong:
        raise VerificationFailed(
            f"{len(wrong)} of {len(failures)} golden answers wrong",
            why=wrong[0],
            remedy="build the model folder again",
        )


def _failure(
    engine: OnnxEngine, description: ModelDescription, golden: Golden, asked: GoldenRequest
) -> str:
    """What is wrong with the answer to one question; empty if it is right."""
    known = {spec.name for spec in description.outputs}
    if unknown := sorted(asked.outputs.keys() - known):
        return f"the model has no output {quoted(unknown[0])}"
    try:
        inputs = {spec.name: _row(spec, asked) for spec in description.inputs}
        answers = engine.run(inputs, list(asked.outputs))
    except EdgeAssetsError as error:  # unfit values, or the model failed
        return error.what
    for (name, expected), answer in zip(asked.outputs.items(), answers, strict=True):
        right, difference = compare(expected, _flat(answer), golden.tolerance)
        if not right:
            return f"output {quoted(name)} differs by up to {difference:.3g}"
    return ""


def _row(spec: TensorSpec, asked: GoldenRequest) -> Array:
    values = asked.inputs.get(spec.name)
    if values is None:
        raise VerificationFailed(f"golden.json has no input {quoted(spec.name)}")
    dtype = DATATYPES[spec.datatype].dtype
    flat: Array
    if dtype is None:
        flat = np.array([str(value) for value in values], dtype=object)
    else:
        if dtype.kind == "f":
            values = [math.nan if value is None else value for value in values]
        if not all(_is_of(value, _KINDS[dtype.kind]) for value in values):
            raise VerificationFailed(f"golden values of {quoted(spec.name)} are no {spec.datatype}")
        try:
            flat = np.array(values, dtype=dtype)
        except OverflowError as error:
            raise VerificationFailed(
                f"golden values of {quoted(spec.name)} do not fit {spec.datatype}"
            ) from error
    check_values(flat, spec)
    return flat.reshape(asked.shape_of(spec.name, spec.shape))


def _is_of(value: Any, kinds: Sequence[type]) -> bool:
    return isinstance(value, tuple(kinds)) and (bool in kinds or not isinstance(value, bool))


def _flat(answer: Array) -> Values:
    values: Values = answer.ravel().tolist()
    return [
        value.decode(errors="replace") if isinstance(value, bytes) else value for value in values
    ]
