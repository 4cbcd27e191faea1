"""The loop: sockets and epoll. What one turn of it brought is answered together."""

import contextlib
import logging
import select
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from inference_service.transports.fast.calls import GrpcCalls
from inference_service.transports.fast.connection import Connection
from inference_service.transports.fast.dispatcher import Dispatcher
from inference_service.transports.fast.frames import Error
from inference_service.transports.fast.limits import Limits
from inference_service.transports.fast.peer import Peer
from inference_service.transports.fast.waiting import Events, Waiter
from protos.errors import ConfigurationError

log = logging.getLogger(__name__)

_READ_BYTES = 256 << 10
_SWEEP_SECONDS = 0.25
_BACKLOG = 512
_SWITCH_SECONDS = 0.5e-3
"""How long another thread may hold the interpreter while a request waits; Python's is 5 ms."""
_SHARE = 64 << 10
"""What a connection may leave unread while all together leave more than they may."""


class Loop:
    """One thread that serves every connection.

    `make` gives the calls and the dispatcher, which need the loop's own wake; `make_peer` whoever
    moves the octets of a new connection.
    """

    def __init__(
        self,
        make: Callable[["Loop"], tuple[GrpcCalls, Dispatcher]],
        limits: Limits,
        make_peer: Callable[[socket.socket, Connection], Peer] = Peer,
    ) -> None:
        self._limits = limits
        self._make_peer = make_peer
        self._posted: deque[Callable[[], None]] = deque()
        self._waker, self._wakened = socket.socketpair()
        self._waker.setblocking(False)
        self._wakened.setblocking(False)
        self._epoll = select.epoll()
        self._epoll.register(self._wakened.fileno(), select.EPOLLIN)
        self._listeners: dict[int, socket.socket] = {}
        self._paused_listening = False
        self.peers: dict[int, Peer] = {}
        self._buffer = memoryview(bytearray(_READ_BYTES))
        self._stop = False
        self._draining = False
        self.idle = threading.Event()
        self.turned_away = {"connections": 0, "protocol": 0, "stalled": 0}
        """What was closed by us: over the limit, for breaking a rule, for not reading."""
        self._calls, self.dispatcher = make(self)
        self._thread = threading.Thread(target=self._run, name="fast", daemon=True)

    # from any thread

    def listen(self, address: str) -> int:
        """Binds `host:port` and starts; the port. Raises ConfigurationError."""
        host, _, port = address.rpartition(":")
        try:
            found = socket.getaddrinfo(
                host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listener = socket.socket(found[0], socket.SOCK_STREAM)
            try:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(found[4])
                listener.listen(_BACKLOG)
            except OSError:
                listener.close()
                raise
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {address}",
                why="the address is in use or not of this machine",
                remedy="set INFERENCE_ADDRESS to a free one",
            ) from error
        listener.setblocking(False)
        self._listeners[listener.fileno()] = listener
        self._epoll.register(listener.fileno(), select.EPOLLIN)
        self._thread.start()
        bound: int = listener.getsockname()[1]
        return bound

    def post(self, step: Callable[[], None]) -> None:
        """Runs `step` on the loop's thread, soon."""
        self._posted.append(step)
        self.wake()

    def wake(self) -> None:
        """Ends the wait of the loop, if it waits."""
        with contextlib.suppress(BlockingIOError, OSError):  # a full pipe wakes as well
            self._waker.send(b"\0")

    def drain(self, seconds: float) -> bool:
        """Takes no new call; whether those in flight ended within `seconds`. Then all is closed."""
        self.post(self._begin_drain)
        finished = self.idle.wait(seconds)
        self._stop = True
        self.wake()
        self._thread.join(2.0)
        return finished

    # the loop's own thread

    def _run(self) -> None:
        sys.setswitchinterval(_SWITCH_SECONDS)
        wait = Waiter(self._epoll.poll, self._limits.spin).wait
        swept = time.monotonic()
        while not self._stop:
            self._take(wait(_SWEEP_SECONDS))
            if len(self.peers) > 1:  # more may have come meanwhile: one run of the model for all
                self._take(self._epoll.poll(0))
            try:
                self.dispatcher.run()
            except Exception:  # the loop must outlive whatever a model brings
                log.exception("a turn of the loop failed")
            self._send()
            if self._draining:
                self._drained()
                self._send()
            now = time.monotonic()
            if now - swept >= _SWEEP_SECONDS:
                swept = now
                self._sweep(now)
                self._send()
        self._close_all()

    def _take(self, events: Events) -> None:
        for number, mask in events:
            peer = self.peers.get(number)
            if peer is not None:
                self._serve(peer, mask)
            elif number in self._listeners:
                self._accept(self._listeners[number])
            else:
                self._wake_up()

    def _wake_up(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wakened.recv(4096)
        while self._posted:
            self._posted.popleft()()

    def _accept(self, listener: socket.socket) -> None:
        try:
            sock, _ = listener.accept()
        except BlockingIOError:
            return
        except OSError as error:  # out of descriptors: do not spin, try again at the next sweep
            log.warning("cannot take a connection: %s", error)
            self._epoll.unregister(listener.fileno())
            self._paused_listening = True
            return
        if len(self.peers) >= self._limits.connections and not self._make_room():
            self.turned_away["connections"] += 1
            sock.close()
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(self._calls, self._limits, time.monotonic)
        peer = self._make_peer(sock, connection)
        self.peers[sock.fileno()] = peer
        self._epoll.register(sock.fileno(), peer.wanted)
        connection.peer = peer
        self._serve(peer, select.EPOLLIN)  # the first bytes are often there already

    def _make_room(self) -> bool:
        """Closes the connection without a call that was silent for longest, and for long enough."""
        idle = [peer for peer in self.peers.values() if not peer.connection.streams]
        oldest = min(idle, key=lambda peer: peer.connection.heard, default=None)
        if oldest is None or time.monotonic() - oldest.connection.heard < self._limits.stall:
            return False
        oldest.connection.goaway()
        oldest.send()
        self._close(oldest)
        return True

    def _serve(self, peer: Peer, mask: int) -> None:
        try:
            alive = not mask & ~select.EPOLLOUT or peer.receive(self._buffer)
        except Exception:  # one peer, whatever it sent, must not end the others
            log.exception("a connection failed")
            alive = False
        if not alive:
            self._close(peer)
            return
        self.dispatcher.touched[peer.connection] = None

    def _send(self) -> None:
        touched = self.dispatcher.touched
        while touched:
            connection, _ = touched.popitem()
            peer: Peer | None = connection.peer
            if peer is None:
                continue
            if not peer.send() or (connection.closing and peer.is_flushed):
                self._close(peer)
                continue
            if peer.unsent or peer.wanted != select.EPOLLIN:
                wanted = peer.wants(self._calls.unsent)
                if peer.wanted != wanted:
                    peer.wanted = wanted
                    self._epoll.modify(peer.number, wanted)
            if connection.paused and connection.sender.backlog <= self._calls.unsent:
                self.post(partial(self._resume, connection))

    def _resume(self, connection: Connection) -> None:
        connection.resume()
        self.dispatcher.touch(connection)

    def _close(self, peer: Peer) -> None:
        if self.peers.pop(peer.number, None) is None:
            return
        self._epoll.unregister(peer.number)
        peer.connection.peer = None
        self.turned_away["protocol"] += peer.connection.failed
        peer.connection.close()
        peer.close()

    def _close_all(self) -> None:
        for peer in list(self.peers.values()):
            self._close(peer)
        self._stop_listening()
        self.dispatcher.close()
        self._epoll.close()
        self._waker.close()
        self._wakened.close()

    def _stop_listening(self) -> None:
        for listener in self._listeners.values():
            if not self._paused_listening:
                self._epoll.unregister(listener.fileno())
            listener.close()
        self._listeners.clear()

    # what time brings

    def _sweep(self, now: float) -> None:
        if self._paused_listening:
            self._paused_listening = False
            for number in self._listeners:
                self._epoll.register(number, select.EPOLLIN)
        waiting = 0
        for peer in list(self.peers.values()):
            waiting += peer.connection.sender.backlog
            try:
                self._sweep_peer(peer, now)
            except Exception:
                log.exception("a connection failed")
                self._close(peer)
        # what many slow readers hold together is bounded as well: who reads has next to nothing
        self._calls.unsent = self._limits.unsent if waiting <= self._limits.buffered else _SHARE

    def _sweep_peer(self, peer: Peer, now: float) -> None:
        connection, limits = peer.connection, self._limits
        if connection.closing or peer.stalled(now, limits.stall):
            self.turned_away["stalled"] += not connection.closing
            self._close(peer)
            return
        if not connection.preface_done and now - connection.began > limits.preface:
            connection.fail(Error.PROTOCOL_ERROR, "no preface in time")
        for stream in list(connection.streams.values()):
            if stream.deadline is not None and stream.deadline < now:
                if stream.answered:  # and not taken: now nobody waits for it
                    connection.reset(stream, Error.CANCEL)
                else:
                    self._calls.expire(connection, stream)
            elif stream.outgoing:
                if stream.waits(now) > limits.stall:
                    connection.reset(stream, Error.CANCEL)
            elif self._calls.is_half_received(stream) and stream not in connection.paused:
                if stream.waits(now) > limits.stall:
                    self._calls.shut(connection, stream, "the rest of the message did not come")
            else:
                stream.marked = 0.0
        if connection.is_inside and now - connection.heard > limits.stall:
            connection.fail(Error.PROTOCOL_ERROR, "the rest of a frame did not come")
        silent = now - connection.heard
        if connection.ping_sent is not None and connection.heard > connection.ping_sent:
            connection.ping_sent = None
        if connection.ping_sent is not None:
            if now - connection.ping_sent > limits.keepalive_answer:
                connection.close()
        elif connection.streams and silent > limits.keepalive:
            connection.ping()
        self.dispatcher.touch(connection)

    # how it ends

    def _begin_drain(self) -> None:
        self._draining = True
        self._stop_listening()
        for peer in self.peers.values():
            peer.connection.goaway()
            self.dispatcher.touch(peer.connection)
        self._drained()

    def _drained(self) -> None:
        """Ends calls that wait for nothing that will come; tells when none is being answered."""
        busy = False
        for peer in self.peers.values():
            for stream in list(peer.connection.streams.values()):
                if self._calls.is_idle(stream):
                    self._calls.shut(peer.connection, stream, "the service is stopping")
                else:
                    busy = True
            busy = busy or not peer.is_flushed
        if not busy:
            self.idle.set()
