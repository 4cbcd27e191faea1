"""KServe's own client against `taxi` at the target: a check by hand.

The package `kserve` brings fastapi, uvicorn, ray and the like, so it is in no lock of ours:

    python -m venv /tmp/kserve && /tmp/kserve/bin/pip install kserve==0.21.0
    /tmp/kserve/bin/python tests/inference_service/clients/kserve_client.py 127.0.0.1:8081

What it sends is checked by every run of the tests, with Triton's stubs (triton_client.py).
"""

import asyncio
import sys
from typing import Any

import grpc
import numpy as np
from kserve import (  # type: ignore[import-not-found]
    InferenceGRPCClient,
    InferInput,
    InferRequest,
)

_SECONDS = 20.0


def _request(*miles: float, raw: bool) -> Any:
    inputs = [
        InferInput("distance", [len(miles), 1], "FP32"),
        InferInput("passengers", [len(miles), 1], "INT64"),
    ]
    inputs[0].set_data_from_numpy(np.array(miles, np.float32).reshape(-1, 1), binary_data=raw)
    inputs[1].set_data_from_numpy(np.ones((len(miles), 1), np.int64), binary_data=raw)
    return InferRequest("taxi", inputs, request_id="kserve-1")


async def _refused(client: Any) -> None:
    try:
        await client.infer(_request(-1.0, raw=True))
    except grpc.RpcError as error:
        refused = error
    else:
        raise AssertionError("a distance below zero was not refused")
    assert refused.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "'distance'" in str(refused.details())


async def main(target: str) -> None:
    """Asks everything that the client can."""
    async with InferenceGRPCClient(target, timeout=_SECONDS) as client:
        assert await client.is_server_live()
        assert await client.is_server_ready()
        assert await client.is_model_ready("taxi")
        assert not await client.is_model_ready("bus")
        for raw in (True, False):
            answer = await client.infer(
                _request(1.0, 2.0, 4.0, raw=raw), headers=[("x-tag", "kserve")]
            )
            assert answer.id == "kserve-1"
            assert answer.outputs[0].as_numpy().reshape(-1).tolist() == [5.5, 8.0, 13.0]
        answers = await asyncio.gather(
            *(client.infer(_request(float(n), raw=True)) for n in range(50))
        )
        fares = [one.outputs[0].as_numpy().reshape(-1).tolist() for one in answers]
        assert fares == [[3.0 + 2.5 * n] for n in range(50)]
        await _refused(client)
    sys.stdout.write("kserve: all answered\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
