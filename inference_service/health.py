"""grpc.health.v1: of the whole service and of each model, to be asked and to be watched."""

import threading
from collections.abc import Callable, Mapping

from google.protobuf.message import DecodeError

from inference_service.methods import Method, Quick, Watch
from inference_service.tensors import wrong
from protos import inference_pb2 as pb
from protos.errors import NotFound

HEALTH = "grpc.health.v1"
SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3


class Health:
    """Holds who is serving; tells those who watch when that changes. Any thread may call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._serving: Mapping[str, bool] = {"": False}
        self._watchers: dict[object, tuple[str, Callable[[bytes], None]]] = {}

    @property
    def methods(self) -> dict[str, Method]:
        """The methods by path."""
        return {
            f"/{HEALTH}.Health/Check": Quick(self._check),
            f"/{HEALTH}.Health/Watch": Watch(self._watch),
        }

    @property
    def known(self) -> list[str]:
        """The names that can be asked for."""
        return list(self._serving)

    def tell(self, serving: Mapping[str, bool]) -> None:
        """Replaces what is known: by service or model name; the empty name is the whole service."""
        with self._lock:
            before, self._serving = self._serving, dict(serving)
            for name, tell in self._watchers.values():
                if before.get(name) != self._serving.get(name):
                    tell(self._answer(name))

    def _check(self, message: bytes) -> bytes:
        name = _service(message)
        with self._lock:
            if name not in self._serving:
                raise NotFound("no service or model of this name is known here")
            return self._answer(name)

    def _watch(self, message: bytes, tell: Callable[[bytes], None]) -> Callable[[], None]:
        name, key = _service(message), object()
        with self._lock:
            self._watchers[key] = (name, tell)
            tell(self._answer(name))

        def end() -> None:
            with self._lock:
                self._watchers.pop(key, None)

        return end

    def _answer(self, name: str) -> bytes:
        known = self._serving.get(name)
        status = SERVICE_UNKNOWN if known is None else SERVING if known else NOT_SERVING
        return bytes((0x08, status))  # HealthCheckResponse: field 1, an enum


def _service(message: bytes) -> str:
    try:
        # HealthCheckRequest is a text in field 1, as this message is; its own class would cost
        # the import of the descriptors of descriptors, 2 MB
        name: str = pb.ModelReadyRequest.FromString(message).name
    except DecodeError as error:
        raise wrong("message", "other bytes", "a HealthCheckRequest") from error
    return name
