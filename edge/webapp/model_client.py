"""Asks the edge model about one description, over the Open Inference Protocol.

Depends on grpcio and protobuf only. Every call ends within its deadline.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from edge.modules.wire import decode_values, encode_values
from edge.webapp.contract import Contract
from protos import inference_pb2 as pb
from protos import inference_pb2_grpc as pb_grpc
from protos.errors import (
    DataRefused,
    DeadlineExceeded,
    EdgeAssetsError,
    Unavailable,
    VerificationFailed,
)

PROBABILITIES, WORDS, WEIGHTS = "probabilities", "words", "word_weights"
LOOK_SECONDS = 1.0

# A neighbour, never by way of a proxy, and soon tried again; but a busy one has its time: the
# shortest wait between two attempts is also how long one attempt may take.
_CHANNEL = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 2000),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", 1 << 20),
]


@dataclass(frozen=True)
class Answer:
    """What the model says of one text.

    `label` is 0 (compliant) or 1; `confidence` the probability of that label, from 0 to 1. `words`
    are those of the text, in order, with their weights; a weight above 0 speaks for label 1. There
    are none where the model does not tell. `digest` is empty where the service does not tell it.
    """

    label: int
    confidence: float
    words: tuple[tuple[str, float], ...]
    model: str
    digest: str


class ModelClient:
    """One channel to the service, shared by all threads."""

    def __init__(
        self, target: str, model: str, contract: Contract, deadline_seconds: float = 2.0
    ) -> None:
        self._target, self._model, self._contract = target, model, contract
        self._seconds = deadline_seconds
        self._channel = grpc.insecure_channel(target, options=_CHANNEL)
        self._stub: Any = pb_grpc.GRPCInferenceServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._known: tuple[str, str] = ("", "")  # version, digest

    def ask(self, text: str) -> Answer:
        """The model's answer about `text`.

        Raises Unavailable or DeadlineExceeded if it cannot be asked now, DataRefused if it refuses
        this text for good, VerificationFailed for an answer that makes no sense.
        """
        request = pb.ModelInferRequest(model_name=self._model)
        request.inputs.add(name=self._contract.text, datatype="BYTES", shape=[1, 1])
        request.raw_input_contents.append(encode_values("BYTES", [text]))
        end = time.monotonic() + self._seconds
        try:
            response = self._stub.ModelInfer(request, timeout=self._seconds)
            digest = self._digest(response.model_version, max(0.05, end - time.monotonic()))
        except grpc.RpcError as error:
            raise self._failed(error) from error
        return read_answer(response, self._contract, digest)

    def serving(self) -> str:
        """The digest of the model in memory. Raises Unavailable within a second."""
        try:
            return self._metadata(min(LOOK_SECONDS, self._seconds))[1]
        except grpc.RpcError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Ends the channel and what is under way on it."""
        self._channel.close()

    def _digest(self, version: str, seconds: float) -> str:
        """The digest of the model that answered: empty when another took its place meanwhile."""
        known = self._known
        if known[0] != version:
            known = self._known = self._metadata(seconds)
        return known[1] if known[0] == version else ""

    def _metadata(self, seconds: float) -> tuple[str, str]:
        metadata = self._stub.ModelMetadata(
            pb.ModelMetadataRequest(name=self._model), timeout=seconds
        )
        version = metadata.versions[0] if metadata.versions else ""
        return version, metadata.properties["model_digest"]

    def _failed(self, error: Any) -> EdgeAssetsError:
        code = error.code()
        if code == grpc.StatusCode.INVALID_ARGUMENT:
            return DataRefused(
                "the model cannot judge this description",
                why=error.details() or "it did not say why",
                remedy="change the description",
            )
        what = f"the model {self._model} cannot be asked"
        remedy = "look at the module of the inference service on this device"
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            why = f"{self._target} did not answer within {self._seconds:g} s"
            return DeadlineExceeded(what, why=why, remedy=remedy)
        if code == grpc.StatusCode.UNAVAILABLE:
            # grpc's own text is long and about sockets.
            return Unavailable(what, why=f"nothing answers at {self._target}", remedy=remedy)
        return Unavailable(what, why=error.details() or code.name, remedy=remedy)


def read_answer(response: pb.ModelInferResponse, contract: Contract, digest: str) -> Answer:
    """The answer in a response about one row. Raises VerificationFailed."""
    if len(response.raw_output_contents) != len(response.outputs):
        raise _senseless("it has no raw contents for each output")
    values = {
        output.name: decode_values(output.datatype, raw)
        for output, raw in zip(response.outputs, response.raw_output_contents, strict=True)
    }
    labels, chances = values.get(contract.label, []), values.get(PROBABILITIES, [])
    if len(labels) != 1 or labels[0] not in (0, 1):
        raise _senseless(f"its {contract.label} is not 0 or 1")
    if len(chances) != 2 or not all(_is_share(chance) for chance in chances):
        raise _senseless(f"its {PROBABILITIES} are not two numbers from 0 to 1")
    label = int(labels[0])
    words = drivers(values.get(WORDS, []), values.get(WEIGHTS, []))
    return Answer(label, min(1.0, float(chances[label])), words, response.model_name, digest)


def drivers(words: Sequence[object], weights: Sequence[object]) -> tuple[tuple[str, float], ...]:
    """Words with their weights; none where the two do not fit together.

    Empty words, which fill a row of fixed width, and weights of NaN are left out. The order stays:
    it is that of the text.
    """
    if len(words) != len(weights):
        return ()
    return tuple(
        (word, float(weight))
        for word, weight in zip(words, weights, strict=True)
        if isinstance(word, str)
        and isinstance(weight, float)
        and word.strip()
        and math.isfinite(weight)
    )


def _is_share(value: object) -> bool:
    return isinstance(value, float) and 0.0 <= value <= 1.0 + 1e-6


def _senseless(why: str) -> VerificationFailed:
    return VerificationFailed(
        "the model's answer makes no sense", why=why, remedy="look at the release of the model"
    )
