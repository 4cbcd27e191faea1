"""The fast transport as the service starts it."""

import socket
from collections.abc import Callable

from inference_service.methods import FindMethod
from inference_service.observer import Observer
from inference_service.transports.fast.calls import GrpcCalls
from inference_service.transports.fast.connection import Connection
from inference_service.transports.fast.dispatcher import Dispatcher
from inference_service.transports.fast.limits import Limits
from inference_service.transports.fast.loop import Loop
from inference_service.transports.fast.peer import Peer
from inference_service.transports.turns import cores


class FastTransport:
    """gRPC over our own HTTP/2: `start` binds it, `drain` ends it. Linux only (epoll).

    `find` gives the method at a path; `max_concurrent` bounds calls that wait for a slow model, and
    open streams; `make_peer` moves the octets of a new connection (`TlsPeer` for TLS).
    """

    def __init__(
        self,
        address: str,
        find: FindMethod,
        limits: Limits,
        max_concurrent: int,
        observer: Observer | None = None,
        make_peer: Callable[[socket.socket, Connection], Peer] = Peer,
    ) -> None:
        self._address = address

        def make(loop: Loop) -> tuple[GrpcCalls, Dispatcher]:
            dispatcher = Dispatcher(
                workers=cores(),
                limit=max_concurrent,
                largest=limits.message,
                wake=loop.wake,
                advance=lambda connection, stream: calls.advance(connection, stream),
                observer=observer,
            )
            calls = GrpcCalls(find, dispatcher, limits, loop.post)
            return calls, dispatcher

        self._loop = Loop(make, limits, make_peer)
        self._dispatcher = self._loop.dispatcher

    def start(self) -> int:
        """Binds, serves, returns the port. Raises ConfigurationError if the address is taken."""
        return self._loop.listen(self._address)

    def drain(self, seconds: float) -> bool:
        """Takes no new call, lets those in flight end, for at most `seconds`; whether all did."""
        return self._loop.drain(seconds)

    def gauges(self) -> dict[str, float]:
        """What is open at this moment."""
        return {
            "connections": len(self._loop.peers),
            "calls_in_threads_and_streams": self._dispatcher.open,
        }

    def turned_away(self) -> dict[str, int]:
        """How many connections were refused or ended, by reason."""
        return dict(self._loop.turned_away)
