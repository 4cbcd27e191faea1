"""Peers that read slowly, send slowly or only hold on: others are served, memory is bounded.

A real process with small limits, and real sockets. Time passes here, but nothing is measured by it.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from inference_service.transports.fast import frames
from inference_service.transports.fast.frames import Error, Setting, window_update
from tests.inference_service.fast.raw import INFER, Raw, infer, memory
from tests.inference_service.fast.wire import call, data, headers
from tests.inference_service.harness import (
    Service,
    floats,
    running_service,
    taxi_request,
    wait_until,
)

MIB = 1 << 20
BUFFERED = 8 * MIB
CONNECTIONS = 8
LARGE = taxi_request([2.0] * 80_000).SerializeToString()
"""A question of 960 KB; its answer has 320 KB."""
EVERYTHING = (Setting.INITIAL_WINDOW_SIZE, frames.MAX_WINDOW)
WIDE = window_update(0, frames.MAX_WINDOW - 65_535)


@pytest.fixture(scope="module")
def service(taxi: Path) -> Iterator[Service]:
    with running_service(
        taxi,
        INFERENCE_TRANSPORT="fast",
        INFERENCE_STALL_SECONDS="1",
        INFERENCE_MAX_CONNECTIONS=str(CONNECTIONS),
        INFERENCE_MAX_BUFFERED_BYTES=str(BUFFERED),
    ) as running:
        yield running


def _is_served(service: Service) -> None:
    answer = service.stub.ModelInfer(taxi_request([2.0]), timeout=10.0)
    assert floats(answer) == [8.0]


def test_who_never_reads_is_not_read_and_then_closed(service: Service) -> None:
    _is_served(service)
    before = memory(service)
    peers = [Raw(service, EVERYTHING) for _ in range(4)]
    try:
        flood = WIDE + b"".join(infer(1 + 2 * n, LARGE) for n in range(150))

        def push(peer: Raw) -> int:
            try:
                return peer.push(flood, 3.0)
            except ConnectionError:
                return 0  # it was closed already

        with ThreadPoolExecutor(4) as pool:
            taken = [pool.submit(push, peer) for peer in peers]
            for _ in range(20):
                _is_served(service)
                assert memory(service) - before < 120 * MIB
            assert all(one.result() < len(flood) for one in taken)
        assert all(peer.is_gone() for peer in peers)
    finally:
        for peer in peers:
            peer.socket.close()
    _is_served(service)


def test_who_opens_no_window_loses_its_calls_and_keeps_its_connection(service: Service) -> None:
    time.sleep(0.6)  # two sweeps: until what others left unread before is forgotten
    before = memory(service)
    with Raw(service, (Setting.INITIAL_WINDOW_SIZE, 0)) as peer:
        peer.send(b"".join(infer(1 + 2 * n, LARGE) for n in range(4)))
        _is_served(service)
        resets: set[tuple[int, Error]] = set()
        while len(resets) < 4:
            end = peer.until(frames.RST_STREAM)[-1]
            resets.add((end.stream, Error(end.code)))
        assert resets == {(1 + 2 * n, Error.CANCEL) for n in range(4)}
        assert memory(service) - before < 60 * MIB
        peer.send(frames.frame(frames.PING, 0, 0, b"still me"))
        assert peer.until(frames.PING)[-1].payload == b"still me"


def test_an_answer_that_is_not_taken_in_time_is_dropped(service: Service) -> None:
    with Raw(service, (Setting.INITIAL_WINDOW_SIZE, 0)) as peer:
        peer.send(infer(1, LARGE, (b"grpc-timeout", b"700m")))
        end = peer.until(frames.RST_STREAM)[-1]
        assert (end.stream, Error(end.code)) == (1, Error.CANCEL)
        peer.send(infer(3, taxi_request([2.0]).SerializeToString()) + window_update(3, 1000))
        assert len(peer.until(frames.DATA, 3)[-1].payload) > 5


def test_who_opens_its_window_octet_by_octet_loses_its_call(service: Service) -> None:
    with Raw(service, (Setting.INITIAL_WINDOW_SIZE, 0)) as peer:
        peer.send(infer(1, LARGE))
        peer.until(frames.HEADERS)
        peer.socket.settimeout(0.02)
        end = time.monotonic() + 15.0
        while True:
            assert time.monotonic() < end
            peer.send(window_update(1, 1))
            time.sleep(0.02)  # faster would be a flood, and end the connection
            try:
                came = peer.frame()
            except TimeoutError:
                continue
            assert came is not None
            if came.kind == frames.RST_STREAM:
                assert Error(came.code) is Error.CANCEL
                break
    _is_served(service)


def test_who_sends_its_question_octet_by_octet_is_refused(service: Service) -> None:
    with Raw(service) as peer:
        peer.send(headers(1, call(INFER)) + data(1, b"\0\0\1\0\0"))
        peer.socket.settimeout(0.02)
        end = time.monotonic() + 15.0
        came = None
        while came is None or came.kind != frames.HEADERS:
            assert time.monotonic() < end
            peer.send(data(1, b"x"))
            try:
                came = peer.frame()
            except TimeoutError:
                continue
            assert came is not None
        assert b"grpc-status\x0214" in came.payload  # UNAVAILABLE
    _is_served(service)


def test_who_takes_a_while_but_gets_on_is_served(service: Service) -> None:
    """The other way round: longer than the time to stall, with progress all the while."""
    body = b"\0" + len(LARGE).to_bytes(4, "big") + LARGE
    with Raw(service, (Setting.INITIAL_WINDOW_SIZE, 0)) as peer:
        peer.send(headers(1, call(INFER)))
        began = time.monotonic()
        step = len(body) // 20
        for at in range(0, len(body), step):
            last = at + step >= len(body)
            for piece in range(at, min(at + step, len(body)), 16_384):
                stop = min(piece + 16_384, at + step, len(body))
                peer.send(data(1, body[piece:stop], end=last and stop == len(body)))
            time.sleep(0.08)
        got = 0
        while got < 320_000:
            peer.send(window_update(1, 16_384) + window_update(0, 16_384))
            got += len(peer.until(frames.DATA)[-1].payload)
            time.sleep(0.08)
        assert time.monotonic() - began > 2.0  # twice the time to stall
        peer.send(window_update(1, 16_384))
        assert b"grpc-status\x010" in peer.until(frames.HEADERS)[-1].payload


@pytest.mark.parametrize(
    "octets",
    [
        frames.FRAME_HEAD.pack(1, 0, frames.HEADERS, 4, 1) + b"x",
        headers(1, call(INFER)) + frames.FRAME_HEAD.pack(1, 0, frames.DATA, 0, 1),
        frames.frame(frames.HEADERS, 0, 1, b"\x82"),
    ],
    ids=["half a frame", "half of DATA", "half a header block"],
)
def test_who_stops_inside_a_frame_is_closed(service: Service, octets: bytes) -> None:
    with Raw(service) as peer:
        peer.send(octets)
        end = peer.until(frames.GOAWAY)[-1]
        assert Error(end.code) is Error.PROTOCOL_ERROR
        assert peer.frame() is None


def test_half_received_questions_share_one_bound(service: Service) -> None:
    """Many streams of several connections begin large questions and do not end them."""
    _is_served(service)
    before = memory(service)
    peers = [Raw(service) for _ in range(4)]
    try:
        part = (1 << 20).to_bytes(5, "big") + b"x" * 16_379
        for peer in peers:
            for stream in range(1, 201, 2):
                peer.send(
                    headers(stream, call(INFER)) + data(stream, part) + data(stream, b"y" * 16_384)
                )
            _is_served(service)
        refused = peers[-1].until(frames.HEADERS)[-1]
        assert b"grpc-status\x018" in refused.payload  # RESOURCE_EXHAUSTED
        assert memory(service) - before < 60 * MIB
    finally:
        for peer in peers:
            peer.socket.close()
    wait_until(lambda: _large_is_served(service))


def _large_is_served(service: Service) -> bool:
    try:
        service.stub.ModelInfer(taxi_request([2.0] * 80_000), timeout=10.0)
    except grpc.RpcError:
        return False
    return True


def test_connections_above_the_limit_are_closed_at_once_and_idle_ones_make_room(
    service: Service,
) -> None:
    _is_served(service)
    peers = [Raw(service) for _ in range(CONNECTIONS - 1)]
    try:
        for peer in peers:
            peer.until(frames.SETTINGS)
        with Raw(service, greet=False) as above:
            assert above.is_gone()
        _is_served(service)

        def has_room() -> bool:  # once one of them was silent for the time to stall
            with Raw(service, greet=False) as peer:
                return peer.frame() is not None

        wait_until(has_room)
        assert any(peer.is_gone(0.5) for peer in peers)
    finally:
        for peer in peers:
            peer.socket.close()
    _is_served(service)


def test_connections_with_calls_do_not_make_room(service: Service) -> None:
    watch = b"/grpc.health.v1.Health/Watch"
    peers = []
    try:
        for _ in range(CONNECTIONS - 1):
            peers.append(Raw(service))
            peers[-1].send(headers(1, call(watch)) + data(1, b"\0\0\0\0\0", end=True))
            peers[-1].until(frames.DATA)
        _is_served(service)
        time.sleep(1.3)
        _is_served(service)
        with Raw(service, greet=False) as above:
            assert above.is_gone()
        assert not any(peer.is_gone(0.0) for peer in peers)
    finally:
        for peer in peers:
            peer.socket.close()


def test_a_real_client_that_cancels_a_third_of_its_calls(service: Service) -> None:
    answered = 0
    for n in range(1500):
        future = service.stub.ModelInfer.future(taxi_request([2.0]), timeout=10.0)
        if n % 3 == 0:
            future.cancel()
        else:
            answered += floats(future.result()) == [8.0]
    assert answered == 1000
    assert "Traceback" not in service.log
