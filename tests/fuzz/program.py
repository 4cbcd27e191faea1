"""Octets of a fuzzer become frames that are nearly right; each input is checked the same way."""

import struct

from inference_service.methods import Method, Quick
from inference_service.transports.fast import frames
from inference_service.transports.fast.frames import Error, frame
from inference_service.transports.fast.limits import Limits
from tests.inference_service.fast.wire import (
    EMPTY_SETTINGS,
    METHODS,
    Frame,
    Wire,
    block,
    call,
    integer,
    large,
    literal,
    message,
)

KIB = 1 << 10
LIMITS = Limits(
    message=8 * KIB,
    streams=6,
    header_list=2 * KIB,
    stream_window=16 * KIB,
    connection_window=80 * KIB,
    buffered=20 * KIB,
    unsent=12 * KIB,
)
_LARGEST = 9999
_METHODS: dict[str, Method] = METHODS | {
    "/t/Large": Quick(lambda request: large(request[:4])),
    "/t/LargeStream": Quick(lambda request: large(request[:4]), streaming=True),
}
_PATHS = [path.encode() for path in METHODS] + [b"/t/Nothing"]
_SIZES = [0, 1, 4, 5, 6, 8, 100, 4000, 16_384]
_VALUES = [0, 1, 5, 100, 16_384, 65_535, 65_536, (1 << 24) - 1, 1 << 24, (1 << 31) - 1, 1 << 31]


class Octets:
    """Reads choices from octets; once they are used up every choice is the first."""

    def __init__(self, octets: bytes) -> None:
        self._left = iter(octets)

    def one(self) -> int:
        return next(self._left, 0)

    def of(self, choices: list[int]) -> int:
        return choices[self.one() % len(choices)]

    def some(self, size: int) -> bytes:
        return bytes(self.one() for _ in range(min(size, 12))) + b"\0" * max(0, size - 12)


def program(octets: bytes) -> list[bytes]:
    """What a client sends, in pieces: after a preface, mostly."""
    read = Octets(octets)
    greeting = frames.PREFACE + EMPTY_SETTINGS
    pieces = [greeting if read.one() else read.some(30)]
    for _ in range(min(60, 2 + len(octets) // 3)):
        piece = _piece(read)
        change = read.one()
        if change > 250:  # one octet of it is another
            at = read.one() % len(piece)
            piece = piece[:at] + bytes([read.one()]) + piece[at + 1 :]
        elif change > 245:
            piece = piece[: read.one() % len(piece)]
        pieces.append(piece)
    return pieces


def _piece(read: Octets) -> bytes:
    kind = read.one() % 16
    stream = read.of([1, 3, 5, 7, 9, 11, 13, 1, 3, 0, 2, (1 << 31) - 1])
    flags = read.of([0, 1, 4, 5, 8, 9, 12, 13, 0x24, 0x2C, 0xFF])
    if kind == frames.DATA or kind > 13:
        content = message(read.some(read.of(_SIZES)))
        if kind == 15:
            content = (message(b"3000") * 9) if read.one() % 2 else content[: read.one()]
        if flags & frames.PADDED:
            content = bytes([read.one() % 20]) + content + b"\0" * (read.one() % 20)
        return frame(frames.DATA, flags, stream, content)
    if kind in (frames.HEADERS, 10, 11, 12):
        return _headers(read, kind, flags, stream)
    if kind == frames.SETTINGS:
        pairs = [(read.one() % 8, read.of(_VALUES)) for _ in range(read.one() % 4)]
        payload = b"".join(struct.pack(">HI", *pair) for pair in pairs)
        return frame(frames.SETTINGS, 0, 0, payload)
    if kind == frames.WINDOW_UPDATE:
        return frames.window_update(stream, read.of(_VALUES))
    if kind == frames.CONTINUATION:
        return frame(frames.CONTINUATION, flags & 4, stream, _fields(read)[: read.one()])
    if kind == frames.PING:
        return frame(frames.PING, flags & 1, 0, read.some(8))
    if kind == frames.RST_STREAM:
        return frames.rst_stream(stream, frames.Error(read.one() % 14))
    return frame(read.one() % 32, flags, stream, read.some(read.of(_SIZES)))


def _headers(read: Octets, kind: int, flags: int, stream: int) -> bytes:
    if kind == 11:  # a whole call, so that inputs get somewhere
        path = _PATHS[read.one() % len(_PATHS)]
        content = b"%d" % read.of([0, 1, 100, 5000]) if b"Large" in path else read.some(9)
        head = frame(frames.HEADERS, frames.END_HEADERS, stream, block(call(path)))
        return head + frame(frames.DATA, read.one() & 1, stream, message(content))
    fields = _fields(read)
    if flags & 0x20:
        fields = read.some(5) + fields
    if flags & frames.PADDED:
        fields = bytes([read.one() % 9]) + fields + b"\0" * 8
    return frame(frames.HEADERS, flags | (4 if kind == 10 else 0), stream, fields)


def _fields(read: Octets) -> bytes:
    path = _PATHS[read.one() % len(_PATHS)]
    written = block(call(path)[: 6 - read.one() % 3 // 2])
    for _ in range(read.one() % 4):
        choice = read.one() % 8
        if choice == 0:
            written += integer(read.one(), 7, 0x80)
        elif choice == 1:
            written += integer(read.one() * 40, 5, 0x20)
        elif choice == 2:
            written += read.some(read.one() % 12)
        elif choice == 3:
            written += literal(b"grpc-timeout", read.some(3))
        elif choice == 4:
            written += literal(b"content-length", b"%d" % (read.one() % 12))
        elif choice == 5:
            written += literal(b"grpc-encoding", b"gzip" if read.one() % 2 else b"zstd")
        else:
            written += literal(read.some(3), read.some(read.one() % 60), 0x40 * (choice % 2))
    return written


def check(octets: bytes) -> None:
    """Sends what `octets` say, whole and cut; fails if anything but an answer comes of it."""
    pieces = program(octets)
    whole = _sent(pieces)
    sent = b"".join(pieces)
    step = 1 + (octets[-1] if octets else 0) % 37
    if len(sent) < 20_000:
        cut = _sent([sent[at : at + step] for at in range(0, len(sent), step)])
        ends = {_end(cut), _end(whole)}
        # whether a call that its client has ended is answered yet decides how late DATA is taken
        assert len(ends) == 1 or Error.STREAM_CLOSED in ends, "another end when cut elsewhere"


def _end(came: list[Frame]) -> int | None:
    return came[-1].code if came and came[-1].kind == frames.GOAWAY else None


def _sent(pieces: list[bytes]) -> list[Frame]:
    wire = Wire(LIMITS, _METHODS.get)
    came: list[Frame] = []
    for piece in pieces:
        came += wire.ask(piece)
        if wire.connection.closing:
            break
        _check_state(wire)
    goaways = [place for place, one in enumerate(came) if one.kind == frames.GOAWAY]
    assert goaways in ([], [len(came) - 1]), "frames after the last one"
    assert bool(goaways) == wire.connection.closing
    if goaways:
        assert came[-1].code != frames.Error.INTERNAL_ERROR
    wire.connection.close()
    wire.turn()
    wire.dispatcher.run()
    assert wire.calls.counted == 0, "octets are counted that nobody holds"
    assert wire.dispatcher.open == 0, "places are taken that nobody holds"
    assert wire.connection.sender.waiting == 0
    return came


def _check_state(wire: Wire) -> None:
    connection, sender = wire.connection, wire.connection.sender
    assert len(connection.streams) <= LIMITS.streams
    held = sum(len(stream.body or b"") for stream in connection.streams.values())
    assert wire.calls.counted == held <= LIMITS.buffered
    waiting = sum(
        len(part)
        for stream in connection.streams.values()
        for part in stream.outgoing or ()
        if isinstance(part, memoryview)
    )
    assert sender.waiting == waiting <= LIMITS.unsent + (LIMITS.streams + 64) * _LARGEST
    assert 0 <= sender.window <= frames.MAX_WINDOW
    assert len(connection._rest) <= frames.MIN_FRAME_SIZE + frames.HEAD_BYTES
    for stream in connection.streams.values():
        assert not stream.closed
        assert stream.send_window <= frames.MAX_WINDOW
        if stream.outgoing:
            assert stream.id in sender._blocked
            assert sender.window <= 0 or stream.send_window <= 0, "it waits for nothing"
    assert len(sender._blocked) <= len(connection.streams)
