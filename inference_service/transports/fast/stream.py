"""One stream of a connection: the state of HTTP/2, and of the gRPC call that it carries."""

from collections import deque
from typing import Any

from inference_service.transports.fast.request import RequestHead

PROGRESS_OCTETS = 4096
"""Less than this within the time to stall counts as nothing: a drip of octets holds no memory."""


class Stream:
    """A plain record, since one is made for every call: connection, sender and calls share it.

    HTTP/2: `receive_window` and `send_window` in octets, `remote_open` until the peer ended its
    half, `closed` once the stream is over. gRPC: `body` is what came of messages not yet whole,
    `slots` hold the answers of a stream's messages in the order of asking. `pumped` counts octets
    that waited for a window and were sent; `mark` and `marked` are when there was progress last.
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
        "mark",
        "marked",
        "method",
        "outgoing",
        "pumped",
        "receive_window",
        "received",
        "remote_open",
        "send_window",
        "slots",
        "started",
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
        self.pumped = 0
        self.mark = 0
        self.marked = 0.0
        self.deadline = None if head.timeout is None else now + head.timeout
        self.method: Any = None
        self.body: bytearray | None = None
        self.outgoing: deque[bytes | memoryview] | None = None
        self.slots: deque[Any] | None = None
        self.cancel: Any = None

    def waits(self, now: float) -> float:
        """Seconds since its peer last took or sent a worthwhile amount; looked at from sweeps."""
        progress = self.received + self.pumped
        if not self.marked or progress - self.mark >= PROGRESS_OCTETS:
            self.mark, self.marked = progress, now
        return now - self.marked
