"""gRPC on the streams of a connection: messages in, answers out, each in its order."""

import zlib
from collections import deque
from collections.abc import Callable, Sized

from inference_service.errors import CannotBeInTime, quoted
from inference_service.methods import FindMethod, Inference, Outcome, Quick, Watch
from inference_service.status import Code, status_of
from inference_service.transports.fast.connection import Connection
from inference_service.transports.fast.dispatcher import Dispatcher
from inference_service.transports.fast.limits import Limits
from inference_service.transports.fast.stream import Stream
from protos.errors import EdgeAssetsError

_PREFIX_BYTES = 5
_WINDOW_BITS = {"gzip": 31, "deflate": 15}
_MESSAGES_IN_FLIGHT = 64
"""Of one stream: more wait unread, and the window tells the client to wait."""


class GrpcCalls:
    """Answers the calls of all connections from a table of methods.

    `post` runs a function on the loop's own thread, from any thread. `counted` is how many octets
    of half-received messages are held, over all connections.
    """

    def __init__(
        self,
        find: FindMethod,
        dispatcher: Dispatcher,
        limits: Limits,
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        self._find = find
        self._dispatcher = dispatcher
        self._limits = limits
        self._post = post
        self.counted = 0
        self.unsent = limits.unsent
        """Octets that one connection may have unread; the loop lowers it when memory is short."""

    # what a connection tells

    def opened(self, connection: Connection, stream: Stream) -> None:
        """Finds the method, refuses what it cannot be."""
        head = stream.head
        if head.http_status is not None:
            connection.sender.http_status(stream, head.http_status)
            connection.finish(stream)
            return
        method = self._find(head.path)
        sender = connection.sender
        if sender.waiting + sender.queued > self.unsent:
            text = "the answers before this one are not being read"
            self._refuse(connection, stream, Code.RESOURCE_EXHAUSTED, text)
        elif method is None:
            text = f"no such method: {quoted(head.path)}"
            self._refuse(connection, stream, Code.UNIMPLEMENTED, text)
        elif head.encoding != "identity" and head.encoding not in _WINDOW_BITS:
            text = "grpc-encoding: expected identity, gzip or deflate"
            self._refuse(connection, stream, Code.UNIMPLEMENTED, text)
        else:
            stream.method = method
            if isinstance(method, Quick | Inference) and method.streaming:
                self._open_stream(connection, stream, method)
            elif type(method) is Inference and head.encoding == "identity":
                head.plain = method  # the next call like this may be taken in one step

    def _open_stream(
        self, connection: Connection, stream: Stream, method: Quick | Inference
    ) -> None:
        stream.slots = deque()
        stream.body = bytearray()
        if isinstance(method, Inference):
            try:
                self._dispatcher.admit()
            except EdgeAssetsError as error:
                self._fail(connection, stream, error)
                return
            stream.cancel = self._dispatcher.release

    def called(
        self, connection: Connection, stream: Stream, data: bytes, start: int, end: int
    ) -> bool:
        """Takes a whole call of a plain method of inference; any other is told in parts."""
        method, sender = stream.head.plain, connection.sender
        size = end - start - _PREFIX_BYTES
        if (
            method is None
            or not 0 <= size <= self._limits.message
            or data[start]
            or int.from_bytes(data[start + 1 : start + _PREFIX_BYTES], "big") != size
            or sender.waiting + sender.queued > self.unsent
        ):
            return False
        stream.method = method
        message = data[start + _PREFIX_BYTES : end]
        self._dispatcher.ask((connection, stream, method, message, None))
        return True

    def received(
        self, connection: Connection, stream: Stream, data: memoryview, last: bool
    ) -> None:
        """Takes a piece of a message, a message, or the end."""
        if stream.answered:
            return
        if stream.slots is not None:
            self._received_of_stream(connection, stream, data)
            return
        if last and stream.body is None and self._is_whole(data):  # holds nothing in memory
            self._ask(connection, stream, bytes(data[_PREFIX_BYTES:]))
            return
        self._received_piece(connection, stream, data, last)

    def _is_whole(self, data: memoryview) -> bool:
        """Whether it is one message, not compressed and not too large."""
        size = len(data) - _PREFIX_BYTES
        return (
            0 <= size <= self._limits.message
            and not data[0]
            and int.from_bytes(data[1:_PREFIX_BYTES], "big") == size
        )

    def reset(self, connection: Connection, stream: Stream) -> None:
        """Forgets the call; whatever it waits for is not waited for any more."""
        self._dispatcher.recheck = True
        if stream.body is not None:
            self.counted -= len(stream.body)
            stream.body = None
        cancel, stream.cancel = stream.cancel, None
        if cancel is not None:
            cancel()

    # unary calls

    def _received_piece(
        self, connection: Connection, stream: Stream, data: memoryview, last: bool
    ) -> None:
        body = self._append(connection, stream, data)
        if body is None:
            return
        connection.acknowledge(stream)
        wanted = -1
        if len(body) >= _PREFIX_BYTES:
            if not self._fits(connection, stream, body):
                return
            wanted = _PREFIX_BYTES + int.from_bytes(body[1:5], "big")
        if not last and (wanted < 0 or len(body) <= wanted):
            return
        if len(body) != wanted:  # also while more may come: nobody may send without end
            text = "the call needs exactly one whole message"
            self._refuse(connection, stream, Code.UNIMPLEMENTED, text)
            return
        self.counted -= len(body)
        stream.body = None
        compressed = body[0]
        del body[:_PREFIX_BYTES]
        message = self._decompressed(connection, stream, body) if compressed else body
        if message is not None:
            self._ask(connection, stream, message)

    def _append(self, connection: Connection, stream: Stream, data: memoryview) -> bytearray | None:
        if stream.body is None:
            stream.body = bytearray()
        stream.body += data
        self.counted += len(data)
        if self.counted > self._limits.buffered:
            text = "the service holds as many half-received requests as it may: ask again later"
            self._refuse(connection, stream, Code.RESOURCE_EXHAUSTED, text)
            return None
        return stream.body

    def _fits(self, connection: Connection, stream: Stream, body: bytearray) -> bool:
        size = int.from_bytes(body[1:5], "big")
        if size <= self._limits.message:
            return True
        text = f"message: got {size} bytes, expected at most {self._limits.message}"
        self._refuse(connection, stream, Code.RESOURCE_EXHAUSTED, text)
        return False

    def _decompressed(
        self, connection: Connection, stream: Stream, data: bytearray
    ) -> bytes | None:
        bits = _WINDOW_BITS.get(stream.head.encoding)
        if bits is None:
            text = "a compressed message without grpc-encoding"
            self._refuse(connection, stream, Code.INTERNAL, text)
            return None
        limit = self._limits.message
        engine = zlib.decompressobj(bits)
        try:
            message = engine.decompress(data, limit + 1)
            whole = engine.eof
        except zlib.error:
            message, whole = b"", False
        if len(message) > limit:
            text = f"message: got more than {limit} bytes decompressed, expected at most that"
            self._refuse(connection, stream, Code.RESOURCE_EXHAUSTED, text)
            return None
        if not whole:
            self._refuse(connection, stream, Code.INTERNAL, "the message cannot be decompressed")
            return None
        return message

    def _ask(self, connection: Connection, stream: Stream, message: bytes | bytearray) -> None:
        method = stream.method
        if type(method) is Inference:
            self._dispatcher.ask((connection, stream, method, message, None))
        elif type(method) is Quick:
            try:
                self._dispatcher.deliver(connection, stream, method.answer(bytes(message)))
            except Exception as error:
                self._fail(connection, stream, error)
        elif type(method) is Watch:
            self._watch(connection, stream, method, bytes(message))

    def _watch(self, connection: Connection, stream: Stream, method: Watch, message: bytes) -> None:
        def tell(answer: bytes) -> None:
            self._post(lambda: send(answer))

        def send(answer: bytes) -> None:
            if not stream.closed and not stream.answered:
                connection.sender.message(stream, answer)
                self._dispatcher.touch(connection)

        try:
            stream.cancel = method.subscribe(message, tell)
        except Exception as error:
            self._fail(connection, stream, error)

    # calls with a stream of messages

    def _received_of_stream(self, connection: Connection, stream: Stream, data: memoryview) -> None:
        if self._append(connection, stream, data) is not None:
            self.advance(connection, stream)

    def advance(self, connection: Connection, stream: Stream) -> None:
        """Asks what came whole, sends what is answered, ends the call when both are through."""
        body, slots = stream.body, stream.slots
        if body is None or slots is None or stream.answered:
            return
        while len(body) >= _PREFIX_BYTES and self._may_go_on(connection, stream, slots):
            if not self._fits(connection, stream, body):
                return
            end = _PREFIX_BYTES + int.from_bytes(body[1:5], "big")
            if len(body) < end:
                break
            compressed, message = body[0], bytes(body[_PREFIX_BYTES:end])
            del body[:end]
            self.counted -= end
            if compressed:
                inflated = self._decompressed(connection, stream, bytearray(message))
                if inflated is None:
                    return
                message = inflated
            if not self._ask_of_stream(connection, stream, message, slots):
                return
        if self._may_go_on(connection, stream, slots):
            connection.acknowledge(stream)
        if not stream.remote_open and not slots:
            if body:
                self._refuse(connection, stream, Code.INTERNAL, "the stream ends inside a message")
            else:
                self._dispatcher.end(connection, stream, Code.OK, "")

    def resumed(self, connection: Connection, stream: Stream) -> None:
        """The peer has read answers: the questions that waited for that go on."""
        if not stream.closed:
            self.advance(connection, stream)

    def _may_go_on(self, connection: Connection, stream: Stream, slots: Sized) -> bool:
        """Not while too many questions or answers wait: the window then holds the client back."""
        if connection.sender.backlog > self.unsent:
            connection.paused[stream] = None
            return False
        return len(slots) < _MESSAGES_IN_FLIGHT

    def _ask_of_stream(
        self,
        connection: Connection,
        stream: Stream,
        message: bytes,
        slots: deque[list[Outcome | None]],
    ) -> bool:
        method = stream.method
        if isinstance(method, Inference):
            slot: list[Outcome | None] = [None]
            slots.append(slot)
            self._dispatcher.ask((connection, stream, method, message, slot))
            return True
        try:
            connection.sender.message(stream, method.answer(message))
        except Exception as error:
            self._fail(connection, stream, error)
            return False
        self._dispatcher.touch(connection)
        return True

    # how calls end early

    @staticmethod
    def is_half_received(stream: Stream) -> bool:
        """Whether a message has begun to come and is not whole."""
        if not stream.remote_open or stream.answered:
            return False
        return not stream.slots and bool(stream.body) if stream.slots is not None else True

    @staticmethod
    def is_idle(stream: Stream) -> bool:
        """Whether nothing of the call is being answered, and no more of it is on its way."""
        if stream.answered:
            return False
        if stream.slots is not None:
            return not stream.slots and not stream.body
        return type(stream.method) is Watch

    def expire(self, connection: Connection, stream: Stream) -> None:
        """The deadline of the call has passed."""
        error = CannotBeInTime("the deadline passed before the answer was there")
        self._fail(connection, stream, error)

    def shut(self, connection: Connection, stream: Stream, text: str) -> None:
        """Ends a call that waits for nothing that will come."""
        self._refuse(connection, stream, Code.UNAVAILABLE, text)

    def _fail(self, connection: Connection, stream: Stream, error: Exception) -> None:
        self._refuse(connection, stream, *status_of(error))

    def _refuse(self, connection: Connection, stream: Stream, code: Code, text: str) -> None:
        self._dispatcher.end(connection, stream, code, text)
        self.reset(connection, stream)
