"""The service: every method that is answered, as a table for the transports."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError, Message

from inference_service.data_plane import PARSED_BYTE_SECONDS, DataPlane
from inference_service.envelope import varint
from inference_service.errors import UnknownModel, quoted
from inference_service.health import Health
from inference_service.metadata import model_metadata
from inference_service.methods import Batch, Inference, Method, Outcome, Quick
from inference_service.reflection_methods import reflection_methods
from inference_service.repository import (
    ModelRepository,
    ModelState,
    ServedModel,
    repository_index,
)
from inference_service.status import status_of
from inference_service.tensors import Array, wrong
from protos import inference_pb2 as pb

if TYPE_CHECKING:
    from inference_service.contracts import TypedMethod

log = logging.getLogger(__name__)

SERVICE = "inference.GRPCInferenceService"
SERVER_NAME = "edge-assets inference service"
VERSION = "2"
EXTENSIONS = ("model_repository(index)", "statistics")


class Service:
    """Finds the method at a path: the protocol, health, reflection, the contracts of the models."""

    def __init__(
        self, repository: ModelRepository, plane: DataPlane, health: Health, *, reflection: bool
    ) -> None:
        self._repository = repository
        self._plane = plane
        self._methods: dict[str, Method] = self._protocol() | health.methods
        if reflection:
            self._methods |= reflection_methods(self._contract_files)
        self._typed: dict[str, Method] = {}
        self._contracts_of: tuple[int, Mapping[str, tuple[ServedModel, TypedMethod]]] = (-1, {})

    @property
    def paths(self) -> list[str]:
        """Every path of the table, typed contracts of this moment included."""
        return [*self._methods, *self._contracts()]

    def find(self, path: str) -> Method | None:
        """The method at `path`; None if there is none."""
        method = self._methods.get(path)
        if method is not None:
            return method
        if path not in self._contracts():
            return None
        # one object for each path, so that what came in together is planned together
        return self._typed.setdefault(path, Inference(partial(self._plan_typed, path)))

    def _protocol(self) -> dict[str, Method]:
        plane, models = self._plane, self._repository
        unary: dict[str, tuple[type[Message], Callable[[Any], Message]]] = {
            "ServerLive": (pb.ServerLiveRequest, lambda _: pb.ServerLiveResponse(live=True)),
            "ServerReady": (
                pb.ServerReadyRequest,
                lambda _: pb.ServerReadyResponse(ready=models.ready()),
            ),
            "ModelReady": (
                pb.ModelReadyRequest,
                lambda asked: pb.ModelReadyResponse(ready=models.ready(asked.name, asked.version)),
            ),
            "ServerMetadata": (
                pb.ServerMetadataRequest,
                lambda _: pb.ServerMetadataResponse(
                    name=SERVER_NAME, version=VERSION, extensions=EXTENSIONS
                ),
            ),
            "ModelMetadata": (
                pb.ModelMetadataRequest,
                lambda asked: model_metadata(
                    models.find(asked.name, asked.version), models.states(), plane.capture
                ),
            ),
            "ModelStatistics": (
                pb.ModelStatisticsRequest,
                lambda asked: plane.statistics.answer(
                    asked, [(state.name, state.version) for state in _served(models.states())]
                ),
            ),
            "RepositoryIndex": (
                pb.RepositoryIndexRequest,
                lambda asked: repository_index(
                    models.states() if not asked.repository_name else (), asked.ready
                ),
            ),
        }
        methods: dict[str, Method] = {
            f"/{SERVICE}/{name}": Quick(partial(_answer, kind, answer))
            for name, (kind, answer) in unary.items()
        }
        return methods | {
            f"/{SERVICE}/ModelInfer": Inference(plane.plan),
            f"/{SERVICE}/ModelStreamInfer": Inference(
                self._plan_stream, streaming=True, as_message=_error_message
            ),
        }

    def _plan_stream(self, messages: Sequence[bytes | bytearray]) -> list[Batch]:
        return [
            Batch(batch.places, batch.expected_seconds, partial(_as_stream, batch.run))
            for batch in self._plane.plan(messages)
        ]

    def _contracts(self) -> "Mapping[str, tuple[ServedModel, TypedMethod]]":
        """The typed methods of the newest version of each model."""
        generation, found = self._contracts_of
        if generation != self._repository.generation:
            generation, found = self._repository.generation, self._read_contracts()
            self._contracts_of = (generation, found)
        return found

    def _read_contracts(self) -> "dict[str, tuple[ServedModel, TypedMethod]]":
        found: dict[str, tuple[ServedModel, TypedMethod]] = {}
        for name in sorted(
            {s.name for s in self._repository.states() if isinstance(s, ServedModel)}
        ):
            model = self._repository.find(name)
            for path, method in model.contract.methods.items() if model.contract else ():
                holder, _ = found.setdefault(path, (model, method))
                if holder is not model:
                    log.error("%s is served for %s only, %s has it too", path, holder.name, name)
        return found

    def _contract_files(self) -> list[bytes]:
        files: dict[bytes, None] = {}
        for state in self._repository.states():
            if isinstance(state, ServedModel) and state.contract is not None:
                files |= dict.fromkeys(state.contract.file_descriptors)
        return list(files)

    def _plan_typed(self, path: str, messages: Sequence[bytes | bytearray]) -> list[Batch]:
        found = self._contracts().get(path)
        if found is None:  # its model went while the client kept its connection
            error = UnknownModel(f"method: got {quoted(path)}, which no model has any more")
            return [Batch(range(len(messages)), 0.0, lambda: [error] * len(messages))]
        model, method = found
        return [
            Batch(
                (n,),
                model.engine.seconds + len(message) * PARSED_BYTE_SECONDS,
                partial(self._ask_typed, model, method, message),
            )
            for n, message in enumerate(messages)
        ]

    def _ask_typed(
        self, model: ServedModel, method: "TypedMethod", message: bytes | bytearray
    ) -> list[Outcome]:
        question = None

        def decode() -> tuple[dict[str, Array], list[str]]:
            nonlocal question
            question = method.decode(bytes(message))
            return question.inputs, list(method.outputs)

        def encode(outputs: dict[str, Array]) -> bytes:
            return method.encode(question, outputs)  # type: ignore[arg-type]

        try:
            identity = self._plane.own_id().decode()
            return [self._plane.run(model, decode, encode, "", identity)]
        except Exception as error:
            return [error]


def _served(states: Sequence[ModelState]) -> list[ServedModel]:
    return [state for state in states if isinstance(state, ServedModel)]


def _answer(kind: type[Message], answer: Callable[[Any], Message], message: bytes) -> bytes:
    try:
        asked = kind.FromString(message)
    except DecodeError as error:
        raise wrong("message", "other bytes", f"a {kind.DESCRIPTOR.name}") from error
    return answer(asked).SerializeToString()


def _as_stream(run: Callable[[], Sequence[Outcome]]) -> list[Outcome]:
    """Answers of ModelInfer as those of a stream: field 2 of ModelStreamInferResponse."""
    return [
        outcome if isinstance(outcome, Exception) else b"\x12" + varint(len(outcome)) + outcome
        for outcome in run()
    ]


def _error_message(message: bytes, error: Exception) -> bytes:
    """An error of a stream is an answer with its text, so that the stream goes on."""
    answer = pb.ModelStreamInferResponse(error_message=status_of(error)[1])
    try:
        answer.infer_response.id = pb.ModelInferRequest.FromString(message).id
    except DecodeError:
        answer.infer_response.id = ""
    return answer.SerializeToString()
