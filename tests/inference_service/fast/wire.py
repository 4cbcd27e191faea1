"""Both ends of the sans-I/O connection: bytes to send, frames that came back, methods to call."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from inference_service.methods import Batch, Inference, Message, Method, Outcome, Quick, Watch
from inference_service.transports.fast import frames
from inference_service.transports.fast.calls import GrpcCalls
from inference_service.transports.fast.connection import Connection
from inference_service.transports.fast.dispatcher import Dispatcher
from inference_service.transports.fast.frames import frame
from inference_service.transports.fast.headers import HeaderDecoder
from inference_service.transports.fast.limits import Limits

Field = tuple[bytes, bytes]
EMPTY_SETTINGS = frames.settings({})


def integer(value: int, bits: int, first: int = 0) -> bytes:
    """An integer of HPACK with a prefix of `bits`; `first` holds the bits before it."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([first | value])
    octets = [first | limit]
    value -= limit
    while value >= 0x80:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*octets, value])


def literal(name: bytes, value: bytes, first: int = 0) -> bytes:
    """A literal field with a new name; `first` 0x40 keeps it in the dynamic table."""
    return bytes([first]) + integer(len(name), 7) + name + integer(len(value), 7) + value


def block(fields: Sequence[Field]) -> bytes:
    """A header block that no table keeps."""
    return b"".join(literal(name, value) for name, value in fields)


def call(path: bytes = b"/t/Echo", *more: Field, without: bytes = b"nothing") -> list[Field]:
    """The fields of a gRPC call."""
    fields = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path),
        (b":authority", b"test"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
        *more,
    ]
    return [one for one in fields if one[0] != without]


def headers(stream: int, fields: Sequence[Field] | None = None, *, end: bool = False) -> bytes:
    """A HEADERS frame that is whole."""
    flags = frames.END_HEADERS | (frames.END_STREAM if end else 0)
    return frame(frames.HEADERS, flags, stream, block(call() if fields is None else fields))


def message(content: bytes = b"hello") -> bytes:
    """A message of gRPC, not compressed."""
    return b"\x00" + struct.pack(">I", len(content)) + content


def data(stream: int, content: bytes, *, end: bool = False) -> bytes:
    """A DATA frame."""
    return frame(frames.DATA, frames.END_STREAM if end else 0, stream, content)


def asked(stream: int, path: bytes = b"/t/Echo", content: bytes = b"hello") -> bytes:
    """A whole unary call."""
    return headers(stream, call(path)) + data(stream, message(content), end=True)


def waiting(stream: int) -> bytes:
    """A call that is never answered: its stream stays half-closed (remote)."""
    return asked(stream, b"/t/Wait")


def setting(*pairs: tuple[int, int]) -> bytes:
    """A SETTINGS frame, in this order, duplicates and all."""
    return frame(
        frames.SETTINGS, 0, 0, b"".join(struct.pack(">HI", key, value) for key, value in pairs)
    )


@dataclass(frozen=True)
class Frame:
    """One frame that the service sent."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def code(self) -> int:
        """The error code of RST_STREAM and GOAWAY, the increment of WINDOW_UPDATE."""
        return int.from_bytes(self.payload[4:8] if self.kind == frames.GOAWAY else self.payload[:4])


def parse(sent: bytes) -> list[Frame]:
    """The frames of `sent`, all of them whole."""
    found, place = [], 0
    while place < len(sent):
        high, low, kind, flags, stream = frames.FRAME_HEAD.unpack_from(sent, place)
        place += frames.HEAD_BYTES
        size = high << 8 | low
        assert place + size <= len(sent), "a frame was sent in part"
        found.append(Frame(kind, flags, stream, sent[place : place + size]))
        place += size
    return found


def _echo(messages: Sequence[Message]) -> Sequence[Batch]:
    outcomes: list[Outcome] = [bytes(one) for one in messages]
    return [Batch(range(len(messages)), 0.0, lambda: outcomes)]


def large(request: bytes) -> bytes:
    """As many octets as the question says, each telling its place."""
    size = int(request) if request.isdigit() else 0
    return (bytes(range(256)) * (size // 256 + 1))[:size]


def _never(request: bytes, tell: Callable[[bytes], None]) -> Callable[[], None]:
    return lambda: None


METHODS: dict[str, Method] = {
    "/t/Echo": Quick(bytes),
    "/t/Large": Quick(large),
    "/t/Size": Quick(lambda request: b"%d" % len(request)),
    "/t/Infer": Inference(_echo),
    "/t/Stream": Inference(_echo, streaming=True),
    "/t/LargeStream": Quick(large, streaming=True),
    "/t/Wait": Watch(_never),
}


@dataclass
class Wire:
    """A connection with the real gRPC behind it, a clock of its own, and no socket."""

    limits: Limits = field(default_factory=Limits)
    find: Callable[[str], Method | None] = METHODS.get
    time: float = 100.0

    def __post_init__(self) -> None:
        self.dispatcher = Dispatcher(
            workers=1,
            limit=64,
            largest=self.limits.message,
            wake=lambda: None,
            advance=lambda connection, stream: self.calls.advance(connection, stream),
            observer=None,
        )
        self.calls = GrpcCalls(self.find, self.dispatcher, self.limits, lambda step: step())
        self.connection = Connection(self.calls, self.limits, lambda: self.time)
        self._answers = HeaderDecoder(list, 4096, 1 << 20)

    def greet(self, first: bytes = EMPTY_SETTINGS) -> "Wire":
        """Preface and settings, both ways."""
        self.send(frames.PREFACE + first)
        return self

    def send(self, octets: bytes) -> bytes:
        """What the service sends for `octets`; one turn of the loop."""
        self.connection.receive(octets)
        return self.turn()

    def turn(self) -> bytes:
        """A turn of the loop in which nothing comes; the peer takes everything that is sent."""
        sender, sent = self.connection.sender, b""
        while True:
            self.dispatcher.run()
            if not sender.out:
                return sent
            sent += b"".join(sender.out)
            sender.out.clear()
            sender.queued = 0
            self.connection.resume()

    def ask(self, octets: bytes) -> list[Frame]:
        """The frames that the service sends for `octets`."""
        return parse(self.send(octets))

    def fields(self, frame: Frame) -> dict[bytes, bytes]:
        """The fields of a HEADERS frame that the service sent."""
        return dict(self._answers.decode(frame.payload))

    @property
    def is_alive(self) -> bool:
        """Whether the connection goes on: it answers a PING."""
        came = self.ask(frame(frames.PING, 0, 0, b"is alive"))
        return any(one.kind == frames.PING and one.payload == b"is alive" for one in came)
