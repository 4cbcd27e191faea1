"""ModelStreamInfer: answers in order, many in flight, errors as messages, both clients."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import pytest

from protos import inference_pb2 as pb
from tests.inference_service.clients.asking import LARGE, stub_of, stub_to
from tests.inference_service.clients.conftest import LIMIT
from tests.inference_service.clients.folders import ROW_BYTES, mirror_request
from tests.inference_service.harness import Service, floats, held_open, taxi_request

pytestmark = pytest.mark.usefixtures("transport")


def _fare(miles: float) -> float:
    return 3.0 + 2.5 * miles


def _questions(count: int) -> Iterator[pb.ModelInferRequest]:
    for n in range(count):
        yield taxi_request([float(n % 400)] * (1 + n % 3), id=f"q{n}")


def _check(answers: list[Any], count: int) -> None:
    assert [one.infer_response.id for one in answers] == [f"q{n}" for n in range(count)]
    for n, one in enumerate(answers):
        assert not one.error_message
        assert floats(one.infer_response) == [_fare(n % 400)] * (1 + n % 3)


def test_answers_come_in_the_order_of_asking(service: Service) -> None:
    _check(list(service.stub.ModelStreamInfer(_questions(1000), timeout=30)), 1000)


def test_several_streams_and_unary_calls_on_one_connection(service: Service) -> None:
    with stub_to(service.target) as stub:
        failures: list[BaseException] = []

        def one_stream() -> None:
            try:
                _check(list(stub.ModelStreamInfer(_questions(150), timeout=30)), 150)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=one_stream) for _ in range(8)]
        for thread in threads:
            thread.start()
        unary = [stub.ModelInfer.future(taxi_request([float(n)]), timeout=30) for n in range(50)]
        assert [floats(one.result())[0] for one in unary] == [_fare(n) for n in range(50)]
        for thread in threads:
            thread.join(30)
        assert failures == []


def test_each_error_is_a_message_in_its_place(service: Service) -> None:
    questions = [taxi_request([float(n)] if n % 3 else [-1.0], id=f"q{n}") for n in range(60)]
    questions[10] = taxi_request(model_name="bus", id="q10")
    answers = list(service.stub.ModelStreamInfer(iter(questions), timeout=20))
    assert [one.infer_response.id for one in answers] == [f"q{n}" for n in range(60)]
    for n, one in enumerate(answers):
        if n == 10:
            assert "'bus'" in one.error_message
        elif n % 3 == 0:
            assert "'distance'" in one.error_message
        else:
            assert floats(one.infer_response) == [_fare(n)]


def test_a_stream_without_a_question_ends_well(service: Service) -> None:
    call = service.stub.ModelStreamInfer(iter(()), timeout=10)
    assert list(call) == []
    assert call.code() == grpc.StatusCode.OK


def test_an_answer_comes_while_the_stream_is_held_open(service: Service) -> None:
    gate = threading.Event()
    call = service.stub.ModelStreamInfer(held_open(taxi_request([2.0]), gate), timeout=20)
    assert floats(next(call).infer_response) == [8.0]
    gate.set()
    assert list(call) == []


def test_large_messages_on_a_stream(mirror: Service) -> None:
    rows = [3000, 1, 7000, 500, 2, 4000]
    with stub_to(mirror.target, *LARGE) as stub:
        questions = [mirror_request(n, id=f"q{n}") for n in rows]
        answers = list(stub.ModelStreamInfer(iter(questions), timeout=30))
    assert [len(a.infer_response.raw_output_contents[0]) // ROW_BYTES for a in answers] == rows
    for question, answer in zip(questions, answers, strict=True):
        assert answer.infer_response.raw_output_contents[0] == question.raw_input_contents[0]


def test_a_message_over_the_limit_ends_the_stream(mirror: Service) -> None:
    with stub_to(mirror.target, *LARGE) as stub:
        call = stub.ModelStreamInfer(iter([mirror_request(LIMIT // ROW_BYTES + 1)]), timeout=20)
        with pytest.raises(grpc.RpcError) as refused:
            list(call)
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert stub.ServerLive(pb.ServerLiveRequest(), timeout=5).live


def test_a_client_that_reads_late_gets_everything(mirror: Service) -> None:
    """40 MB of answers, none read until the client has sent all its questions."""
    sent = threading.Event()

    def questions() -> Iterator[pb.ModelInferRequest]:
        for n in range(40):
            yield mirror_request(1 << 10, id=f"q{n}")
        sent.set()

    with stub_to(mirror.target, *LARGE) as stub:
        call = stub.ModelStreamInfer(questions(), timeout=60)
        sent.wait(1.0)
        ids = [one.infer_response.id for one in call]
    assert ids == [f"q{n}" for n in range(40)]
    assert sent.is_set()


def test_the_asyncio_client_streams_both_ways(service: Service) -> None:
    async def ask() -> None:
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub: Any = stub_of(channel)

            async def questions() -> AsyncIterator[pb.ModelInferRequest]:
                for question in _questions(200):
                    yield question

            async def one_stream() -> None:
                _check([one async for one in stub.ModelStreamInfer(questions(), timeout=30)], 200)

            await asyncio.gather(*(one_stream() for _ in range(4)))
            # write, read, write, read: each answer before the next question
            call = stub.ModelStreamInfer(timeout=30)
            for n in range(20):
                await call.write(taxi_request([float(n)]))
                assert floats((await call.read()).infer_response) == [_fare(n)]
            await call.done_writing()
            assert await call.read() is grpc.aio.EOF  # type: ignore[attr-defined]
            assert await call.code() == grpc.StatusCode.OK

    asyncio.run(ask())
