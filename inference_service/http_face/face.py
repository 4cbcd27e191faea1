"""The HTTP face: listens, takes a bounded number of connections, and drains."""

import contextlib
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from inference_service.http_face.calls import Calls, Run
from inference_service.http_face.config import HttpConfig
from inference_service.http_face.connection import Connection
from inference_service.http_face.reader import linger
from inference_service.http_face.routes import Routes
from inference_service.methods import Batch, FindMethod, Outcome
from inference_service.observer import Observer
from protos.errors import ConfigurationError

log = logging.getLogger(__name__)

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b'Retry-After: 1\r\nContent-Length: 34\r\n\r\n{"error": "too many connections"}\n'
)
_BACKLOG = 64
_PAUSE_SECONDS = 0.1  # after a failed accept: no descriptors left, most likely
_LAST_BYTES_SECONDS = 0.2
_LINGER_SECONDS = 1.0


def run_here(batch: Batch) -> Sequence[Outcome]:
    """Runs a batch in the thread of the connection."""
    return batch.run()


class HttpFace:
    """Serves the methods that `find` finds over HTTP/1.1, one thread a connection.

    `render_metrics` gives what /metrics answers (None: there is none), `run` runs a batch, and
    `observer` is told of each call. With `tls`, each connection is
    encrypted with the context that it gives at that moment (ALPN http/1.1).
    """

    def __init__(
        self,
        config: HttpConfig,
        find: FindMethod,
        render_metrics: Callable[[], bytes] | None = None,
        *,
        run: Run = run_here,
        observer: Observer | None = None,
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self.config = config
        self.routes = Routes(Calls(find, run, observer), render_metrics)
        self.stopping = False
        self._tls = tls
        self._listener: socket.socket | None = None
        self._places = threading.BoundedSemaphore(config.max_connections)
        self._large = threading.BoundedSemaphore(config.large_bodies)
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        self._answering: set[socket.socket] = set()
        self._thread: threading.Thread | None = None

    def start(self) -> int:
        """Binds, serves, returns the port. Raises ConfigurationError if the address is taken."""
        host, _, port = self.config.address.rpartition(":")
        host = host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._listener = socket.create_server(
                (host, int(port)), family=family, backlog=_BACKLOG
            )
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {self.config.address}",
                why="the address is in use or not of this machine",
                remedy="set INFERENCE_HTTP_ADDRESS to a free one",
            ) from error
        self._thread = threading.Thread(
            target=self._accept, args=(self._listener,), name="http", daemon=True
        )
        self._thread.start()
        return int(self._listener.getsockname()[1])

    def connections(self) -> int:
        """How many are open."""
        return len(self._open)

    def stop(self, seconds: float) -> bool:
        """Takes no new request, lets those being answered end, for at most `seconds`; whether."""
        self.stopping = True
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            self._listener.close()
        if self._thread is not None:
            self._thread.join(1.0)
        with self._changed:
            for connection in self._open - self._answering:
                _cut(connection)
            finished = self._changed.wait_for(lambda: not self._answering, seconds)
            for connection in self._open:
                if connection not in self._answering or not finished:
                    _cut(connection)
            self._changed.wait_for(lambda: not self._open, _LAST_BYTES_SECONDS)
        return finished

    @contextlib.contextmanager
    def answering(self, connection: socket.socket) -> Iterator[None]:
        """A drain waits for what happens within."""
        with self._changed:
            self._answering.add(connection)
        try:
            yield
        finally:
            with self._changed:
                self._answering.discard(connection)
                self._changed.notify_all()

    @contextlib.contextmanager
    def large_body(self) -> Iterator[bool]:
        """A place for a large body; false if there is none in time."""
        place = self._large.acquire(timeout=self.config.read_seconds)
        try:
            yield place
        finally:
            if place:
                self._large.release()

    def _accept(self, listener: socket.socket) -> None:
        while not self.stopping:
            try:
                connection, peer = listener.accept()
            except OSError:
                if not self.stopping:
                    time.sleep(_PAUSE_SECONDS)
                continue
            if not self._places.acquire(blocking=False):
                self._turn_away(connection)
                continue
            try:
                threading.Thread(
                    target=self._serve, args=(connection, peer), name="http", daemon=True
                ).start()
            except RuntimeError:  # the system has no thread left
                self._places.release()
                self._turn_away(connection)

    def _turn_away(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(0.0)  # the answer fits into the buffer of a new socket
            if self._tls is None:
                connection.send(_BUSY)
            connection.shutdown(socket.SHUT_WR)

    def _serve(self, plain: socket.socket, peer: object) -> None:
        connection = plain
        try:
            if self._tls is not None:
                connection = self._tls().wrap_socket(
                    plain, server_side=True, do_handshake_on_connect=False
                )
            with self._changed:
                self._open.add(connection)
            Connection(connection, peer, self)  # type: ignore[arg-type]
        except OSError as error:
            log.debug("a connection ended: %s", error)
        except Exception:
            log.exception("a connection failed")
        finally:
            with self._changed:
                self._open.discard(connection)
                self._changed.notify_all()
            linger(connection, _LINGER_SECONDS)
            connection.close()
            self._places.release()


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # Not SSLSocket's own: that would take the encryption from under the thread that uses it.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
