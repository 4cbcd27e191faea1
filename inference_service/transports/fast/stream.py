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

    # Defaults stand in the class: a call sets only what it needs.
    unacknowledged = 0
    received = 0
    remote_open = True
    closed = False
    headers_sent = False
    answered = False
    pumped = 0
    mark = 0
    marked = 0.0
    deadline: float | None = None
    method: Any = None
    body: bytearray | None = None
    outgoing: deque[bytes | memoryview] | None = None
    slots: deque[Any] | None = None
    cancel: Any = None

    def __init__(
        self, number: int, head: RequestHead, receive_window: int, send_window: int, now: float
    ) -> None:
        self.id = number
        self.head = head
        self.receive_window = receive_window
        self.send_window = send_window
        self.started = now
        if head.timeout is not None:
            self.deadline = now + head.timeout

    def waits(self, now: float) -> float:
        """Seconds since its peer last took or sent a worthwhile amount; looked at from sweeps."""
        progress = self.received + self.pumped
        if not self.marked or progress - self.mark >= PROGRESS_OCTETS:
            self.mark, self.marked = progress, now
        return now - self.marked
