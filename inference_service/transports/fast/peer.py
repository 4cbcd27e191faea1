"""One peer: a socket, perhaps with TLS, and what it has not taken yet."""

import select
import socket

from inference_service.transports.fast.connection import Connection

_WRITE_BYTES = 256 << 10


class Peer:
    """Moves octets between a socket and a connection. Nothing here waits.

    `wanted` is what epoll watches for. A peer that does not read what it asked for is not read
    from either, once more than the limit waits for it.
    """

    def __init__(self, sock: socket.socket, connection: Connection) -> None:
        self.connection = connection
        self.number = sock.fileno()
        self.wanted = select.EPOLLIN
        self._socket = sock
        self.unsent = bytearray()
        """What waits for the peer to read."""
        self._blocked_since = 0.0

    def receive(self, buffer: memoryview) -> bool:
        """Reads once; False if the peer is gone."""
        try:
            size = self._socket.recv_into(buffer)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        if not size:
            return False
        return self._received(bytes(buffer[:size]))

    def _received(self, data: bytes) -> bool:
        self.connection.receive(data)
        return True

    def send(self) -> bool:
        """Writes what was collected, as far as the peer takes it; False if the peer is gone."""
        sender = self.connection.sender
        out = sender.out
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        return self._flush(data)

    @property
    def is_flushed(self) -> bool:
        """Whether nothing waits to be sent."""
        return not self.unsent and not self.connection.sender.out

    def wants(self, unsent_limit: int) -> int:
        """What epoll is to watch for now."""
        if not self.unsent:
            return select.EPOLLIN
        if self.connection.sender.backlog > unsent_limit:
            return select.EPOLLOUT
        return select.EPOLLIN | select.EPOLLOUT

    def stalled(self, now: float, seconds: float) -> bool:
        """Whether the peer has taken nothing for longer than `seconds`, though something waits."""
        if not self.unsent:
            self._blocked_since = 0.0
            return False
        if not self._blocked_since:
            self._blocked_since = now
        return now - self._blocked_since > seconds

    def close(self) -> None:
        """Closes the socket."""
        self._socket.close()

    def _flush(self, data: bytes | memoryview) -> bool:
        if self.unsent:
            self.unsent += data
            return self._flush_unsent()
        self.connection.sender.queued = 0
        if not data:
            return True
        try:
            size = self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            size = 0
        except OSError:
            return False
        if size < len(data):
            self.unsent += memoryview(data)[size:]
            self.connection.sender.queued = len(self.unsent)
        return True

    def _flush_unsent(self) -> bool:
        with memoryview(self.unsent) as view:
            try:
                size = self._socket.send(view[:_WRITE_BYTES])
            except (BlockingIOError, InterruptedError):
                return True
            except OSError:
                return False
        self._blocked_since = 0.0
        del self.unsent[:size]
        self.connection.sender.queued = len(self.unsent)
        return True
