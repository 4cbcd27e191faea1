"""Reading from and writing to a socket within a time and a size, whatever the other side does."""

import contextlib
import io
import socket
import time
from typing import Any


class TooMuch(Exception):
    """The other side sends more than it may."""


class BoundedReader(io.RawIOBase):
    """The raw reader of one connection.

    Before each request, `await_request` says how long its first byte may take and how many bytes
    its head may have; `await_body` then allows more. A trickle of bytes does not move the deadline.
    Raises TimeoutError, TooMuch.
    """

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection = connection
        self._seconds = seconds
        self._deadline = 0.0
        self._allowed = 0
        self.begun = False

    def await_request(self, idle_seconds: float, head_bytes: int) -> None:
        """The next bytes begin a request."""
        self._deadline = time.monotonic() + idle_seconds
        self._allowed = head_bytes
        self.begun = False

    def await_body(self, length: int) -> None:
        """A body of that length follows; it has the time that is left to the request."""
        self._allowed = length

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """One receive. Raises TimeoutError, TooMuch."""
        if self._allowed <= 0:
            raise TooMuch
        _limit(self._connection, self._deadline)
        size = self._connection.recv_into(buffer)
        if not self.begun:
            self.begun = True
            self._deadline = time.monotonic() + self._seconds
        self._allowed -= size
        return size


def send_all(connection: socket.socket, data: bytes, seconds: float) -> None:
    """Sends `data` within `seconds` altogether. Raises TimeoutError, OSError."""
    deadline = time.monotonic() + seconds
    view = memoryview(data)
    while view:
        _limit(connection, deadline)
        view = view[connection.send(view) :]


def linger(connection: socket.socket, seconds: float) -> None:
    """Ends our side, and reads what the other still sends, for at most `seconds`.

    Otherwise the system resets the connection, and the other side may never read our last answer.
    Below TLS, if there is any.
    """
    deadline = time.monotonic() + seconds
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_WR)
        _limit(connection, deadline)
        while socket.socket.recv(connection, 65536):
            _limit(connection, deadline)


def _limit(connection: socket.socket, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)
