"""Asks an inference service what another one was asked."""

import math
import time
from collections.abc import Iterable
from typing import Any

import grpc

from edge.modules.golden import read_outputs
from edge.modules.shadow.questions import Answer, Question
from edge.modules.wire import encode_values
from protos import inference_pb2 as pb
from protos import inference_pb2_grpc as pb_grpc
from protos.digests import is_digest
from protos.errors import Unavailable, VerificationFailed

_CHANNEL = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", 16 << 20),
]
_REFUSALS = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE)


class UnfitQuestion(VerificationFailed):
    """The question cannot be put to this service: its tensors are others."""


class Asker:
    """Asks `model` at `target` (host:port), one question at a time. For one thread.

    Each call ends within `call_seconds`. Questions carry the parameter `capture: false`: they are
    copies, and must not be counted as traffic.
    """

    def __init__(self, target: str, model: str, call_seconds: float) -> None:
        self._target, self._model, self._seconds = target, model, call_seconds
        self._channel = grpc.insecure_channel(target, options=_CHANNEL)
        self._stub = pb_grpc.GRPCInferenceServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._metadata: pb.ModelMetadataResponse | None = None
        self._digest = ""

    def ask(self, question: Question) -> Answer:
        """The answer of this service to the question.

        Raises UnfitQuestion when it takes other tensors, VerificationFailed when it refuses the
        values, Unavailable when it does not answer in time.
        """
        metadata = self._known()
        request = request_of(metadata, question)
        try:
            started = time.perf_counter()
            response = self._stub.ModelInfer(request, timeout=self._seconds)
            milliseconds = 1000.0 * (time.perf_counter() - started)
        except grpc.RpcError as error:
            if error.code() in _REFUSALS:
                raise VerificationFailed(
                    "the question is refused", why=error.details() or ""
                ) from error
            self._metadata = None  # it may come back as another model
            raise self._unanswered(error) from error
        if metadata.versions and response.model_version not in ("", *metadata.versions):
            self._metadata = None
            raise Unavailable(f"{self._target} has just changed its model")
        return Answer(read_outputs(response), self._digest, round(milliseconds, 4))

    def close(self) -> None:
        """Ends the connection."""
        self._channel.close()

    def _known(self) -> pb.ModelMetadataResponse:
        if self._metadata is None:
            try:
                found = self._stub.ModelMetadata(
                    pb.ModelMetadataRequest(name=self._model),
                    timeout=self._seconds,
                    wait_for_ready=True,
                )
            except grpc.RpcError as error:
                raise self._unanswered(error) from error
            self._digest = found.properties.get("model_digest", "")
            if not is_digest(self._digest):
                raise Unavailable(f"{self._target} does not tell which model it serves")
            self._metadata = found
        return self._metadata

    def _unanswered(self, error: Any) -> Unavailable:
        code = error.code()
        return Unavailable(
            f"{self._target} does not answer for {self._model!r}",
            why=f"{code.name}: {error.details() or 'no details'}"[:300],
            remedy="look at the log of that module",
        )


def request_of(metadata: pb.ModelMetadataResponse, question: Question) -> pb.ModelInferRequest:
    """The question in the tensors of the service. Raises UnfitQuestion."""
    request = pb.ModelInferRequest(model_name=metadata.name, id=question.request_id)
    request.parameters["capture"].bool_param = False
    known = {tensor.name for tensor in metadata.inputs}
    if known != set(question.inputs):
        odd = sorted(known ^ set(question.inputs))
        raise UnfitQuestion(f"the two models have other inputs: {', '.join(odd)}")
    for tensor in metadata.inputs:
        values = question.inputs[tensor.name]
        shape = shape_of(question.shapes.get(tensor.name, tensor.shape), len(values), question.rows)
        request.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=shape)
        try:
            raw = encode_values(tensor.datatype, values)
        except VerificationFailed as error:
            raise UnfitQuestion(f"input {tensor.name} is not {tensor.datatype}") from error
        request.raw_input_contents.append(raw)
    return request


def shape_of(declared: Iterable[int], count: int, rows: int) -> list[int]:
    """The shape of `count` values in `rows` rows; captures keep it of images only.

    The first -1 counts the rows, one more takes what is left. Raises UnfitQuestion when nothing
    fits, or when two sizes are open.
    """
    wanted = [int(size) for size in declared]
    shape = list(wanted)
    if shape and shape[0] == -1:
        shape[0] = rows
    if shape.count(-1) == 1:
        known = math.prod(size for size in shape if size != -1)
        shape[shape.index(-1)] = count // known if known else 0
    if -1 in shape or math.prod(shape) != count:
        raise UnfitQuestion(f"{count} values of {rows} rows do not tell a shape {wanted}")
    return shape
