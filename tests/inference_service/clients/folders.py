"""Model folders for these tests, and questions to them."""

import json
from pathlib import Path

from onnx import TensorProto, helper

from protos import inference_pb2 as pb
from protos.digests import digest_bytes
from tests.inference_service.models import slow_model

ROW_BYTES = 1024
SLOW_SIZE, SLOW_TIMES = 400, 400
"""About 0.3 s."""


def mirror_model(folder: Path) -> Path:
    """`mirror`: y is x, and twice is x two times; x is UINT8 with rows of ROW_BYTES."""
    shape = [None, ROW_BYTES]
    graph = helper.make_graph(
        [
            helper.make_node("Identity", ["x"], ["y"]),
            helper.make_node("Concat", ["x", "x"], ["twice"], axis=0),
        ],
        "mirror",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, shape)],
        [
            helper.make_tensor_value_info("y", TensorProto.UINT8, shape),
            helper.make_tensor_value_info("twice", TensorProto.UINT8, shape),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    data = model.SerializeToString()
    digest = digest_bytes(data)
    tensor = {"datatype": "UINT8", "shape": [-1, ROW_BYTES]}
    described = {
        "name": "mirror",
        "version": "1",
        "digest": digest,
        "inputs": [tensor | {"name": "x"}],
        "outputs": [tensor | {"name": "y"}, tensor | {"name": "twice"}],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(data)
    (folder / "model.json").write_text(json.dumps(described))
    return folder


def mirror_request(rows: int, output: str = "y", **fields: object) -> pb.ModelInferRequest:
    """A question to `mirror` of `rows` * ROW_BYTES octets."""
    request = pb.ModelInferRequest(model_name="mirror", **fields)  # type: ignore[arg-type]
    request.inputs.add(name="x", datatype="UINT8", shape=[rows, ROW_BYTES])
    request.outputs.add(name=output)
    pattern = bytes(range(251)) * (rows * ROW_BYTES // 251 + 1)
    request.raw_input_contents.append(pattern[: rows * ROW_BYTES])
    return request


def padded_to(size: int) -> pb.ModelInferRequest:
    """A question to `mirror` of exactly `size` octets on the wire."""
    rows = (size - 512) // ROW_BYTES
    request = mirror_request(rows)
    missing = size - request.ByteSize()
    request.parameters["pad"].string_param = ""
    while request.ByteSize() < size:
        request.parameters["pad"].string_param += "x" * max(1, (size - request.ByteSize()) // 2)
    assert request.ByteSize() == size, missing
    return request


def slow_folder(folder: Path) -> Path:
    return slow_model(folder, SLOW_SIZE, SLOW_TIMES)


def slow_request() -> pb.ModelInferRequest:
    request = pb.ModelInferRequest(model_name="slow")
    request.inputs.add(name="x", datatype="FP32", shape=[1, 1]).contents.fp32_contents.append(0.0)
    return request
