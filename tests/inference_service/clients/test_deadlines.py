"""Deadlines and cancellation: the client is told in time, and nothing runs in vain."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from protos import inference_pb2 as pb
from tests.inference_service.clients.asking import run_count, stub_of, stub_to
from tests.inference_service.clients.folders import slow_request
from tests.inference_service.harness import (
    Service,
    floats,
    refusal,
    running_service,
    taxi_request,
    wait_until,
)

pytestmark = pytest.mark.usefixtures("transport")

_FEW = 8
"""More questions than run at once on any machine that runs these tests in earnest."""


def _settled_count(running: Service) -> int:
    """How often `slow` ran, once it does no more: no change for longer than two answers take."""
    count, since = run_count(running, "slow"), time.monotonic()
    while time.monotonic() - since < 1.0:
        time.sleep(0.05)
        if (now := run_count(running, "slow")) != count:
            count, since = now, time.monotonic()
    return count


def _many_slow(stub: Any, count: int, timeout: float) -> list[Any]:
    return [stub.ModelInfer.future(slow_request(), timeout=timeout) for _ in range(count)]


def test_deadline_exceeded_comes_in_time_and_is_not_begun(slow: Service) -> None:
    stub = slow.stub
    assert stub.ModelInfer(slow_request(), timeout=30).outputs
    before = run_count(slow, "slow")
    for timeout in (0.001, 0.02, 0.05):  # one answer takes longer
        started = time.monotonic()
        error = refusal(stub.ModelInfer, slow_request(), timeout=timeout)
        assert error.code == grpc.StatusCode.DEADLINE_EXCEEDED
        assert time.monotonic() - started < timeout + 1.0
    time.sleep(0.5)
    assert run_count(slow, "slow") == before
    assert stub.ModelInfer(slow_request(), timeout=30).outputs


def test_what_cannot_be_in_time_behind_others_is_refused_at_once(slow: Service) -> None:
    stub = slow.stub
    answers = _many_slow(stub, 2 * _FEW, 60)
    wait_until(lambda: any(one.done() for one in answers), 30)  # by now all of them are queued
    before = run_count(slow, "slow")
    started = time.monotonic()
    error = refusal(stub.ModelInfer, slow_request(), timeout=0.6)  # enough if it were alone
    waited = time.monotonic() - started
    assert error.code == grpc.StatusCode.DEADLINE_EXCEEDED
    assert waited < 0.5, "refused by the client's own clock, not by the service"
    assert "of other work wait before it" in error.text
    for one in answers:
        assert one.result(60).outputs
    assert _settled_count(slow) <= before + 2 * _FEW


def test_a_long_deadline_is_as_good_as_none(service: Service) -> None:
    for timeout in (3600.0, 1e7, None):
        assert floats(service.stub.ModelInfer(taxi_request([2.0]), timeout=timeout)) == [8.0]


def test_questions_whose_client_has_cancelled_are_not_run(slow: Service) -> None:
    before = _settled_count(slow)
    answers = _many_slow(slow.stub, 4 * _FEW, 60)
    wait_until(lambda: any(one.done() for one in answers), 30)
    for one in answers:
        one.cancel()
    assert any(one.cancelled() for one in answers)
    assert _settled_count(slow) - before <= _FEW, "cancelled questions were run"
    assert slow.stub.ModelInfer(slow_request(), timeout=30).outputs


def test_questions_of_a_client_that_hangs_up_are_not_run(slow: Service) -> None:
    before = _settled_count(slow)
    with stub_to(slow.target) as stub:
        answers = _many_slow(stub, 4 * _FEW, 60)
        wait_until(lambda: any(one.done() for one in answers), 30)
    assert _settled_count(slow) - before <= _FEW


def test_questions_of_a_cancelled_stream_are_not_run(slow: Service) -> None:
    before = _settled_count(slow)

    def questions() -> Iterator[pb.ModelInferRequest]:
        for _ in range(4 * _FEW):
            yield slow_request()

    call = slow.stub.ModelStreamInfer(questions(), timeout=60)
    assert next(call).infer_response.outputs
    call.cancel()
    assert _settled_count(slow) - before <= _FEW


def test_a_stream_of_many_slow_questions_answers_all(slow_model_folder: Path) -> None:
    """They do not take the places of others: the stream has one."""
    with running_service(slow_model_folder, INFERENCE_MAX_CONCURRENT="2") as running:
        questions = [slow_request() for _ in range(6)]
        answers = list(running.stub.ModelStreamInfer(iter(questions), timeout=60))
        assert [one.error_message for one in answers] == [""] * 6


def test_the_deadline_of_a_stream_ends_it(service: Service) -> None:
    gate = threading.Event()

    def questions() -> Iterator[pb.ModelInferRequest]:
        yield taxi_request([2.0])
        gate.wait(10)

    call = service.stub.ModelStreamInfer(questions(), timeout=0.5)
    assert floats(next(call).infer_response) == [8.0]
    with pytest.raises(grpc.RpcError) as refused:
        next(call)
    gate.set()
    assert refused.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


def test_the_asyncio_client_cancels_and_is_told_of_deadlines(slow: Service) -> None:
    async def ask() -> None:
        async with grpc.aio.insecure_channel(slow.target) as channel:
            stub: Any = stub_of(channel)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.ModelInfer(slow_request(), timeout=0.02)
            assert refused.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
            call = stub.ModelInfer(slow_request(), timeout=30)
            await asyncio.sleep(0.05)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert (await stub.ModelInfer(slow_request(), timeout=30)).outputs

    asyncio.run(ask())


def test_places_are_free_again_after_cancelled_and_late_calls(slow_model_folder: Path) -> None:
    with running_service(slow_model_folder, INFERENCE_MAX_CONCURRENT="3") as running:
        for _ in range(5):
            answers = _many_slow(running.stub, 3, 60)
            time.sleep(0.1)
            for one in answers:
                one.cancel()
            calls = [running.stub.ModelStreamInfer(iter([slow_request()]), timeout=9)]
            for call in calls:
                call.cancel()
        wait_until(lambda: _is_answered(running), 20)


def _is_answered(running: Service) -> bool:
    try:
        return bool(running.stub.ModelInfer(slow_request(), timeout=30).outputs)
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
            raise
        return False
