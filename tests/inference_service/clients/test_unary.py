"""Unary calls of grpcio's two clients: sizes, compression, metadata, what is no question."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from protos import inference_pb2 as pb
from tests.inference_service.clients.asking import (
    INFER,
    LARGE,
    bidi,
    channel_to,
    stub_of,
    stub_to,
    unary,
)
from tests.inference_service.clients.conftest import LIMIT
from tests.inference_service.clients.folders import ROW_BYTES, mirror_request, padded_to
from tests.inference_service.harness import Service, floats, refusal, taxi_request

pytestmark = pytest.mark.usefixtures("transport")

_GZIP, _DEFLATE = grpc.Compression.Gzip, grpc.Compression.Deflate
_MANY_ROWS = [1.0 + n % 7 for n in range(3000)]


def test_a_question_of_the_very_limit_is_answered_and_one_more_octet_is_refused(
    mirror: Service,
) -> None:
    with stub_to(mirror.target, *LARGE) as stub:
        request = padded_to(LIMIT)
        answer = stub.ModelInfer(request, timeout=20)
        assert answer.raw_output_contents[0] == request.raw_input_contents[0]
        error = refusal(stub.ModelInfer, padded_to(LIMIT + 1), timeout=20)
        assert error.code == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert str(LIMIT) in error.text
        assert stub.ServerLive(pb.ServerLiveRequest(), timeout=5).live


def test_ten_megabytes_both_ways_several_at_once(mirror: Service) -> None:
    with stub_to(mirror.target, *LARGE) as stub:
        request = mirror_request(10 << 20 >> 10)
        answers = [stub.ModelInfer.future(request, timeout=30) for _ in range(4)]
        for answer in answers:
            assert answer.result().raw_output_contents[0] == request.raw_input_contents[0]


def test_an_answer_over_the_limit_is_refused(mirror: Service) -> None:
    with stub_to(mirror.target, *LARGE) as stub:
        half = LIMIT // ROW_BYTES // 2
        fits = stub.ModelInfer(mirror_request(half - 1, "twice"), timeout=20)
        assert len(fits.raw_output_contents[0]) == 2 * (half - 1) * ROW_BYTES
        error = refusal(stub.ModelInfer, mirror_request(half + 1, "twice"), timeout=20)
        assert error.code == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_the_client_may_refuse_what_is_too_large_for_it(mirror: Service) -> None:
    with stub_to(mirror.target, ("grpc.max_receive_message_length", 1 << 20)) as stub:
        error = refusal(stub.ModelInfer, mirror_request(2048), timeout=20)
        assert error.code == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert stub.ModelInfer(mirror_request(2), timeout=20).raw_output_contents


@pytest.mark.parametrize("algorithm", [_GZIP, _DEFLATE])
def test_compression_of_a_channel(service: Service, algorithm: grpc.Compression) -> None:
    with stub_to(service.target, compression=algorithm) as stub:
        answer = stub.ModelInfer(taxi_request(_MANY_ROWS), timeout=10)
        assert floats(answer) == [3.0 + 2.5 * miles for miles in _MANY_ROWS]
        questions = [taxi_request([miles]) for miles in (1.0, 2.0)]
        told = stub.ModelStreamInfer(iter(questions), timeout=10)
        assert [floats(one.infer_response) for one in told] == [[5.5], [8.0]]


@pytest.mark.parametrize("algorithm", [_GZIP, _DEFLATE])
def test_compression_of_one_call(service: Service, algorithm: grpc.Compression) -> None:
    with stub_to(service.target) as stub:
        for compression in (algorithm, None, algorithm):
            answer = stub.ModelInfer(taxi_request([2.0]), timeout=10, compression=compression)
            assert floats(answer) == [8.0]


def test_a_small_compressed_message_does_not_grow_over_the_limit(service: Service) -> None:
    with stub_to(service.target, compression=_GZIP) as stub:
        error = refusal(stub.ModelInfer, taxi_request([1.0] * 8000))  # 96 KB, a few hundred packed
        assert error.code == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert floats(stub.ModelInfer(taxi_request([2.0]), timeout=10)) == [8.0]


def test_metadata_of_any_kind_is_taken(service: Service) -> None:
    metadata = (
        ("x-request-id", "äöü".encode().hex()),
        ("x-empty", ""),
        ("x-list", "a"),
        ("x-list", "b"),
        ("x-raw-bin", bytes(range(256))),
        ("x-long", "v" * 4000),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    )
    for _ in range(3):
        answer, call = service.stub.ModelInfer.with_call(
            taxi_request([2.0]), timeout=10, metadata=metadata
        )
        assert floats(answer) == [8.0]
        assert call.code() == grpc.StatusCode.OK


def test_metadata_over_the_bound_is_refused_and_the_next_call_answered(service: Service) -> None:
    with stub_to(service.target) as stub:
        huge = (("x-huge", "v" * 40_000),)
        with pytest.raises(grpc.RpcError) as refused:
            stub.ModelInfer(taxi_request(), timeout=10, metadata=huge)
        assert refused.value.code() in (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            grpc.StatusCode.INTERNAL,
            grpc.StatusCode.UNAVAILABLE,
        )
        assert floats(stub.ModelInfer(taxi_request([2.0]), timeout=10)) == [8.0]


def _garbage_behind(data: bytes) -> bytes:
    return data + b"\xff\xff\xff"


def _cut(data: bytes) -> bytes:
    return data[:-3]


@pytest.mark.parametrize("harm", [_garbage_behind, _cut, lambda data: b"\xff" * len(data)])
def test_bytes_that_are_no_question_are_refused(
    service: Service, harm: Callable[[bytes], bytes]
) -> None:
    with channel_to(service.target) as channel:
        ask = unary(channel, INFER)
        good = taxi_request([2.0]).SerializeToString()
        for _ in range(2):  # the second time its shape is known
            assert floats(pb.ModelInferResponse.FromString(ask(good, timeout=10))) == [8.0]
            error = refusal(ask, harm(good))
            assert error.code == grpc.StatusCode.INVALID_ARGUMENT
            assert "message" in error.text


def test_an_empty_message_is_refused_as_a_question_without_a_model(service: Service) -> None:
    with channel_to(service.target) as channel:
        error = refusal(unary(channel, INFER), b"")
        assert error.code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)


@pytest.mark.parametrize(
    "path",
    [
        "/inference.GRPCInferenceService/NoSuchMethod",
        "/no.such.Service/ModelInfer",
        "/inference.GRPCInferenceService/",
        "/inference.GRPCInferenceService/modelinfer",
        "/x",
    ],
)
def test_an_unknown_method_is_unimplemented(service: Service, path: str) -> None:
    with channel_to(service.target) as channel:
        assert refusal(unary(channel, path), b"").code == grpc.StatusCode.UNIMPLEMENTED
        told = bidi(channel, path)(iter([b"", b""]), timeout=10)
        with pytest.raises(grpc.RpcError) as refused:
            list(told)
        assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
        assert stub_of(channel).ServerLive(pb.ServerLiveRequest(), timeout=5).live


def test_the_asyncio_client(service: Service) -> None:
    async def ask() -> None:
        async with grpc.aio.insecure_channel(service.target, compression=_GZIP) as channel:
            stub: Any = stub_of(channel)
            answers = await asyncio.gather(
                *(stub.ModelInfer(taxi_request([float(n)]), timeout=10) for n in range(200))
            )
            assert [floats(one)[0] for one in answers] == [3.0 + 2.5 * n for n in range(200)]
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.ModelInfer(taxi_request([-1.0]), timeout=10)
            assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
            assert "'distance'" in (refused.value.details() or "")
            with pytest.raises(grpc.aio.AioRpcError) as unknown:
                await unary(channel, "/no.such/Method")(b"", timeout=10)
            assert unknown.value.code() == grpc.StatusCode.UNIMPLEMENTED

    asyncio.run(ask())
