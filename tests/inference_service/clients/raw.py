"""A client of HTTP/2 that does what gRPC's clients will not: PyPI's h2 over a plain socket."""

import socket
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.settings import SettingCodes, Settings
from hyperframe.frame import ContinuationFrame, Frame, HeadersFrame

from tests.inference_service.clients.asking import INFER

_SECONDS = 15.0
Headers = list[tuple[str, str]]


class Answer:
    """What came on one stream."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.ended = False
        self.reset: int | None = None

    @property
    def message(self) -> bytes:
        """The one message of a unary call."""
        assert len(self.body) == 5 + int.from_bytes(self.body[1:5], "big"), self.headers
        return bytes(self.body[5:])

    @property
    def status(self) -> str:
        return self.headers.get("grpc-status", "none")


class RawClient:
    """One connection. With `window`, the peer may send so much on each stream, unasked.

    `credit` says whether what came is given back to the windows as it comes.
    """

    def __init__(self, target: str, *, window: int | None = None, credit: bool = True) -> None:
        host, _, port = target.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), _SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # what h2 would not let us send, or would mend, is what is tested here
        config = H2Configuration(
            client_side=True,
            header_encoding="latin-1",
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.h2 = H2Connection(config)
        if window is not None:
            self.h2.local_settings = Settings(
                client=True, initial_values={SettingCodes.INITIAL_WINDOW_SIZE: window}
            )
        self.h2.initiate_connection()
        self._credit = credit
        self.answers: dict[int, Answer] = {}
        self.closed = False
        self.flush()

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    # what is sent

    def flush(self, change: Callable[[list[Frame]], list[Frame]] | None = None) -> None:
        """Sends what h2 has to say, after `change` of its frames."""
        data = self.h2.data_to_send()
        if change is not None:
            data = b"".join(frame.serialize() for frame in change(parsed(data)))
        self.socket.sendall(data)

    def open(
        self,
        path: str = INFER,
        *more: tuple[str, str],
        change: Callable[[list[Frame]], list[Frame]] | None = None,
        end: bool = False,
        **h2_options: Any,
    ) -> int:
        """Begins a call; the number of its stream."""
        number: int = self.h2.get_next_available_stream_id()
        self.h2.send_headers(number, request_headers(path, *more), end_stream=end, **h2_options)
        self.answers[number] = Answer()
        self.flush(change)
        return number

    def send(self, number: int, data: bytes, *, end: bool = False, pad: int | None = None) -> None:
        """Sends data in frames as large as the windows and the peer allow."""
        place = 0
        while place < len(data) or (end and place == 0 and not data):
            room = min(self.h2.local_flow_control_window(number), self.h2.max_outbound_frame_size)
            room -= 0 if pad is None else pad + 1
            if room <= 0:
                self.receive()
                continue
            piece = data[place : place + room]
            place += len(piece)
            last = end and place >= len(data)
            self.h2.send_data(number, piece, end_stream=last, pad_length=pad)
            self.flush()
            if last:
                return

    def ask(self, message: bytes, path: str = INFER, **options: Any) -> Answer:
        """A whole unary call."""
        number = self.open(path)
        self.send(number, framed(message), end=True, **options)
        return self.finished(number)

    # what comes

    def receive(self) -> list[Event]:
        """Waits for something, at most `_SECONDS`, and takes it in."""
        data = self.socket.recv(1 << 16)
        if not data:
            self.closed = True
            return []
        events: list[Event] = self.h2.receive_data(data)
        for event in events:
            self._take(event)
        self.flush()
        return events

    def _take(self, event: Event) -> None:
        if isinstance(event, ResponseReceived | TrailersReceived):
            answer = self.answers[event.stream_id]
            answer.headers |= {str(name): str(value) for name, value in event.headers or []}
        elif isinstance(event, DataReceived):
            self.answers[event.stream_id].body += event.data or b""
            if self._credit and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            self.answers[event.stream_id].ended = True
        elif isinstance(event, StreamReset):
            self.answers[event.stream_id].reset = int(event.error_code or 0)

    def until(self, true: Callable[[], bool]) -> None:
        """Takes in what comes until `true()`; fails after `_SECONDS` or at the end."""
        end = time.monotonic() + _SECONDS
        while not true():
            assert not self.closed, "the service closed the connection"
            assert time.monotonic() < end, "waited in vain"
            self.receive()

    def finished(self, number: int) -> Answer:
        """The answer on a stream, once it is over."""
        answer = self.answers[number]
        self.until(lambda: answer.ended or answer.reset is not None)
        return answer

    def settled(self) -> None:
        """Waits until the peer's SETTINGS and first grants are here."""
        self.h2.ping(b"settled?")
        self.flush()
        acknowledged: list[Event] = []
        while not any(type(event).__name__ == "PingAckReceived" for event in acknowledged):
            acknowledged += self.receive()
            assert not self.closed


def request_headers(path: str, *more: tuple[str, str]) -> Headers:
    """The headers of a call as gRPC over HTTP/2 has them."""
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "tests"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        *more,
    ]


def framed(*messages: bytes) -> bytes:
    """Messages with the five octets before each."""
    return b"".join(b"\0" + len(one).to_bytes(4, "big") + one for one in messages)


def unframed(body: bytes) -> list[bytes]:
    """The messages in what came on a stream."""
    messages = []
    while body:
        size = int.from_bytes(body[1:5], "big")
        messages.append(bytes(body[5 : 5 + size]))
        body = body[5 + size :]
    return messages


def parsed(data: bytes) -> list[Frame]:
    """The frames in `data`."""
    frames = []
    view = memoryview(data)
    while view:
        frame, length = Frame.parse_frame_header(view[:9])
        frame.parse_body(view[9 : 9 + length])
        frames.append(frame)
        view = view[9 + length :]
    return frames


def split_headers(pieces: int) -> Callable[[list[Frame]], list[Frame]]:
    """Cuts each header block into so many frames: HEADERS and CONTINUATION."""

    def change(frames: list[Frame]) -> list[Frame]:
        cut: list[Frame] = []
        for frame in frames:
            if not isinstance(frame, HeadersFrame):
                cut.append(frame)
                continue
            block, step = frame.data, max(1, len(frame.data) // pieces)
            frame.data = block[:step]
            frame.flags.discard("END_HEADERS")
            rest = [block[n : n + step] for n in range(step, len(block), step)] or [b""]
            more = [ContinuationFrame(frame.stream_id, data=part) for part in rest]
            more[-1].flags.add("END_HEADERS")
            cut += [frame, *more]
        return cut

    return change


def pad_headers(length: int) -> Callable[[list[Frame]], list[Frame]]:
    """Adds padding to HEADERS."""

    def change(frames: Sequence[Frame]) -> list[Frame]:
        for frame in frames:
            if isinstance(frame, HeadersFrame):
                frame.flags.add("PADDED")
                frame.pad_length = length
        return list(frames)

    return change
