"""The transport: the data plane over grpc.aio, with health, reflection and limits."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn, TypeVar

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from inference_service.config import Config
from inference_service.data_plane import DataPlane
from inference_service.errors import InvalidRequest, ModelNotServing, UnknownModel
from protos import inference_pb2 as pb
from protos import inference_pb2_grpc as pb_grpc
from protos.errors import ConfigurationError, EdgeAssetsError

log = logging.getLogger(__name__)

SERVICE = "inference.GRPCInferenceService"
VERSION = "1"
_INTERNAL = "the service failed on this request; its log tells why"
_CODES: list[tuple[type[EdgeAssetsError], grpc.StatusCode]] = [
    (InvalidRequest, grpc.StatusCode.INVALID_ARGUMENT),
    (UnknownModel, grpc.StatusCode.NOT_FOUND),
    (ModelNotServing, grpc.StatusCode.FAILED_PRECONDITION),
]
_Answer = TypeVar("_Answer")


def status_of(error: EdgeAssetsError) -> grpc.StatusCode:
    """The gRPC status that stands for `error`."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return grpc.StatusCode.INTERNAL


class InFlight:
    """Counts the requests being answered, and lets a drain wait for the last one."""

    def __init__(self) -> None:
        self._count = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def __enter__(self) -> None:
        self._count += 1
        self._idle.clear()

    def __exit__(self, *_: object) -> None:
        self._count -= 1
        if not self._count:
            self._idle.set()

    async def wait_idle(self, timeout_seconds: float) -> bool:
        """Whether nothing is in flight, waiting for it at most `timeout_seconds`."""
        try:
            await asyncio.wait_for(self._idle.wait(), timeout_seconds)
        except TimeoutError:
            return False
        return True


class InferenceServicer(pb_grpc.GRPCInferenceServiceServicer):
    """GRPCInferenceService over a data plane.

    `inline` says whether a request may be answered on the event loop itself: right for models
    that take microseconds, where handing over to a thread costs more than the answer.
    """

    def __init__(self, plane: DataPlane, inline: Callable[[], bool], in_flight: InFlight) -> None:
        self._plane = plane
        self._inline = inline
        self._in_flight = in_flight
        # two: one may be at work while the other decodes; the session itself has one thread
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="infer")

    async def ServerLive(self, request: Any, context: Any) -> pb.ServerLiveResponse:  # noqa: N802
        """The process answers: true."""
        return pb.ServerLiveResponse(live=True)

    async def ServerReady(self, request: Any, context: Any) -> pb.ServerReadyResponse:  # noqa: N802
        """Whether the model is served."""
        return pb.ServerReadyResponse(ready=self._plane.ready())

    async def ModelReady(  # noqa: N802
        self, request: pb.ModelReadyRequest, context: Any
    ) -> pb.ModelReadyResponse:
        """Whether the named model is served."""
        return pb.ModelReadyResponse(ready=self._plane.ready(request.name, request.version))

    async def ServerMetadata(  # noqa: N802
        self, request: Any, context: Any
    ) -> pb.ServerMetadataResponse:
        """What this server is called."""
        return pb.ServerMetadataResponse(name="edge-assets inference service", version=VERSION)

    async def ModelMetadata(  # noqa: N802
        self, request: pb.ModelMetadataRequest, context: Any
    ) -> pb.ModelMetadataResponse:
        """Inputs, outputs, digest and disk state of the model."""
        return await _or_abort(context, self._metadata(request))

    async def ModelInfer(  # noqa: N802
        self, request: pb.ModelInferRequest, context: Any
    ) -> pb.ModelInferResponse:
        """One question, one answer."""
        return await _or_abort(context, self._infer(request))

    async def ModelStreamInfer(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.ModelInferRequest], context: Any
    ) -> AsyncIterator[pb.ModelStreamInferResponse]:
        """Answers in order; a bad question gets an error message and the stream goes on."""
        async for request in request_iterator:
            try:
                answer = pb.ModelStreamInferResponse(infer_response=await self._infer(request))
            except EdgeAssetsError as error:
                answer = pb.ModelStreamInferResponse(error_message=str(error))
                answer.infer_response.id = request.id
            except Exception:
                log.exception("a request of a stream failed")
                answer = pb.ModelStreamInferResponse(error_message=_INTERNAL)
                answer.infer_response.id = request.id
            yield answer

    async def _metadata(self, request: pb.ModelMetadataRequest) -> pb.ModelMetadataResponse:
        return self._plane.metadata(request.name, request.version)

    async def _infer(self, request: pb.ModelInferRequest) -> pb.ModelInferResponse:
        with self._in_flight:
            if self._inline():
                return self._plane.infer(request)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, self._plane.infer, request)


async def _or_abort(context: Any, answer: Awaitable[_Answer]) -> _Answer:
    try:
        return await answer
    except EdgeAssetsError as error:
        await _abort(context, status_of(error), str(error))
    except Exception:
        log.exception("a request failed")
        await _abort(context, grpc.StatusCode.INTERNAL, _INTERNAL)


async def _abort(context: Any, code: grpc.StatusCode, text: str) -> NoReturn:
    await context.abort(code, text)
    raise AssertionError("abort raises")


class Transport:
    """The gRPC server: `start` binds it, `tell_health` keeps health true, `drain` ends it."""

    def __init__(self, config: Config, plane: DataPlane, inline: Callable[[], bool]) -> None:
        self._in_flight = InFlight()
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]
        self._server = grpc.aio.server(
            maximum_concurrent_rpcs=config.max_concurrent,
            options=[
                ("grpc.max_receive_message_length", config.max_message_bytes),
                ("grpc.max_send_message_length", config.max_message_bytes),
                ("grpc.so_reuseport", 0),  # a second server on this port must fail, not share it
            ],
        )
        servicer = InferenceServicer(plane, inline, self._in_flight)
        pb_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, self._server)  # type: ignore[no-untyped-call]
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if config.reflection:
            names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self._server)
        self._address = config.address

    async def start(self) -> int:
        """Binds, serves, returns the port. Raises ConfigurationError if the address is taken."""
        try:
            port = self._server.add_insecure_port(self._address)
        except RuntimeError as error:
            raise ConfigurationError(
                f"cannot listen on {self._address}",
                why="the address is in use or not of this machine",
                remedy="set INFERENCE_ADDRESS to a free one",
            ) from error
        await self._server.start()
        return port

    async def tell_health(self, name: str, serving: bool) -> None:
        """Sets grpc.health.v1 for the whole server and for the model `name`."""
        word = health_pb2.HealthCheckResponse
        status = word.SERVING if serving else word.NOT_SERVING
        for service in {"", name, SERVICE}:
            await self._health.set(service, status)

    async def drain(self, seconds: float) -> bool:
        """Takes no new call, lets those in flight end, for at most `seconds`; whether all did.

        Streams that wait for a next question, and health watches, are ended as soon as nothing is
        being answered: they would hold up the drain for nothing.
        """
        await self._health.enter_graceful_shutdown()
        stopping = asyncio.ensure_future(self._server.stop(seconds))
        await asyncio.sleep(0)
        idle = await self._in_flight.wait_idle(seconds)
        done, _ = await asyncio.wait({stopping}, timeout=0.2)  # answers on their way out
        if not done:
            await self._server.stop(0)
        await stopping
        return idle
