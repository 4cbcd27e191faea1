"""Connections: many of them, keepalive, small windows, GOAWAY, a service that comes later."""

import socket
import threading
import time
from pathlib import Path
from typing import Any

import grpc
import pytest

from protos import inference_pb2 as pb
from tests.inference_service.clients.asking import (
    LARGE,
    OWN_CONNECTION,
    channel_to,
    stub_of,
    stub_to,
)
from tests.inference_service.clients.folders import mirror_request, slow_request
from tests.inference_service.harness import (
    Service,
    floats,
    held_open,
    refusal,
    running_service,
    taxi_request,
    wait_until,
)

pytestmark = pytest.mark.usefixtures("transport")


def test_a_thousand_calls_over_fifty_connections(service: Service) -> None:
    channels = [grpc.insecure_channel(service.target, options=[OWN_CONNECTION]) for _ in range(50)]
    try:
        stubs = [stub_of(channel) for channel in channels]
        for start in range(0, 1000, 50):  # one in flight on each: within INFERENCE_MAX_CONCURRENT
            miles = [float((start + n) % 400) for n in range(50)]
            calls = [
                stub.ModelInfer.future(taxi_request([far]), timeout=30)
                for stub, far in zip(stubs, miles, strict=True)
            ]
            assert [floats(call.result())[0] for call in calls] == [3 + 2.5 * far for far in miles]
    finally:
        for channel in channels:
            channel.close()


def test_keepalive_pings_keep_the_connection(service: Service) -> None:
    """C-core sends at most one a second without data; a server that minds ends the calls."""
    options = (
        ("grpc.keepalive_time_ms", 200),
        ("grpc.keepalive_timeout_ms", 1000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
    )
    with channel_to(service.target, *options) as channel:
        states: list[Any] = []
        stub = stub_of(channel)
        assert stub.ServerLive(pb.ServerLiveRequest(), timeout=10).live
        channel.subscribe(states.append)
        gate = threading.Event()
        stream = stub.ModelStreamInfer(held_open(taxi_request([2.0]), gate), timeout=30)
        assert floats(next(stream).infer_response) == [8.0]
        time.sleep(4.0)  # silent, but for the pings
        gate.set()
        assert list(stream) == []
        assert stub.ServerLive(pb.ServerLiveRequest(), timeout=10).live
        assert grpc.ChannelConnectivity.TRANSIENT_FAILURE not in states
        assert grpc.ChannelConnectivity.IDLE not in states


@pytest.mark.parametrize(
    "options",
    [
        (("grpc.http2.lookahead_bytes", 1024), ("grpc.http2.bdp_probe", 0)),
        (("grpc.http2.lookahead_bytes", 65535), ("grpc.http2.bdp_probe", 0)),
        (("grpc.http2.max_frame_size", 16384), ("grpc.http2.write_buffer_size", 1)),
        (("grpc.http2.max_frame_size", 16777215),),
        (("grpc.http2.hpack_table_size.decoder", 0), ("grpc.http2.hpack_table_size.encoder", 0)),
    ],
    ids=["window-1K", "window-64K", "frame-16K", "frame-16M", "no-hpack-table"],
)
def test_windows_and_frames_of_any_size(mirror: Service, options: tuple[tuple[str, int]]) -> None:
    with stub_to(mirror.target, *LARGE, *options) as stub:
        request = mirror_request(2048)
        calls = [stub.ModelInfer.future(request, timeout=30) for _ in range(6)]
        told = list(stub.ModelStreamInfer(iter([request] * 4), timeout=30))
        for answer in [call.result() for call in calls] + [one.infer_response for one in told]:
            assert answer.raw_output_contents[0] == request.raw_input_contents[0]


def test_a_large_answer_that_is_not_read_does_not_hold_up_others(mirror: Service) -> None:
    """On the same connection: each stream has its own window."""
    options = (("grpc.http2.lookahead_bytes", 65535), ("grpc.http2.bdp_probe", 0))
    with stub_to(mirror.target, *LARGE, *options) as stub:
        gate = threading.Event()
        unread = stub.ModelStreamInfer(held_open(mirror_request(2048), gate), timeout=30)
        for _ in range(20):
            assert stub.ModelInfer(mirror_request(1), timeout=5).raw_output_contents
        assert len(next(unread).infer_response.raw_output_contents[0]) == 2 << 20
        gate.set()
        assert list(unread) == []


def test_wait_for_ready_waits_for_a_service_that_comes_later(taxi: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    options = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 200))
    with stub_to(f"127.0.0.1:{port}", *options) as stub:
        assert refusal(stub.ModelInfer, taxi_request()).code == grpc.StatusCode.UNAVAILABLE
        call = stub.ModelInfer.future(taxi_request([2.0]), timeout=30, wait_for_ready=True)
        with running_service(taxi, INFERENCE_ADDRESS=f"127.0.0.1:{port}"):
            assert floats(call.result(30)) == [8.0]


def test_a_client_finds_its_way_back_after_a_restart(taxi: Path) -> None:
    options = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 200))
    with running_service(taxi) as first, stub_to(first.target, *options) as stub:
        assert floats(stub.ModelInfer(taxi_request([2.0]), timeout=10)) == [8.0]
        address = first.target
        assert first.stop() == 0
        assert refusal(stub.ModelInfer, taxi_request()).code == grpc.StatusCode.UNAVAILABLE
        with running_service(taxi, INFERENCE_ADDRESS=address):
            answer = stub.ModelInfer(taxi_request([2.0]), timeout=20, wait_for_ready=True)
            assert floats(answer) == [8.0]


def test_goaway_at_the_drain_moves_clients_to_another_service(slow_model_folder: Path) -> None:
    """Nothing in flight is lost, and no new call fails: a roll-out that clients do not notice."""
    folder = slow_model_folder
    with (
        running_service(folder, INFERENCE_DRAIN_SECONDS="20") as first,
        running_service(folder) as second,
        stub_to(f"ipv4:{first.target},{second.target}") as stub,
    ):
        assert stub.ModelInfer(slow_request(), timeout=30).outputs
        in_flight = [stub.ModelInfer.future(slow_request(), timeout=30) for _ in range(4)]
        time.sleep(0.1)
        code: list[int] = []
        stopping = threading.Thread(target=lambda: code.append(first.stop(30)))
        stopping.start()
        wait_until(lambda: "draining" in first.log)
        for _ in range(30):
            asked = pb.ServerLiveRequest()
            assert stub.ServerLive(asked, timeout=10, wait_for_ready=True).live
            time.sleep(0.02)
        assert [len(call.result().outputs) for call in in_flight] == [1] * 4
        stopping.join(30)
        assert code == [0]
        assert stub.ModelInfer(slow_request(), timeout=30).outputs
