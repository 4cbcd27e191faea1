"""What a connection sends: answers as frames, within the windows that the peer grants."""

import struct
from collections import deque

from inference_service.status import Code
from inference_service.transports.fast import frames
from inference_service.transports.fast.frames import ConnectionFailed, Error, StreamFailed
from inference_service.transports.fast.stream import Stream

_STREAM = struct.Struct(">I")
_PREFIX = struct.Struct(">?I")


def _literal(name: bytes, value: bytes) -> bytes:
    """A field that no table keeps (RFC 7541, section 6.2.2), so a block is the same every time."""
    return b"\x00" + _length(len(name)) + name + _length(len(value)) + value


def _length(size: int) -> bytes:
    """A length before a plain string (RFC 7541, section 5.1, prefix of 7 bits)."""
    if size < 0x7F:
        return bytes([size])
    size -= 0x7F
    octets = bytearray([0x7F])
    while size >= 0x80:
        octets.append(size & 0x7F | 0x80)
        size >>= 7
    octets.append(size)
    return bytes(octets)


# 0x88 is `:status 200` and 0x0f10 the name `content-type` of the static table.
_HEADERS = b"\x88\x0f\x10\x10application/grpc" + _literal(
    b"grpc-accept-encoding", b"identity,deflate,gzip"
)
_TRAILERS_OK = _literal(b"grpc-status", b"0")
_STATUS_ONLY = {405: b"\x08\x03405", 415: b"\x08\x03415"}

_HEADERS_HEAD = frames.FRAME_HEAD.pack(0, len(_HEADERS), frames.HEADERS, frames.END_HEADERS, 0)[:5]
_TRAILERS_HEAD = frames.FRAME_HEAD.pack(
    0, len(_TRAILERS_OK), frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, 0
)[:5]
_MAX_STATUS_TEXT = 1024
_SIZES = 64
_PLAIN = frozenset(range(0x20, 0x7F)) - {ord("%")}


class _End(bytes):
    """The trailers of a call, in the queue of what waits: no window counts them."""


def trailers(code: Code, text: str) -> bytes:
    """The block of fields that ends a call; `text` percent-encoded as gRPC over HTTP/2 says."""
    block = _literal(b"grpc-status", b"%d" % code)
    if text:
        data = text.encode(errors="replace")
        if len(data) > _MAX_STATUS_TEXT:  # cut between two characters
            data = data[:_MAX_STATUS_TEXT].decode(errors="ignore").encode()
        encoded = "".join(chr(octet) if octet in _PLAIN else f"%{octet:02X}" for octet in data)
        block += _literal(b"grpc-message", encoded.encode())
    return block


class Sender:
    """The sending half of one connection.

    Frames collect in `out`, to be written as one piece. What no window has room for waits in its
    stream, in order, and is counted in `waiting` (octets). `queued` counts octets of messages in
    `out`, and all those before them that the socket has not taken.
    """

    def __init__(self) -> None:
        self.out: list[bytes | memoryview] = []
        self.window = frames.DEFAULT_WINDOW
        self.initial_window = frames.DEFAULT_WINDOW
        self.max_frame = frames.MIN_FRAME_SIZE
        self.waiting = 0
        self.queued = 0
        self._blocked: dict[int, Stream] = {}
        self._of_size: dict[int, tuple[bytes, bytes]] = {}

    @property
    def backlog(self) -> int:
        """Octets that the peer has asked for and not taken."""
        return self.waiting + self.queued

    def answer(self, stream: Stream, message: bytes) -> None:
        """The one message of a unary call, and that it went well."""
        size = len(message) + 5
        if size > self.window or size > stream.send_window or size > self.max_frame:
            self.message(stream, message)
            self.finish(stream, Code.OK, "")
            return
        self.window -= size
        self.queued += size
        number = _STREAM.pack(stream.id)
        before, prefix = self._of_size.get(size) or self._heads_of(size)
        parts = (_HEADERS_HEAD, number, before, number, prefix, message)
        self.out.append(b"".join((*parts, _TRAILERS_HEAD, number, _TRAILERS_OK)))
        stream.answered = True

    def _heads_of(self, size: int) -> tuple[bytes, bytes]:
        """What stands before a message of `size` octets with its prefix, around the stream's id."""
        if len(self._of_size) >= _SIZES:
            self._of_size.clear()
        before = _HEADERS + size.to_bytes(3, "big") + b"\x00\x00"
        found = self._of_size[size] = (before, _PREFIX.pack(False, size - 5))
        return found

    def headers(self, stream: Stream) -> None:
        """The headers of the answer, once."""
        if not stream.headers_sent:
            stream.headers_sent = True
            self.out += (_HEADERS_HEAD, _STREAM.pack(stream.id), _HEADERS)

    def message(self, stream: Stream, message: bytes) -> None:
        """One message; what the windows have no room for waits."""
        self.headers(stream)
        size = len(message) + 5
        if (
            stream.outgoing is None
            and size <= self.window
            and size <= stream.send_window
            and size <= self.max_frame
        ):
            self.window -= size
            stream.send_window -= size
            self.queued += size
            self.out.append(
                b"".join(
                    (
                        size.to_bytes(3, "big"),
                        b"\x00\x00",
                        _STREAM.pack(stream.id),
                        b"\x00",
                        (size - 5).to_bytes(4, "big"),
                        message,
                    )
                )
            )
            return
        if stream.outgoing is None:
            stream.outgoing = deque()
        stream.outgoing.append(memoryview(_PREFIX.pack(False, len(message)) + message))
        self.waiting += size
        self._blocked[stream.id] = stream
        self._pump(stream)

    def finish(self, stream: Stream, code: Code, text: str) -> None:
        """The end of the call, after whatever waits."""
        stream.answered = True
        block = trailers(code, text)
        if not stream.headers_sent:  # an answer of trailers only
            block = _HEADERS + block
        block = frames.frame(
            frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, stream.id, block
        )
        if stream.outgoing:
            stream.outgoing.append(_End(block))
        else:
            self.out.append(block)

    def http_status(self, stream: Stream, status: int) -> None:
        """An answer that is no gRPC."""
        stream.answered = True
        self.out.append(
            frames.frame(
                frames.HEADERS,
                frames.END_HEADERS | frames.END_STREAM,
                stream.id,
                _STATUS_ONLY[status],
            )
        )

    def is_done(self, stream: Stream) -> bool:
        """Whether everything of an answered call is on its way."""
        return stream.answered and not stream.outgoing

    def forget(self, stream: Stream) -> None:
        """Drops what waits for a stream that is over."""
        if stream.outgoing:
            self.waiting -= sum(len(part) for part in stream.outgoing if type(part) is not _End)
            stream.outgoing = None
        self._blocked.pop(stream.id, None)

    def grant(self, octets: int) -> list[Stream]:
        """The peer takes more on the connection; the streams that are done by that."""
        if not octets:
            raise ConnectionFailed(Error.PROTOCOL_ERROR, "a window update of 0")
        self.window += octets
        if self.window > frames.MAX_WINDOW:
            raise ConnectionFailed(Error.FLOW_CONTROL_ERROR, "the window is too large")
        return self.pump_all()

    def grant_stream(self, stream: Stream, octets: int) -> bool:
        """The peer takes more on one stream; whether it is done by that."""
        if not octets:
            raise StreamFailed(Error.PROTOCOL_ERROR, "a window update of 0")
        stream.send_window += octets
        if stream.send_window > frames.MAX_WINDOW:
            raise StreamFailed(Error.FLOW_CONTROL_ERROR, "the window is too large")
        return self._pump(stream)

    def set_initial_window(self, size: int, streams: dict[int, Stream]) -> None:
        """The peer's SETTINGS move the windows of all streams, possibly below zero."""
        difference, self.initial_window = size - self.initial_window, size
        for stream in streams.values():
            stream.send_window += difference
            if stream.send_window > frames.MAX_WINDOW:
                raise ConnectionFailed(Error.FLOW_CONTROL_ERROR, "the window is too large")

    def pump_all(self) -> list[Stream]:
        """Sends what fits of what waits; the streams that are done by that."""
        done = []
        for stream in list(self._blocked.values()):
            if self.window <= 0:
                break
            if self._pump(stream):
                done.append(stream)
            elif self.window <= 0:
                # the others first next time: one large answer must not starve them
                self._blocked[stream.id] = self._blocked.pop(stream.id)
                break
        return done

    def _pump(self, stream: Stream) -> bool:
        """Sends what fits of what waits; whether all of an answered call is on its way."""
        queue = stream.outgoing
        if not queue:
            return False
        while queue:
            part = queue[0]
            if type(part) is _End:
                self.out.append(bytes(part))
                queue.popleft()
                continue
            room = min(self.window, stream.send_window, self.max_frame)
            if room <= 0 and len(part):
                return False
            piece = part[:room]
            size = len(piece)
            self.window -= size
            stream.send_window -= size
            self.waiting -= size
            self.queued += size
            stream.pumped += size
            if size:
                self.out += (frames.FRAME_HEAD.pack(size >> 8, size & 0xFF, 0, 0, stream.id), piece)
            if size == len(part):
                queue.popleft()
            else:
                queue[0] = part[size:]
        stream.outgoing = None
        del self._blocked[stream.id]
        return stream.answered
