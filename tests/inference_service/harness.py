"""The real service as a process of its own, and short ways to ask it."""

import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from protos import inference_pb2 as pb
from protos import inference_pb2_grpc as pb_grpc

START_SECONDS = 20.0
_LISTENING = re.compile(r"listening on .*:(\d+)")


def wait_until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """Returns as soon as `true()` is; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


class Service:
    """A running service: where it listens, what it logged, how to ask it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: list[str] = []
        self._port = threading.Event()
        self.target = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._port.wait(START_SECONDS), self.log
        self.channel = grpc.insecure_channel(self.target)
        self.stub: Any = pb_grpc.GRPCInferenceServiceStub(self.channel)  # type: ignore[no-untyped-call]

    @property
    def log(self) -> str:
        return "".join(self._lines)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.append(line)
            if found := _LISTENING.search(line):
                self.target = f"127.0.0.1:{found[1]}"
                self._port.set()

    def stop(self, timeout: float = 15.0) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.wait(timeout)

    def wait(self, timeout: float = 15.0) -> int:
        code = self.process.wait(timeout)
        self._reader.join(5.0)
        return code


@contextmanager
def running_service(model: Path, **settings: str) -> Iterator[Service]:
    """The service on a free port of the loopback; killed at the end if it still runs."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("CAPTURE", "MODEL"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "inference_service", "--model", str(model)],
        env=environment | {"INFERENCE_ADDRESS": "127.0.0.1:0"} | settings,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        service = Service(process)
        yield service
        service.channel.close()
    finally:
        process.kill()
        process.wait(10)
        if process.stderr is not None and not process.stderr.closed:
            process.stderr.close()


def taxi_request(
    distances: Sequence[float] = (2.0,), passengers: Sequence[int] | None = None, **fields: Any
) -> pb.ModelInferRequest:
    """A question to the model `taxi`, with raw contents."""
    people = [1] * len(distances) if passengers is None else passengers
    request = pb.ModelInferRequest(**({"model_name": "taxi"} | fields))
    request.inputs.add(name="distance", datatype="FP32", shape=[len(distances), 1])
    request.inputs.add(name="passengers", datatype="INT64", shape=[len(people), 1])
    request.raw_input_contents.append(struct.pack(f"<{len(distances)}f", *distances))
    request.raw_input_contents.append(struct.pack(f"<{len(people)}q", *people))
    return request


def floats(response: pb.ModelInferResponse, place: int = 0) -> list[float]:
    """The values of a FP32 output."""
    raw = response.raw_output_contents[place]
    return list(struct.unpack(f"<{len(raw) // 4}f", raw))


class Refusal:
    """How a call was refused."""

    def __init__(self, error: grpc.RpcError) -> None:
        self.code: grpc.StatusCode = error.code()
        self.text: str = error.details() or ""


def refusal(call: Callable[..., Any], request: Any, timeout: float = 10.0) -> Refusal:
    """How `call(request)` is refused; fails if it succeeds."""
    try:
        call(request, timeout=timeout)
    except grpc.RpcError as error:
        return Refusal(error)
    raise AssertionError("the call was not refused")


def held_open(
    request: pb.ModelInferRequest, until: threading.Event
) -> Iterator[pb.ModelInferRequest]:
    """The questions of a stream: one, and then none until `until` is set (10 s at most)."""
    yield request
    until.wait(10)
