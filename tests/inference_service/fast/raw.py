"""A client on a real socket that behaves as badly as a test wants."""

import contextlib
import select
import socket
import time
from pathlib import Path
from typing import Self

from inference_service.transports.fast import frames
from tests.inference_service.fast.wire import Field, Frame, call, data, headers, setting
from tests.inference_service.harness import Service

INFER = b"/inference.GRPCInferenceService/ModelInfer"
SECONDS = 15.0
_GONE = select.POLLHUP | select.POLLERR | select.POLLRDHUP


class Raw:
    """A connection that sends octets and reads frames, or does not."""

    def __init__(self, service: Service, *settings: tuple[int, int], greet: bool = True) -> None:
        host, _, port = service.target.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=SECONDS)
        self._came = b""
        if greet:
            self.socket.sendall(frames.PREFACE + setting(*settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, octets: bytes) -> None:
        """Sends all of it."""
        self.socket.sendall(octets)

    def push(self, octets: bytes, seconds: float) -> int:
        """Sends as far as the service takes it within `seconds`; how much that was."""
        self.socket.settimeout(0.05)
        sent, end = 0, time.monotonic() + seconds
        while sent < len(octets) and time.monotonic() < end:
            with contextlib.suppress(TimeoutError):
                sent += self.socket.send(octets[sent : sent + 65536])
        self.socket.settimeout(SECONDS)
        return sent

    def is_gone(self, seconds: float = SECONDS) -> bool:
        """Whether the service closes the connection within `seconds`, with nothing read of it."""
        poll = select.poll()
        poll.register(self.socket.fileno(), _GONE)
        return bool(poll.poll(seconds * 1000))

    def frame(self) -> Frame | None:
        """The next frame; None if the connection ends before it."""
        while True:
            if len(self._came) >= frames.HEAD_BYTES:
                size = int.from_bytes(self._came[:3], "big")
                end = frames.HEAD_BYTES + size
                if len(self._came) >= end:
                    whole, self._came = self._came[:end], self._came[end:]
                    stream = int.from_bytes(whole[5:9], "big")
                    return Frame(whole[3], whole[4], stream, whole[frames.HEAD_BYTES :])
            try:
                more = self.socket.recv(65536)
            except ConnectionError:
                return None
            if not more:
                return None
            self._came += more

    def until(self, kind: int, stream: int | None = None) -> list[Frame]:
        """Everything up to the first frame of `kind`, which must come."""
        found: list[Frame] = []
        while not found or found[-1].kind != kind or stream not in (None, found[-1].stream):
            came = self.frame()
            assert came is not None, [one.kind for one in found]
            found.append(came)
        return found


def infer(stream: int, body: bytes, *more: Field) -> bytes:
    """A whole ModelInfer with `body` as its message; in frames of 16 KiB."""
    whole = b"\0" + len(body).to_bytes(4, "big") + body
    pieces = [whole[at : at + 16_384] for at in range(0, len(whole), 16_384)]
    sent = headers(stream, call(INFER, *more))
    for piece in pieces[:-1]:
        sent += data(stream, piece)
    return sent + data(stream, pieces[-1], end=True)


def memory(service: Service) -> int:
    """Octets that the service holds in memory."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) << 10
