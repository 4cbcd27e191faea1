"""The ONNX model inside the KServe Python server: a `kserve.Model` with onnxruntime.

    python kserve_server.py MODEL.onnx NAME GRPC_PORT HTTP_PORT

Runs in KServe's environment. Raw contents both ways; no log line for each request, which helps it.
"""

import sys
from typing import Any

import onnxruntime as ort
from kserve import Model, ModelServer  # type: ignore[import-not-found]
from kserve.protocol.infer_type import (  # type: ignore[import-not-found]
    InferOutput,
    InferRequest,
    InferResponse,
)

_WORDS = {"float32": "FP32", "int64": "INT64"}


class OnnxModel(Model):  # type: ignore[misc]
    """One session with one thread, asked once for each request."""

    def __init__(self, name: str, path: str) -> None:
        super().__init__(name)
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._outputs = [output.name for output in self._session.get_outputs()]
        self.ready = True

    async def predict(
        self, payload: InferRequest, headers: Any = None, response_headers: Any = None
    ) -> InferResponse:
        """The outputs of the model for `payload`."""
        feeds = {tensor.name: tensor.as_numpy() for tensor in payload.inputs}
        outputs = []
        for name, value in zip(self._outputs, self._session.run(self._outputs, feeds), strict=True):
            output = InferOutput(name, list(value.shape), _WORDS[value.dtype.name])
            output.set_data_from_numpy(value, binary_data=True)
            outputs.append(output)
        return InferResponse(payload.id, self.name, outputs)


def main() -> None:
    """Serves until it is ended."""
    path, name, grpc_port, http_port = sys.argv[1:]
    server = ModelServer(
        grpc_port=int(grpc_port),
        http_port=int(http_port),
        workers=1,
        enable_latency_logging=False,
    )
    server.start([OnnxModel(name, path)])


if __name__ == "__main__":
    main()
