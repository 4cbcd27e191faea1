"""Model folders that are worth quantising, and one that must not be."""

import json
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from protos.digests import digest_bytes

SIDE = 8


def network(folder: Path, *, outlier: float = 0.0) -> Path:
    """`net`: tells vertical from horizontal stripes and from none, on images [rows, 1, 8, 8].

    With `outlier` the weights of each score are tiny beside one that only ever meets a zero: in 8
    bits the tiny ones vanish, and with them the answer.
    """
    edge = np.array([[1, 0, -1]] * 3, "f4") / 3
    kernels = np.stack([np.zeros((3, 3), "f4"), edge, edge.T, np.full((3, 3), 1 / 9, "f4")])
    weights = np.array([[0, 0, 0], [1, -1, 0], [-1, 1, 0], [0, 0, 0.25]], "f4")
    weights[0] = outlier
    constants = {"kernels": kernels[:, None], "weights": weights}
    nodes = [
        helper.make_node("Conv", ["image", "kernels"], ["convolved"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["convolved"], ["active"]),
        helper.make_node("GlobalAveragePool", ["active"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["score"]),
        helper.make_node("ArgMax", ["score"], ["label"], axis=1, keepdims=1),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [None, 1, SIDE, SIDE])],
        [
            helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 3]),
            helper.make_tensor_value_info("label", TensorProto.INT64, [None, 1]),
        ],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(data)
    digest = digest_bytes(data)
    description = {
        "name": "net",
        "version": digest.removeprefix("sha256:")[:12],
        "digest": digest,
        "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 1, SIDE, SIDE]}],
        "outputs": [
            {"name": "score", "datatype": "FP32", "shape": [-1, 3]},
            {"name": "label", "datatype": "INT64", "shape": [-1, 1]},
        ],
    }
    (folder / "model.json").write_text(json.dumps(description))
    return folder


def images(count: int = 24) -> NDArray[np.float32]:
    """Rows to calibrate with: stripes both ways, and plain images, with some noise."""
    made = np.full((count, 1, SIDE, SIDE), 0.5, dtype=np.float32)
    made[0::3, :, :, ::4] = made[0::3, :, :, 1::4] = 1.0
    made[1::3, :, ::4, :] = made[1::3, :, 1::4, :] = 1.0
    noise = np.random.default_rng(6).random(made.shape, dtype=np.float32)
    made += np.float32(0.02) * noise
    return made


def calibration(path: Path, count: int = 24) -> Path:
    """The same as a file."""
    np.savez(path, image=images(count))
    return path
