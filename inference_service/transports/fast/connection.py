"""One HTTP/2 connection, server side (RFC 9113): bytes in, frames out. It knows no socket.

Each rule is answered as the RFC says: ConnectionFailed becomes GOAWAY and the end, StreamFailed
RST_STREAM. What a peer may send that brings nothing is bounded by a `Budget`.
"""

import contextlib
import struct
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from inference_service.transports.fast import frames
from inference_service.transports.fast.callbacks import Calls
from inference_service.transports.fast.frames import (
    ConnectionFailed,
    Error,
    Setting,
    StreamFailed,
)
from inference_service.transports.fast.headers import HeaderDecoder
from inference_service.transports.fast.limits import Budget, Limits
from inference_service.transports.fast.request import check_trailers, read_head
from inference_service.transports.fast.sending import Sender
from inference_service.transports.fast.stream import Stream

_WORD = struct.Struct(">I")
_SETTING = struct.Struct(">HI")
_REMEMBERED = 1024
_SKIPPED = 64
_RESET_COST = 4.0
_SETTING_BYTES = 6
_COSTLY_BYTES = 256  # of a header block that brings nothing: what costs as much as a frame
_USEFUL_BYTES = 256  # what a window update must free to count as a peer that reads


class Connection:
    """The state of one connection. `now` is a monotonic clock in seconds.

    `receive` takes what came; what is to be sent collects in `sender.out`. Once `closing` is set,
    send that and close.
    """

    def __init__(self, calls: Calls, limits: Limits, now: Callable[[], float]) -> None:
        self.sender = Sender()
        self.streams: dict[int, Stream] = {}
        self.last_stream = 0
        self.closing = False
        self.failed = False
        self.draining = False
        self.began = now()
        self.heard = self.began
        self.ping_sent: float | None = None
        self.preface_done = False
        self.paused: dict[Stream, None] = {}
        """Streams whose messages wait until the peer has read the answers before them."""
        self.peer: Any = None
        """Whoever moves the octets; the connection itself does not look at it."""
        self._calls = calls
        self._limits = limits
        self._now = now
        self._budget = Budget(self.began)
        self._decoder = HeaderDecoder(read_head, limits.header_table, limits.header_list)
        self._settled = False
        self._rest = bytearray()  # a frame that has begun to come; never more than 16 KiB
        self._needed = 0  # octets before there is anything to do: a drip of octets stays cheap
        self._block: bytearray | None = None
        self._block_of = (0, 0)
        # of a DATA frame that came in parts: stream, octets left, flags, padding at its end
        self._part = (0, 0, 0, 0)
        self._window = limits.connection_window
        self._unacknowledged = 0
        self._gone: OrderedDict[int, None] = OrderedDict()
        self._skipped: deque[tuple[int, int]] = deque(maxlen=_SKIPPED)
        self.sender.out.append(
            frames.settings(
                {
                    Setting.MAX_CONCURRENT_STREAMS: limits.streams,
                    Setting.INITIAL_WINDOW_SIZE: limits.stream_window,
                    Setting.MAX_FRAME_SIZE: limits.frame,
                    Setting.MAX_HEADER_LIST_SIZE: limits.header_list,
                }
            )
            + frames.window_update(0, limits.connection_window - frames.DEFAULT_WINDOW)
        )

    # what comes in

    def receive(self, data: bytes) -> None:
        """Takes octets as they came from the peer, cut anywhere."""
        if self.closing:
            return
        self.heard = self._now()
        try:
            self._receive(data)
        except ConnectionFailed as failure:
            self.fail(failure.code, failure.reason)

    def _receive(self, data: bytes) -> None:
        if self._rest:
            self._rest += data
            if len(self._rest) < self._needed:
                return
            data = bytes(self._rest)
            self._rest.clear()
        place, end = 0, len(data)
        if not self.preface_done:
            place = self._preface(data)
            if not place:
                return
        if self._part[1]:
            place = self._more_data(memoryview(data), place, end)
        unpack = frames.FRAME_HEAD.unpack_from
        self._needed = frames.HEAD_BYTES
        while end - place >= frames.HEAD_BYTES:
            high, low, kind, flags, number = unpack(data, place)
            length = high << 8 | low
            number &= 0x7FFFFFFF
            start = place + frames.HEAD_BYTES
            place = start + length
            if length > frames.MIN_FRAME_SIZE:
                self._check_size(kind, length)
            if not self._settled:
                self._first_frame(kind, flags)
            if self._block is not None and (
                kind != frames.CONTINUATION or number != self._block_of[0]
            ):
                raise ConnectionFailed(Error.PROTOCOL_ERROR, "a header block is not finished")
            if place > end:
                if kind == frames.DATA and start < end:
                    # a part of it is as good as a frame: nothing is copied twice
                    self._first_data(number, memoryview(data)[start:end], flags, length)
                    return
                place = start - frames.HEAD_BYTES
                self._needed = frames.HEAD_BYTES + (length if kind != frames.DATA else 1)
                break
            if kind == frames.HEADERS:
                block = data[start:place]
                if flags == frames.END_HEADERS and (
                    after := self._call(number, block, data, place)
                ):
                    place = after
                else:
                    self._headers(number, flags, block)
            elif kind == frames.DATA:
                piece = memoryview(data)[start:place]
                if flags & frames.PADDED:
                    piece = frames.unpadded(piece)
                self._data(number, piece, flags, length)
            else:
                self._other(kind, number, flags, data[start:place])
        if place < end:
            self._rest += memoryview(data)[place:]

    @property
    def is_inside(self) -> bool:
        """Whether a frame, or a header block, has begun to come and is not whole."""
        return bool(self._rest) or self._block is not None or self._part[1] > 0

    def _call(self, number: int, block: bytes, data: bytes, place: int) -> int:
        """Takes a call that came whole: a header block known from before, and all of its data.

        That is what most calls are. Gives where it ends in `data`; 0, and nothing done, for any
        other, which goes the long way frame by frame.
        """
        start: int = place + frames.HEAD_BYTES
        head = self._decoder.known(block)
        if (
            head is None
            or head.plain is None
            or len(data) < start
            or number <= self.last_stream
            or not number & 1
            or self.draining
        ):
            return 0
        high, low, kind, flags, of = frames.FRAME_HEAD.unpack_from(data, place)
        length: int = high << 8 | low
        end = start + length
        limits = self._limits
        if (
            of != number
            or kind  # DATA is 0
            or flags != frames.END_STREAM
            or end > len(data)
            or length > frames.MIN_FRAME_SIZE
            or len(self.streams) >= limits.streams
            or (head.content_length is not None and head.content_length != length)
        ):
            return 0
        stream = Stream(number, head, limits.stream_window, self.sender.initial_window, self.heard)
        if not self._calls.called(self, stream, data, start, end):
            return 0
        if number > self.last_stream + 2:
            self._skipped.append((self.last_stream, number))
        self.last_stream = number
        self.streams[number] = stream
        stream.remote_open = False
        self._window -= length
        self._unacknowledged += length
        if self._window < 0 or self._unacknowledged * 2 > limits.connection_window:
            self._take(0)
        return end

    def _check_size(self, kind: int, length: int) -> None:
        if length > self._limits.frame:
            raise ConnectionFailed(Error.FRAME_SIZE_ERROR, f"a frame of {length} octets")
        if kind != frames.DATA:  # only data is read as it comes, the rest would be held in memory
            raise ConnectionFailed(Error.ENHANCE_YOUR_CALM, f"a frame of {length} octets")

    def _preface(self, data: bytes) -> int:
        """How far the preface reaches; 0 while it is not whole."""
        if not frames.PREFACE.startswith(data[: len(frames.PREFACE)]):
            raise ConnectionFailed(Error.PROTOCOL_ERROR, "not the preface of HTTP/2")
        if len(data) < len(frames.PREFACE):
            self._needed = 0
            self._rest += data
            return 0
        self.preface_done = True
        return len(frames.PREFACE)

    def _first_frame(self, kind: int, flags: int) -> None:
        if kind != frames.SETTINGS or flags & frames.ACK:
            raise ConnectionFailed(Error.PROTOCOL_ERROR, "the first frame is not SETTINGS")
        self._settled = True

    def _more_data(self, view: memoryview, place: int, end: int) -> int:
        number, left, flags, padding = self._part
        size = min(left, end - place)
        self._part = (number, left - size, flags, padding)
        stop = place + size - (min(padding, left) - min(padding, left - size))
        self._data(number, view[place:stop], flags if size == left else 0, size)
        return place + size

    def _first_data(self, number: int, part: memoryview, flags: int, length: int) -> None:
        size, padding = len(part), 0
        if flags & frames.PADDED:
            padding = part[0]
            if padding >= length:
                raise ConnectionFailed(Error.PROTOCOL_ERROR, "padding longer than the frame")
            part = part[1:]
        left = length - size
        self._part = (number, left, flags, padding)
        self._data(number, part[: len(part) - padding + min(padding, left)], 0, size)

    def _data(self, number: int, data: memoryview, flags: int, counted: int) -> None:
        """`counted` octets for flow control, padding included."""
        self._take(counted)
        stream = self.streams.get(number)
        if stream is None:
            self._check_gone(number, "DATA", flags, 0.0 if self._part[1] else 1.0)
            return
        try:
            self._stream_data(stream, data, flags, counted)
        except StreamFailed as failure:
            self._stop(stream, failure)

    def _take(self, octets: int) -> None:
        """Counts octets of data against the connection's window, and gives the peer new ones."""
        self._window -= octets
        if self._window < 0:
            raise ConnectionFailed(Error.FLOW_CONTROL_ERROR, "more data than the window has")
        self._unacknowledged += octets
        if self._unacknowledged * 2 > self._limits.connection_window:
            self.sender.out.append(frames.window_update(0, self._unacknowledged))
            self._window += self._unacknowledged
            self._unacknowledged = 0

    def _stream_data(self, stream: Stream, data: memoryview, flags: int, counted: int) -> None:
        if not stream.remote_open:
            raise StreamFailed(Error.STREAM_CLOSED, "data after the end of the stream")
        stream.receive_window -= counted
        if stream.receive_window < 0:
            raise StreamFailed(Error.FLOW_CONTROL_ERROR, "more data than the window has")
        stream.received += len(data)
        if flags & frames.END_STREAM:
            stream.remote_open = False
            self._check_length(stream)
            self._calls.received(self, stream, data, True)
            return
        if not data:
            self._spend()
        stream.unacknowledged += counted
        self._calls.received(self, stream, data, False)

    def acknowledge(self, stream: Stream) -> None:
        """Lets the peer send on: called once what came on `stream` has found a place."""
        octets = stream.unacknowledged
        if octets * 2 > self._limits.stream_window and stream.remote_open and not stream.closed:
            self.sender.out.append(frames.window_update(stream.id, octets))
            stream.receive_window += octets
            stream.unacknowledged = 0

    def _check_length(self, stream: Stream) -> None:
        expected = stream.head.content_length
        if expected is not None and expected != stream.received:
            raise StreamFailed(Error.PROTOCOL_ERROR, "content-length is not what came")

    def _headers(self, number: int, flags: int, payload: bytes) -> None:
        if not number & 1:
            raise ConnectionFailed(Error.PROTOCOL_ERROR, f"a request on stream {number}")
        if flags & frames.PADDED:
            payload = bytes(frames.unpadded(memoryview(payload)))
        if flags & frames.PRIORITISED:
            if len(payload) < 5:
                raise ConnectionFailed(Error.FRAME_SIZE_ERROR, "HEADERS without its priority")
            payload = payload[5:]
        if flags & frames.END_HEADERS:
            self._whole_block(number, flags, payload)
        else:
            self._block, self._block_of = bytearray(payload), (number, flags)
            self._check_block()

    def _continuation(self, number: int, flags: int, payload: bytes) -> None:
        if self._block is None:
            raise ConnectionFailed(Error.PROTOCOL_ERROR, "CONTINUATION without HEADERS")
        if not payload:
            self._spend()
        self._block += payload
        self._check_block()
        if flags & frames.END_HEADERS:
            block, self._block = bytes(self._block), None
            self._whole_block(number, self._block_of[1], block)

    def _check_block(self) -> None:
        if self._block is not None and len(self._block) > self._limits.header_list:
            raise ConnectionFailed(Error.ENHANCE_YOUR_CALM, "a header block is too large")

    def _whole_block(self, number: int, flags: int, block: bytes) -> None:
        stream = self.streams.get(number)
        if stream is not None:
            self._trailers(stream, flags, block)
            return
        if number <= self.last_stream:
            self._late_block(number, flags, block)
            return
        if number > self.last_stream + 2:
            self._skipped.append((self.last_stream, number))
        self.last_stream = number
        try:
            head = self._decoder.decode(block)
        except StreamFailed as failure:
            self._spend(1.0 + len(block) / _COSTLY_BYTES)
            self._refuse(number, failure.code)
            return
        if self.draining or len(self.streams) >= self._limits.streams:
            self._spend()
            self._refuse(number, Error.REFUSED_STREAM)
            return
        stream = Stream(
            number, head, self._limits.stream_window, self.sender.initial_window, self.heard
        )
        self.streams[number] = stream
        try:
            if flags & frames.END_STREAM:
                stream.remote_open = False
                self._check_length(stream)
            self._calls.opened(self, stream)
            if flags & frames.END_STREAM and not stream.closed:
                self._calls.received(self, stream, memoryview(b""), True)
        except StreamFailed as failure:
            self._stop(stream, failure)

    def _late_block(self, number: int, flags: int, block: bytes) -> None:
        """Fields of a stream that is over: they only keep the table in step."""
        self._spend(len(block) / _COSTLY_BYTES)
        with contextlib.suppress(StreamFailed):
            self._decoder.fields(block)
        if any(low < number < high for low, high in self._skipped):
            raise ConnectionFailed(Error.PROTOCOL_ERROR, f"stream {number} after a higher one")
        self._check_gone(number, "HEADERS", flags)

    def _trailers(self, stream: Stream, flags: int, block: bytes) -> None:
        try:
            fields = self._decoder.fields(block)
            if not stream.remote_open:
                raise StreamFailed(Error.STREAM_CLOSED, "headers after the end of the stream")
            if not flags & frames.END_STREAM:
                raise StreamFailed(Error.PROTOCOL_ERROR, "trailers that do not end the stream")
            check_trailers(fields)
            stream.remote_open = False
            self._check_length(stream)
            self._calls.received(self, stream, memoryview(b""), True)
        except StreamFailed as failure:
            self._spend(len(block) / _COSTLY_BYTES)
            self._stop(stream, failure)

    def _other(self, kind: int, number: int, flags: int, payload: bytes) -> None:
        if kind == frames.WINDOW_UPDATE:
            self._window_update(number, payload)
        elif kind == frames.RST_STREAM:
            self._rst_stream(number, payload)
        elif kind == frames.PING:
            self._ping(number, flags, payload)
        elif kind == frames.SETTINGS:
            self._settings(number, flags, payload)
        elif kind == frames.CONTINUATION:
            self._continuation(number, flags, payload)
        elif kind == frames.GOAWAY:
            if number or len(payload) < 8:
                code = Error.PROTOCOL_ERROR if number else Error.FRAME_SIZE_ERROR
                raise ConnectionFailed(code, "GOAWAY")
            self._spend()
        elif kind == frames.PUSH_PROMISE:
            raise ConnectionFailed(Error.PROTOCOL_ERROR, "PUSH_PROMISE of a client")
        elif kind == frames.PRIORITY:
            self._priority(number, payload)
        else:  # unknown frames are to be ignored (section 4.1)
            self._spend()

    def _window_update(self, number: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise ConnectionFailed(Error.FRAME_SIZE_ERROR, "WINDOW_UPDATE")
        octets = _WORD.unpack(payload)[0] & frames.MAX_WINDOW
        waiting = self.sender.waiting
        self._granted(number, octets)
        freed = waiting - self.sender.waiting
        if freed >= _USEFUL_BYTES:
            # as much as the updates cost that freed nothing: those of streams, while the window of
            # the connection was shut, or of the connection, while those of streams were
            self._budget.earn(freed / _USEFUL_BYTES)
        else:
            self._spend()

    def _granted(self, number: int, octets: int) -> None:
        if number == 0:
            self._finish_all(self.sender.grant(octets))
            return
        stream = self.streams.get(number)
        if stream is None:
            self._check_not_idle(number, "WINDOW_UPDATE")
            return
        try:
            if self.sender.grant_stream(stream, octets):
                self.finish(stream)
            self.resume()
        except StreamFailed as failure:
            self._stop(stream, failure)

    def _rst_stream(self, number: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise ConnectionFailed(Error.FRAME_SIZE_ERROR, "RST_STREAM")
        self._check_not_idle(number, "RST_STREAM")
        self._spend(_RESET_COST)
        stream = self.streams.pop(number, None)
        if stream is not None:
            self._end(stream)
            self.resume()

    def _ping(self, number: int, flags: int, payload: bytes) -> None:
        if number:
            raise ConnectionFailed(Error.PROTOCOL_ERROR, "PING on a stream")
        if len(payload) != 8:
            raise ConnectionFailed(Error.FRAME_SIZE_ERROR, "PING")
        self._spend()
        if flags & frames.ACK:
            self.ping_sent = None
        else:
            self.sender.out.append(frames.frame(frames.PING, frames.ACK, 0, payload))

    def _settings(self, number: int, flags: int, payload: bytes) -> None:
        if number:
            raise ConnectionFailed(Error.PROTOCOL_ERROR, "SETTINGS on a stream")
        if len(payload) % _SETTING_BYTES or (flags & frames.ACK and payload):
            raise ConnectionFailed(Error.FRAME_SIZE_ERROR, "SETTINGS")
        self._spend(1.0 + len(payload) / _SETTING_BYTES)
        if flags & frames.ACK:
            return
        for key, value in _SETTING.iter_unpack(payload):
            self._setting(key, value)
        # what larger windows free comes after this: until here the peer counts by the old ones
        self.sender.out.append(frames.SETTINGS_ACK)
        self._finish_all(self.sender.pump_all())

    def _setting(self, key: int, value: int) -> None:
        if key == Setting.INITIAL_WINDOW_SIZE:
            if value > frames.MAX_WINDOW:
                raise ConnectionFailed(Error.FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE")
            self.sender.set_initial_window(value, self.streams)
        elif key == Setting.MAX_FRAME_SIZE:
            if not frames.MIN_FRAME_SIZE <= value <= frames.MAX_FRAME_SIZE:
                raise ConnectionFailed(Error.PROTOCOL_ERROR, "MAX_FRAME_SIZE")
            self.sender.max_frame = min(value, self._limits.frame)
        elif key == Setting.ENABLE_PUSH and value > 1:
            raise ConnectionFailed(Error.PROTOCOL_ERROR, "ENABLE_PUSH")

    def _priority(self, number: int, payload: bytes) -> None:
        if not number:
            raise ConnectionFailed(Error.PROTOCOL_ERROR, "PRIORITY on stream 0")
        self._spend()
        if len(payload) != 5:
            stream = self.streams.get(number)
            if stream is None:
                raise ConnectionFailed(Error.FRAME_SIZE_ERROR, "PRIORITY")
            self._stop(stream, StreamFailed(Error.FRAME_SIZE_ERROR, "PRIORITY"))

    # how streams and the connection end

    def finish(self, stream: Stream) -> None:
        """The answer is on its way: forgets the stream, and stops a client that still sends."""
        if stream.closed:
            return
        stream.closed = True
        self.streams.pop(stream.id, None)
        self._budget.left += Budget.A_CALL
        if stream.remote_open:
            self.sender.out.append(frames.rst_stream(stream.id, Error.NO_ERROR))
            self._remember(stream.id)

    def reset(self, stream: Stream, code: Error) -> None:
        """Ends a stream at once, whatever its call is at."""
        if self.streams.pop(stream.id, None) is not None:
            self._end(stream)
            if stream.remote_open:
                self._remember(stream.id)
            self.sender.out.append(frames.rst_stream(stream.id, code))

    def _stop(self, stream: Stream, failure: StreamFailed) -> None:
        """Ends a stream for a rule that its peer broke, which costs the peer."""
        self._spend()
        self.reset(stream, failure.code)

    def fail(self, code: Error, reason: str) -> None:
        """Ends the connection: GOAWAY, and every call is over."""
        if not self.closing:
            self.failed = True
            self.sender.out.append(frames.goaway(self.last_stream, code, reason))
            self.close()

    def close(self) -> None:
        """Ends every call without another word: the peer is gone, or is told to be."""
        self.closing = True
        streams, self.streams = self.streams, {}
        for stream in streams.values():
            self._end(stream)

    def goaway(self) -> None:
        """Takes no new stream; what is open may finish."""
        if not self.draining:
            self.draining = True
            self.sender.out.append(frames.goaway(self.last_stream, Error.NO_ERROR, "draining"))

    def ping(self) -> None:
        """Asks a silent peer whether it is there."""
        self.ping_sent = self._now()
        self.sender.out.append(frames.frame(frames.PING, 0, 0, b"\0" * 8))

    def _end(self, stream: Stream) -> None:
        stream.closed = True
        self.paused.pop(stream, None)
        self.sender.forget(stream)
        self._calls.reset(self, stream)

    def _finish_all(self, streams: list[Stream]) -> None:
        for stream in streams:
            self.finish(stream)
        self.resume()

    def resume(self) -> None:
        """What waits for the peer to read may go on, if it has read enough."""
        if self.paused and self.sender.backlog <= self._calls.unsent:
            paused, self.paused = self.paused, {}
            for stream in paused:
                self._calls.resumed(self, stream)

    def _refuse(self, number: int, code: Error) -> None:
        self._remember(number)
        self.sender.out.append(frames.rst_stream(number, code))

    def _remember(self, number: int) -> None:
        """Streams that we ended: what is still under way on them is not the peer's fault."""
        self._gone[number] = None
        if len(self._gone) > _REMEMBERED:
            self._gone.popitem(last=False)

    def _check_gone(self, number: int, what: str, flags: int, cost: float = 1.0) -> None:
        self._check_not_idle(number, what)
        self._spend(cost)
        if number not in self._gone:
            raise ConnectionFailed(Error.STREAM_CLOSED, f"{what} on stream {number}, which ended")
        if flags & frames.END_STREAM:  # after that nothing more can be under way
            del self._gone[number]

    def _check_not_idle(self, number: int, what: str) -> None:
        if number == 0 or not number & 1 or number > self.last_stream:
            raise ConnectionFailed(Error.PROTOCOL_ERROR, f"{what} on stream {number}")

    def _spend(self, cost: float = 1.0) -> None:
        if not self._budget.spend(cost, self.heard):
            raise ConnectionFailed(Error.ENHANCE_YOUR_CALM, "too many frames that bring nothing")
