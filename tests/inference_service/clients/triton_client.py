"""Run as a process of its own: all that Triton's clients can do, asked of `taxi` at the target.

Here and not in the tests' own process: Triton's descriptors have the same names as ours.
"""

import asyncio
import queue
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

_SECONDS = 20.0


def _inputs(*miles: float) -> list[Any]:
    inputs = [
        triton.InferInput("distance", [len(miles), 1], "FP32"),
        triton.InferInput("passengers", [len(miles), 1], "INT64"),
    ]
    inputs[0].set_data_from_numpy(np.array(miles, np.float32).reshape(-1, 1))
    inputs[1].set_data_from_numpy(np.ones((len(miles), 1), np.int64))
    return inputs


def _fares(result: Any) -> list[float]:
    values: list[float] = result.as_numpy("fare").reshape(-1).tolist()
    return values


def check_facts(client: Any) -> None:
    """Live, ready, metadata, statistics, index: as dictionaries and as messages."""
    assert client.is_server_live(headers={"x-tag": "1"})
    assert client.is_server_ready(client_timeout=_SECONDS)
    assert client.is_model_ready("taxi")
    assert not client.is_model_ready("bus")
    server = client.get_server_metadata(as_json=True)
    assert "statistics" in server["extensions"]
    metadata = client.get_model_metadata("taxi")
    assert [i.name for i in metadata.inputs] == ["distance", "passengers"]
    (index,) = client.get_model_repository_index().models
    assert (index.name, index.state) == ("taxi", "READY")
    before = _count(client)
    client.infer("taxi", _inputs(1.0, 2.0))
    assert _count(client) == before + 1
    with pytest.raises(InferenceServerException, match="bus"):
        client.get_inference_statistics("bus")


def _count(client: Any) -> int:
    told = client.get_inference_statistics("taxi", as_json=True)["model_stats"]
    return sum(int(one["inference_stats"]["success"].get("count", 0)) for one in told)


def check_infer(client: Any) -> None:
    """Unary questions, with everything that may be said with them."""
    outputs = [triton.InferRequestedOutput("fare")]
    for compression in (None, "gzip", "deflate"):
        result = client.infer(
            "taxi",
            _inputs(1.0, 2.0, 4.0),
            outputs=outputs,
            request_id="mine",
            client_timeout=_SECONDS,
            headers={"x-tag": "ä".encode().hex(), "traceparent": "00-" + "1" * 32 + "-" + "2" * 16},
            compression_algorithm=compression,
            parameters={"capture": False},
        )
        assert _fares(result) == [5.5, 8.0, 13.0]
        assert result.get_response().id == "mine"
    with pytest.raises(InferenceServerException, match="no 'passengers'"):
        client.infer("taxi", _inputs(1.0)[:1])
    with pytest.raises(InferenceServerException, match="Deadline Exceeded"):
        client.infer("taxi", _inputs(1.0), client_timeout=-1.0)


def check_async_infer(client: Any) -> None:
    """Questions whose answers come to a callback, many in flight, one bad, one cancelled."""
    told: queue.Queue[Any] = queue.Queue()
    for n in range(50):
        client.async_infer(
            "taxi", _inputs(float(n)), lambda result, error: told.put(error or result)
        )
    fares = sorted(_fares(told.get(timeout=_SECONDS))[0] for _ in range(50))
    assert fares == [3.0 + 2.5 * n for n in range(50)]
    client.async_infer("taxi", _inputs(-1.0), lambda result, error: told.put(error or result))
    error = told.get(timeout=_SECONDS)
    assert isinstance(error, InferenceServerException)
    assert error.status() == "StatusCode.INVALID_ARGUMENT"


def check_stream(client: Any) -> None:
    """A stream: answers in order, an error in its place, and the stream goes on."""
    told: queue.Queue[Any] = queue.Queue()
    client.start_stream(
        lambda result, error: told.put(error or result),
        stream_timeout=_SECONDS,
        headers={"x-tag": "1"},
        compression_algorithm="gzip",
    )
    for n in range(30):
        miles = -1.0 if n == 10 else float(n)
        client.async_stream_infer("taxi", _inputs(miles), request_id=f"s{n}")
    for n in range(30):
        answer = told.get(timeout=_SECONDS)
        if n == 10:
            assert "'distance'" in str(answer)
        else:
            assert answer.get_response().id == f"s{n}"
            assert _fares(answer) == [3.0 + 2.5 * n]
    client.stop_stream()


async def check_asyncio(target: str) -> None:
    """The asyncio client: unary, many at once, and a stream."""
    async with triton_aio.InferenceServerClient(target) as client:
        assert await client.is_server_live()
        assert (await client.get_model_metadata("taxi")).name == "taxi"
        assert (await client.get_inference_statistics("taxi")).model_stats
        assert (await client.get_model_repository_index()).models
        results = await asyncio.gather(
            *(
                client.infer("taxi", _inputs(float(n)), compression_algorithm="gzip")
                for n in range(50)
            )
        )
        assert [_fares(one)[0] for one in results] == [3.0 + 2.5 * n for n in range(50)]

        async def questions() -> AsyncIterator[dict[str, Any]]:
            for n in range(10):
                yield {"model_name": "taxi", "inputs": _inputs(float(n)), "request_id": str(n)}

        place = 0
        async for result, error in client.stream_infer(questions(), stream_timeout=_SECONDS):
            assert error is None
            assert _fares(result) == [3.0 + 2.5 * place]
            place += 1
        assert place == 10


def check_stubs(target: str) -> None:
    """The bare protocol stubs, with typed contents: as KServe's client sends them."""
    with grpc.insecure_channel(target) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        request = service_pb2.ModelInferRequest(model_name="taxi", id="kserve")
        distance = request.inputs.add(name="distance", datatype="FP32", shape=[2, 1])
        distance.contents.fp32_contents.extend([1.0, 2.0])
        people = request.inputs.add(name="passengers", datatype="INT64", shape=[2, 1])
        people.contents.int64_contents.extend([1, 1])
        answer = stub.ModelInfer(request, timeout=_SECONDS)
        assert answer.id == "kserve"
        assert np.frombuffer(answer.raw_output_contents[0], np.float32).tolist() == [5.5, 8.0]


def main(target: str) -> None:
    """Asks everything."""
    with triton.InferenceServerClient(target) as client:
        check_facts(client)
        check_infer(client)
        check_async_infer(client)
        check_stream(client)
    options = triton.KeepAliveOptions(
        keepalive_time_ms=500, keepalive_timeout_ms=2000, keepalive_permit_without_calls=True
    )
    with triton.InferenceServerClient(target, keepalive_options=options) as client:
        check_infer(client)
    asyncio.run(check_asyncio(target))
    check_stubs(target)


if __name__ == "__main__":
    main(sys.argv[1])
