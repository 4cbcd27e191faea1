"""The engine: one onnxruntime session over bytes that were verified before it saw them."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime as ort

from inference_service.datatypes import DATATYPES
from inference_service.description import ModelDescription, TensorSpec
from inference_service.errors import ModelFailed
from inference_service.tensors import Array
from protos.digests import digest_bytes
from protos.errors import ConfigurationError

log = logging.getLogger(__name__)


class OnnxEngine:
    """A model in memory.

    `digest` is that of the very bytes the session was made from. One intra-op thread: on tabular
    models more threads cost more than they bring, and a device has other work. Raises
    ConfigurationError if onnxruntime refuses the bytes or finds other tensors than declared.
    """

    def __init__(self, data: bytes, description: ModelDescription) -> None:
        self.digest = digest_bytes(data)
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(
                data, sess_options=options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime raises many kinds, all of them mean this
            log.exception("onnxruntime refuses the model")
            raise ConfigurationError(
                "the model cannot be opened",
                why="onnxruntime refuses it",
                remedy="read the log of the service, export the model again",
            ) from error
        _check_tensors("input", description.inputs, self._session.get_inputs())
        _check_tensors("output", description.outputs, self._session.get_outputs())
        self._warm_up(description)

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """The named outputs for `inputs`, in that order. Raises ModelFailed."""
        try:
            answer: list[Array] = self._session.run(list(outputs), inputs)
        except Exception as error:  # the text of onnxruntime may hold paths: log it, do not send it
            log.exception("the model failed on a request")
            raise ModelFailed(
                "the model failed on this request",
                why="its graph does not accept these values or shapes",
                remedy="read the log of the service",
            ) from error
        return answer

    def _warm_up(self, description: ModelDescription) -> None:
        """Asks one row of zeros, so that no client pays for what the first run sets up."""
        inputs = {spec.name: _one_row(spec) for spec in description.inputs}
        try:
            self._session.run([spec.name for spec in description.outputs], inputs)
        except Exception:  # zeros need not suit every model
            log.info("no warm-up: the model does not accept a row of zeros")


def _one_row(spec: TensorSpec) -> Array:
    dtype = DATATYPES[spec.datatype].dtype
    shape = [1 if size == -1 else size for size in spec.shape]
    return np.full(shape, "", dtype=object) if dtype is None else np.zeros(shape, dtype=dtype)


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
