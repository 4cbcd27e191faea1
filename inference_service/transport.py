"""The transport: a grpcio server around the servicer, with health, reflection, limits and drain.

Threads, not grpc.aio: measured with grpcio 1.85 on one core, a small model, 8 and 32 questions in
flight, threads answered 5,500 to 6,700 requests a second, grpc.aio 3,500 (3,800 with uvloop).
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from inference_service.config import Config
from inference_service.data_plane import DataPlane
from inference_service.servicer import Admission, InferenceServicer
from protos import inference_pb2_grpc as pb_grpc
from protos.errors import ConfigurationError

SERVICE = "inference.GRPCInferenceService"

# Threads beyond those for requests: health, metadata and refusals answer even at the limit.
_SPARE_THREADS = 8
_LAST_BYTES_SECONDS = 0.2


class Transport:
    """The gRPC server: `start` binds it, `tell_health` keeps health true, `drain` ends it."""

    def __init__(self, config: Config, plane: DataPlane) -> None:
        self._address = config.address
        self._admission = Admission(config.max_concurrent)
        self._health = health.HealthServicer(experimental_non_blocking=True)
        threads = config.max_concurrent + _SPARE_THREADS
        self._server = grpc.server(
            ThreadPoolExecutor(threads, thread_name_prefix="call"),
            maximum_concurrent_rpcs=threads * 4,  # calls that wait for a thread, and watches
            options=[
                ("grpc.max_receive_message_length", config.max_message_bytes),
                ("grpc.max_send_message_length", config.max_message_bytes),
                ("grpc.so_reuseport", 0),  # a second server on this port must fail, not share it
            ],
        )
        servicer = InferenceServicer(plane, self._admission)
        pb_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, self._server)  # type: ignore[no-untyped-call]
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if config.reflection:
            names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self._server)

    def start(self) -> int:
        """Binds, serves, returns the port. Raises ConfigurationError if the address is taken."""
        try:
            port = self._server.add_insecure_port(self._address)
        except RuntimeError as error:
            raise ConfigurationError(
                f"cannot listen on {self._address}",
                why="the address is in use or not of this machine",
                remedy="set INFERENCE_ADDRESS to a free one",
            ) from error
        self._server.start()
        return port

    def tell_health(self, name: str, serving: bool) -> None:
        """Sets grpc.health.v1 for the whole server and for the model `name`."""
        word = health_pb2.HealthCheckResponse
        status = word.SERVING if serving else word.NOT_SERVING
        for service in {"", name, SERVICE}:
            self._health.set(service, status)

    def drain(self, seconds: float) -> bool:
        """Takes no new call, lets those in flight end, for at most `seconds`; whether all did.

        Streams that wait for a next question, and health watches, are ended as soon as nothing is
        being answered: they would hold up the drain for nothing.
        """
        self._health.enter_graceful_shutdown()
        stopped: threading.Event = self._server.stop(seconds)
        idle = self._admission.wait_idle(seconds)
        if not stopped.wait(_LAST_BYTES_SECONDS):  # answers on their way out
            self._server.stop(0).wait(_LAST_BYTES_SECONDS)
        return idle
