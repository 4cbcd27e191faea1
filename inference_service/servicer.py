"""GRPCInferenceService over the data plane: bounded, and with errors as gRPC statuses."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import grpc

from inference_service.data_plane import DataPlane
from inference_service.errors import InvalidRequest, ModelNotServing, UnknownModel
from protos import inference_pb2 as pb
from protos import inference_pb2_grpc as pb_grpc
from protos.errors import EdgeAssetsError, Unavailable

log = logging.getLogger(__name__)

SERVER_NAME = "edge-assets inference service"
VERSION = "1"
_INTERNAL = "the service failed on this request; its log tells why"
_CODES: list[tuple[type[EdgeAssetsError], grpc.StatusCode]] = [
    (InvalidRequest, grpc.StatusCode.INVALID_ARGUMENT),
    (UnknownModel, grpc.StatusCode.NOT_FOUND),
    (ModelNotServing, grpc.StatusCode.FAILED_PRECONDITION),
    (Unavailable, grpc.StatusCode.RESOURCE_EXHAUSTED),
]
_Answer = TypeVar("_Answer")


def status_of(error: EdgeAssetsError) -> grpc.StatusCode:
    """The gRPC status that stands for `error`."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return grpc.StatusCode.INTERNAL


class Admission:
    """Admits at most `limit` requests and streams at once; knows when nothing is being answered."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._admitted = 0
        self._answering = 0
        self._changed = threading.Condition()

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Holds a place. Raises Unavailable at once when all are taken: no queue hides overload."""
        with self._changed:
            if self._admitted >= self._limit:
                raise Unavailable(
                    "the service is at its limit",
                    why=f"{self._limit} requests and streams are open",
                    remedy="ask again later, or raise INFERENCE_MAX_CONCURRENT",
                )
            self._admitted += 1
        try:
            yield
        finally:
            with self._changed:
                self._admitted -= 1

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Counts one request as being answered."""
        with self._changed:
            self._answering += 1
        try:
            yield
        finally:
            with self._changed:
                self._answering -= 1
                self._changed.notify_all()

    def wait_idle(self, timeout_seconds: float) -> bool:
        """Whether nothing is being answered, waiting for it at most `timeout_seconds`."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._answering, timeout_seconds)


class InferenceServicer(pb_grpc.GRPCInferenceServiceServicer):
    """Each call has its own thread, so a slow answer holds up neither health nor others."""

    def __init__(self, plane: DataPlane, admission: Admission) -> None:
        self._plane = plane
        self._admission = admission

    def ServerLive(self, request: Any, context: Any) -> pb.ServerLiveResponse:  # noqa: N802
        """The process answers: true."""
        return pb.ServerLiveResponse(live=True)

    def ServerReady(self, request: Any, context: Any) -> pb.ServerReadyResponse:  # noqa: N802
        """Whether the model is served."""
        return pb.ServerReadyResponse(ready=self._plane.ready())

    def ModelReady(  # noqa: N802
        self, request: pb.ModelReadyRequest, context: Any
    ) -> pb.ModelReadyResponse:
        """Whether the named model is served."""
        return pb.ModelReadyResponse(ready=self._plane.ready(request.name, request.version))

    def ServerMetadata(self, request: Any, context: Any) -> pb.ServerMetadataResponse:  # noqa: N802
        """What this server is called."""
        return pb.ServerMetadataResponse(name=SERVER_NAME, version=VERSION)

    def ModelMetadata(  # noqa: N802
        self, request: pb.ModelMetadataRequest, context: Any
    ) -> pb.ModelMetadataResponse:
        """Inputs, outputs, digest and disk state of the model."""
        return _or_abort(context, lambda: self._plane.metadata(request.name, request.version))

    def ModelInfer(  # noqa: N802
        self, request: pb.ModelInferRequest, context: Any
    ) -> pb.ModelInferResponse:
        """One question, one answer; a question whose client gave up is not asked of the model."""
        if not context.is_active():
            context.abort(grpc.StatusCode.CANCELLED, "the client gave up before the answer")
        return _or_abort(context, lambda: self._admit_and_infer(request))

    def ModelStreamInfer(  # noqa: N802
        self, request_iterator: Iterator[pb.ModelInferRequest], context: Any
    ) -> Iterator[pb.ModelStreamInferResponse]:
        """Answers in order; a bad question gets an error message and the stream goes on."""
        place = self._admission.admitted()
        _or_abort(context, place.__enter__)
        try:
            for request in request_iterator:
                yield self._stream_answer(request)
        finally:
            place.__exit__(None, None, None)

    def _admit_and_infer(self, request: pb.ModelInferRequest) -> pb.ModelInferResponse:
        with self._admission.admitted(), self._admission.answering():
            return self._plane.infer(request)

    def _stream_answer(self, request: pb.ModelInferRequest) -> pb.ModelStreamInferResponse:
        try:
            with self._admission.answering():
                return pb.ModelStreamInferResponse(infer_response=self._plane.infer(request))
        except EdgeAssetsError as error:
            text = str(error)
        except Exception:
            log.exception("a request of a stream failed")
            text = _INTERNAL
        answer = pb.ModelStreamInferResponse(error_message=text)
        answer.infer_response.id = request.id
        return answer


def _or_abort(context: Any, answer: Callable[[], _Answer]) -> _Answer:
    try:
        return answer()
    except EdgeAssetsError as error:
        _abort(context, status_of(error), str(error))
    except Exception:
        log.exception("a request failed")
        _abort(context, grpc.StatusCode.INTERNAL, _INTERNAL)


def _abort(context: Any, code: grpc.StatusCode, text: str) -> NoReturn:
    context.abort(code, text)
    raise AssertionError("abort raises")
