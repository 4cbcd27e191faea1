"""Run as a process of its own: asks `taxi` at the target given, with Triton's own client."""

import sys

import numpy as np
import pytest
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException


def main(target: str) -> None:
    client = triton.InferenceServerClient(target)
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("taxi")
    assert not client.is_model_ready("bus")
    metadata = client.get_model_metadata("taxi")
    assert [i.name for i in metadata.inputs] == ["distance", "passengers"]
    inputs = [
        triton.InferInput("distance", [3, 1], "FP32"),
        triton.InferInput("passengers", [3, 1], "INT64"),
    ]
    inputs[0].set_data_from_numpy(np.array([[1], [2], [4]], np.float32))
    inputs[1].set_data_from_numpy(np.ones((3, 1), np.int64))
    outputs = [triton.InferRequestedOutput("fare")]
    result = client.infer("taxi", inputs, outputs=outputs, request_id="triton-1")
    assert result.as_numpy("fare").tolist() == [[5.5], [8.0], [13.0]]
    assert result.get_response().id == "triton-1"
    with pytest.raises(InferenceServerException, match="no 'passengers'"):
        client.infer("taxi", inputs[:1])
    answers: list[object] = []
    client.start_stream(lambda result, error: answers.append(error or result))
    client.async_stream_infer("taxi", inputs, request_id="s1")
    client.stop_stream()
    assert answers[0].as_numpy("fare").tolist() == [[5.5], [8.0], [13.0]]  # type: ignore[attr-defined]


if __name__ == "__main__":
    main(sys.argv[1])
