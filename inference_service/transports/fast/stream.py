"""One stream of a connection: the state of HTTP/2, and of the gRPC call that it carries."""

from collections import deque
from typing import Any

from inference_service.transports.fast.request import RequestHead


class Stream:
    """A plain record, since one is made for every call: connection, sender and calls share it.

    HTTP/2: `receive_window` and `send_window` in octets, `remote_open` until the peer ended its
    half, `closed` once the stream is over. gRPC: `body` is what came of messages not yet whole,
    `slots` hold the answers of a stream's messages in the order of asking.
    """

    __slots__ = (
        "answered",
        "body",
        "cancel",
        "closed",
        "deadline",
        "head",
        "headers_sent",
        "id",
        "method",
        "outgoing",
        "receive_window",
        "received",
        "remote_open",
        "send_window",
        "slots",
        "started",
        "touched",
        "unacknowledged",
    )

    def __init__(
        self, number: int, head: RequestHead, receive_window: int, send_window: int, now: float
    ) -> None:
        self.id = number
        self.head = head
        self.receive_window = receive_window
        self.send_window = send_window
        self.unacknowledged = 0
        self.received = 0
        self.remote_open = True
        self.closed = False
        self.headers_sent = False
        self.answered = False
        self.started = now
        self.touched = now
        self.deadline = None if head.timeout is None else now + head.timeout
        self.method: Any = None
        self.body: bytearray | None = None
        self.outgoing: deque[bytes | memoryview] | None = None
        self.slots: deque[Any] | None = None
        self.cancel: Any = None
