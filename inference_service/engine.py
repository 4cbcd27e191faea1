"""The engine: one onnxruntime session over bytes that were verified before it saw them."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from inference_service.datatypes import DATATYPES
from inference_service.description import ModelDescription, TensorSpec
from inference_service.errors import ModelFailed
from inference_service.session import make_session
from inference_service.tensors import Array
from protos.errors import ConfigurationError

log = logging.getLogger(__name__)

_WARM_UP_RUNS = 5
_PROBE_ROWS = 3
_RELATIVE, _ABSOLUTE = 1e-4, 1e-6  # batched against single, float32 kernels of another blocking


class OnnxEngine:
    """A model in memory.

    `digest` is that of the bytes the session was made from: whoever loads them has compared it.
    `seconds` is how long one row
    took when it was last measured. `batches` tells whether rows of different questions may be run
    as one: only if a probe of different rows gave, together, what each gave alone. Raises
    ConfigurationError if onnxruntime refuses the bytes or finds other tensors than declared.
    """

    def __init__(self, data: bytes, description: ModelDescription) -> None:
        self.digest = description.digest
        self._session = make_session(data, description.runtime)
        self._run = _inner_run(self._session)
        _check_tensors("input", description.inputs, self._session.get_inputs())
        _check_tensors("output", description.outputs, self._session.get_outputs())
        self.seconds = self._warm_up(description)
        self.batches = description.runtime.batching and self._probe_batching(description)

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """The named outputs for `inputs`, in that order. Raises ModelFailed."""
        try:
            return self._run(outputs, inputs, None)
        except Exception as error:  # the text of onnxruntime may hold paths: log it, do not send it
            log.exception("the model failed on a request")
            raise ModelFailed(
                "the model failed on this request",
                why="its graph does not accept these values or shapes",
                remedy="read the log of the service",
            ) from error

    def _warm_up(self, description: ModelDescription) -> float:
        """Seconds of one row; also, no client pays for what the first run sets up."""
        inputs = {spec.name: _probe(spec, 1) for spec in description.inputs}
        outputs = [spec.name for spec in description.outputs]
        seconds = 0.0
        try:
            for _ in range(_WARM_UP_RUNS):
                started = time.perf_counter()
                self._run(outputs, inputs, None)
                seconds = time.perf_counter() - started
                if seconds > 0.1:  # slow enough to know
                    break
        except Exception:  # zeros need not suit every model
            log.info("no warm-up: the model does not accept a row of zeros")
        return seconds

    def _probe_batching(self, description: ModelDescription) -> bool:
        specs = (*description.inputs, *description.outputs)
        if not all(spec.shape and spec.shape[0] == -1 for spec in specs):
            return False
        if self.seconds > 0.01:  # batching is for what is cheaper than its call
            return False
        inputs = {spec.name: _probe(spec, _PROBE_ROWS) for spec in description.inputs}
        outputs = [spec.name for spec in description.outputs]
        try:
            together = self._run(outputs, inputs, None)
            for row in range(_PROBE_ROWS):
                alone = {name: array[row : row + 1] for name, array in inputs.items()}
                single = self._run(outputs, alone, None)
                if not all(
                    _same(whole[row : row + 1], one)
                    for whole, one in zip(together, single, strict=True)
                ):
                    return False
        except Exception:
            return False
        return all(array.shape[0] == _PROBE_ROWS for array in together)


def _inner_run(session: Any) -> Callable[[Any, Any, None], list[Array]]:
    """onnxruntime's own run, without the checks in Python that ours has made already.

    The attribute is private: where another version has no such thing, the public one serves.
    """
    inner = getattr(getattr(session, "_sess", None), "run", None)
    run: Callable[[Any, Any, None], list[Array]] = inner if callable(inner) else session.run
    return run


def _probe(spec: TensorSpec, rows: int) -> Array:
    """Rows that differ, within the bounds of the input: zeros first."""
    shape = [rows if place == 0 and size == -1 else max(size, 1) for place, size in _sizes(spec)]
    dtype = DATATYPES[spec.datatype].dtype
    if dtype is None:
        text = list(spec.categories or ("", "a", "b"))
        values = [str(text[row % len(text)]) for row in range(rows)]
        filled = np.empty(shape, dtype=object)
    else:
        low = 0.0 if spec.minimum is None else max(0.0, spec.minimum)
        high = low + 2.0 if spec.maximum is None else max(low, spec.maximum)
        numbers = spec.categories or (low, (low + high) / 2, high)
        values = [float(numbers[row % len(numbers)]) for row in range(rows)]  # type: ignore[misc]
        filled = np.empty(shape, dtype=dtype)
    for row in range(rows if shape else 0):
        filled[row] = values[row] if dtype is None else np.asarray(values[row]).astype(dtype)
    if not shape:
        filled[...] = values[0]
    return filled


def _sizes(spec: TensorSpec) -> list[tuple[int, int]]:
    return list(enumerate(spec.shape))


def _same(left: Array, right: Array) -> bool:
    if left.shape != right.shape:
        return False
    if left.dtype.kind == "f":
        return bool(np.allclose(left, right, _RELATIVE, _ABSOLUTE, equal_nan=True))
    return bool(np.array_equal(left, right))


def _check_tensors(role: str, declared: Sequence[TensorSpec], actual: Sequence[Any]) -> None:
    want = {spec.name: DATATYPES[spec.datatype].onnx for spec in declared}
    have = {node.name: node.type for node in actual}
    extra = have.keys() - want.keys() if role == "input" else set()
    bad = sorted(name for name in want if have.get(name) != want[name]) + sorted(extra)
    if bad:
        raise ConfigurationError(
            f"model.json and model.onnx disagree on {role} {bad[0]!r}",
            why=f"declared {want.get(bad[0], 'nothing')}, found {have.get(bad[0], 'nothing')}",
            remedy="build the model folder again",
        )
