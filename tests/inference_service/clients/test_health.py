"""grpc.health.v1 with its own client: Check, and Watch while models come, go bad and are mended."""

import queue
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.inference_service.harness import (
    Service,
    floats,
    running_service,
    taxi_request,
    wait_until,
)
from tests.inference_service.models import taxi_model

pytestmark = pytest.mark.usefixtures("transport")

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


class _Watcher:
    """Collects what a Watch tells."""

    def __init__(self, channel: grpc.Channel, name: str) -> None:
        stub = health_pb2_grpc.HealthStub(channel)
        self.call = stub.Watch(health_pb2.HealthCheckRequest(service=name), timeout=60)
        self._told: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for answer in self.call:
                self._told.put(answer.status)
        except grpc.RpcError:
            pass
        self._told.put(None)

    def next(self) -> int | None:
        """What is told next, waiting 15 s at most; None at the end."""
        return self._told.get(timeout=15)

    @property
    def is_silent(self) -> bool:
        return self._told.empty()


@contextmanager
def _watching(channel: grpc.Channel, name: str) -> Iterator[_Watcher]:
    watcher = _Watcher(channel, name)
    try:
        yield watcher
    finally:
        watcher.call.cancel()


def _spoil(folder: Path) -> None:
    data = bytearray((folder / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.onnx").write_bytes(data)


def test_a_watch_follows_a_model_from_refused_to_served(tmp_path: Path) -> None:
    taxi_model(tmp_path)
    good = (tmp_path / "model.onnx").read_bytes()
    _spoil(tmp_path)
    with (
        running_service(tmp_path, INFERENCE_WATCH_SECONDS="0.1") as running,
        _watching(running.channel, "taxi") as model,
        _watching(running.channel, "") as whole,
    ):
        assert model.next() == _NOT_SERVING
        assert whole.next() == _NOT_SERVING
        (tmp_path / "model.onnx").write_bytes(good)
        assert model.next() == _SERVING
        assert whole.next() == _SERVING
        assert running.stop() == 0
        assert model.next() in (_NOT_SERVING, None)


def test_a_swap_interrupts_nothing_that_is_watched(tmp_path: Path) -> None:
    taxi_model(tmp_path / "model")
    taxi_model(tmp_path / "next", per_mile=7.0)
    with (
        running_service(tmp_path / "model", INFERENCE_WATCH_SECONDS="0.1") as running,
        _watching(running.channel, "taxi") as model,
    ):
        assert model.next() == _SERVING
        for name in ("model.onnx", "model.json"):
            (tmp_path / "next" / name).replace(tmp_path / "model" / name)
        wait_until(lambda: floats(running.stub.ModelInfer(taxi_request([2.0]))) == [17.0])
        _spoil(tmp_path / "model")
        wait_until(lambda: "no longer has its digest" in running.log)
        assert model.is_silent  # it served all the time
        assert floats(running.stub.ModelInfer(taxi_request([2.0]))) == [17.0]


def test_a_watch_may_wait_for_a_model_that_is_not_there_yet(tmp_path: Path) -> None:
    taxi_model(tmp_path / "models" / "taxi")
    other = taxi_model(tmp_path / "other")
    (other / "model.json").write_text(
        (other / "model.json").read_text().replace('"name": "taxi"', '"name": "bus"', 1)
    )
    with (
        running_service(tmp_path / "models", INFERENCE_WATCH_SECONDS="0.1") as running,
        _watching(running.channel, "bus") as bus,
    ):
        assert bus.next() == _UNKNOWN
        other.rename(tmp_path / "models" / "bus")
        assert bus.next() == _SERVING
        shutil.rmtree(tmp_path / "models" / "bus")
        assert bus.next() == _UNKNOWN


def test_many_watches_come_and_go(service: Service) -> None:
    for _ in range(20):
        watchers = [_Watcher(service.channel, "taxi") for _ in range(10)]
        for watcher in watchers:
            assert watcher.next() == _SERVING
            watcher.call.cancel()
    stub: Any = health_pb2_grpc.HealthStub(service.channel)
    asked = health_pb2.HealthCheckRequest(service="taxi")
    assert stub.Check(asked, timeout=5).status == _SERVING
