"""What goes wrong on one connection stays there."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from inference_service.methods import Method
from inference_service.transports.fast import frames
from inference_service.transports.fast.frames import Error, frame
from inference_service.transports.fast.limits import Budget, Limits
from inference_service.transports.fast.transport import FastTransport
from tests.inference_service.fast.raw import Raw
from tests.inference_service.fast.wire import METHODS, Wire, asked, call, headers, waiting


def _find(path: str) -> Method | None:
    if path == "/t/Broken":
        raise RuntimeError("a bug")
    return METHODS.get(path)


@pytest.fixture
def connect() -> Iterator[Callable[[], Raw]]:
    transport = FastTransport("127.0.0.1:0", _find, Limits(stall=0.3), 4)
    port = transport.start()
    service = SimpleNamespace(target=f"127.0.0.1:{port}")
    yield lambda: Raw(service)  # type: ignore[arg-type]
    transport.drain(0.1)


def _is_served(peer: Raw) -> bool:
    peer.send(asked(1))
    return peer.until(frames.DATA)[-1].payload.endswith(b"hello")


def test_a_bug_ends_the_connection_that_met_it_and_no_other(connect: Callable[[], Raw]) -> None:
    with connect() as good, connect() as bad, connect() as late:
        bad.send(headers(1, call(b"/t/Broken")))
        assert bad.is_gone()
        assert _is_served(good)
        assert _is_served(late)


def test_a_stalled_call_of_a_peer_without_budget_ends_it_only(connect: Callable[[], Raw]) -> None:
    """The sweep resets what stalls, and must not fail on a budget that is used up."""
    with connect() as bad, connect() as good:
        bad.send(headers(1) + frame(frames.PING, 0, 0, b"12345678") * 1990)
        came = bad.until(frames.HEADERS, 1)
        assert b"grpc-status\x0214" in came[-1].payload
        assert _is_served(good)


def test_a_reset_by_a_sweep_costs_nothing() -> None:
    wire = Wire().greet()
    wire.send(waiting(1) + frame(frames.PING, 0, 0, b"12345678") * int(Budget.START - 5))
    assert not wire.connection.closing
    wire.connection._budget.left = 0.0
    (stream,) = wire.connection.streams.values()
    wire.connection.reset(stream, Error.CANCEL)
    assert not wire.connection.closing
    assert not wire.connection.streams


def test_connections_of_one_process_are_many(connect: Callable[[], Raw]) -> None:
    peers = [connect() for _ in range(60)]
    for peer in peers:
        peer.send(asked(1))
    for peer in peers:
        assert peer.until(frames.DATA)[-1].payload.endswith(b"hello")
        peer.socket.close()
    with connect() as one:
        assert _is_served(one)
