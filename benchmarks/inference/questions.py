"""The request that is sent, and the check that a server answers it.

h2load counts HTTP statuses only: a gRPC error is a 200 to it. So each server is asked once by a
real gRPC client before and after a measurement, and the answer must be the model's own.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import onnxruntime as ort

from benchmarks.inference.models import BenchmarkModel
from protos import inference_pb2 as pb
from protos.errors import Unavailable, VerificationFailed

UNARY = "/inference.GRPCInferenceService/ModelInfer"
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
_KINDS: dict[str, np.dtype[Any]] = {"FP32": np.dtype("<f4"), "UINT8": np.dtype("u1")}
_TOLERANCE = 1e-5
_ASK_SECONDS = 10.0
_NO_LIMIT = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def framed(message: bytes) -> bytes:
    """`message` as gRPC puts it on the wire: not compressed, length before it."""
    return struct.pack(">BI", 0, len(message)) + message


@dataclass(frozen=True)
class Question:
    """One request, batch 1, raw contents: its message, its framed file, the model's own outputs.

    Without a request id, as most clients send it.
    """

    message: bytes
    file: Path
    expected: tuple[bytes, ...]

    @property
    def first_output(self) -> bytes:
        """The first output (up to 127 bytes) as `raw_output_contents` on the wire, with its tag."""
        return bytes([6 << 3 | 2, len(self.expected[0])]) + self.expected[0]


def question(model: BenchmarkModel, folder: Path) -> Question:
    """The question for `model`; the framed bytes are written into `folder`."""
    tensor = model.input
    shape = [1 if size < 0 else size for size in tensor.shape]
    value = (np.arange(np.prod(shape)) % 251 + 1).astype(_KINDS[tensor.datatype]).reshape(shape)
    request = pb.ModelInferRequest(model_name=model.name)
    request.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=shape)
    request.raw_input_contents.append(value.tobytes())
    message = request.SerializeToString()
    file = folder / f"{model.name}.request"
    file.write_bytes(framed(message))
    session = ort.InferenceSession(str(model.file), providers=["CPUExecutionProvider"])
    outputs = session.run(None, {tensor.name: value})
    return Question(message, file, tuple(output.tobytes() for output in outputs))


def ask(port: int, message: bytes, path: str = UNARY, seconds: float = _ASK_SECONDS) -> bytes:
    """The bytes of the answer. Raises Unavailable if there is none within `seconds`."""
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=_NO_LIMIT) as channel:
        raw: Any = {"request_serializer": None, "response_deserializer": None}
        try:
            if path == STREAM:
                calls: Any = channel.stream_stream(path, **raw)(iter([message]), timeout=seconds)
                return bytes(next(calls))
            call: Any = channel.unary_unary(path, **raw)
            return bytes(call(message, timeout=seconds))
        except (grpc.RpcError, StopIteration) as error:
            why = str(error)
            raise Unavailable(f"the server on port {port} does not answer", why=why) from error


def check_answer(answer: bytes, question: Question, *, echo: bool) -> None:
    """Raises VerificationFailed unless `answer` is the request (echo) or the model's outputs."""
    if echo:
        if answer != question.message:
            raise VerificationFailed("the echo does not give back what was sent")
        return
    response = pb.ModelInferResponse.FromString(answer)
    raw = response.raw_output_contents
    if len(raw) != len(question.expected) or not all(
        _near(got, wanted, output.datatype)
        for got, wanted, output in zip(raw, question.expected, response.outputs, strict=True)
    ):
        raise VerificationFailed("the server's answer is not the model's", why=str(response)[:500])


def _near(got: bytes, wanted: bytes, datatype: str) -> bool:
    if datatype != "FP32" or len(got) != len(wanted):
        return got == wanted
    values, others = np.frombuffer(got, "<f4"), np.frombuffer(wanted, "<f4")
    return bool(np.allclose(values, others, atol=_TOLERANCE, rtol=0.0))
