"""Model folders that are worth 16 bits, and such that must not be made of them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from protos.digests import digest_bytes

FEATURES, HIDDEN = 16, 64


def written(
    folder: Path,
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, NDArray[Any]],
    *,
    output: str = "y",
    inputs: Sequence[onnx.ValueInfoProto] = (),
    width: int = 1,
) -> Path:
    """The folder of a graph from `x` float32 [rows, FEATURES] to float32 [rows, width]."""
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, FEATURES]), *inputs],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [None, width])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString(deterministic=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(data)
    digest = digest_bytes(data)
    description = {
        "name": "net",
        "version": digest.removeprefix("sha256:")[:12],
        "digest": digest,
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, FEATURES]}],
        "outputs": [{"name": output, "datatype": "FP32", "shape": [-1, width]}],
    }
    (folder / "model.json").write_text(json.dumps(description))
    return folder


def weights(seed: int = 4) -> dict[str, NDArray[Any]]:
    """Those of `regression`; its answers for `rows` lie within about 3."""
    random = np.random.default_rng(seed)
    scale = 1 / np.sqrt(FEATURES)
    return {
        "first": random.normal(0, scale, (FEATURES, HIDDEN)).astype("f4"),
        "bias": random.normal(0, 0.1, HIDDEN).astype("f4"),
        "last": random.normal(0, 1 / np.sqrt(HIDDEN), (HIDDEN, 1)).astype("f4"),
    }


def regression(
    folder: Path, *, weigh: float = 1.0, scale: float = 1.0, behind: float = 1.0
) -> Path:
    """Two layers, 16 to 64 to 1. `weigh` makes the first weights larger, `scale` the last ones,
    `behind` the answers by a product with one constant."""
    constants = {**weights(), "behind": np.array(behind, "f4")}
    constants["first"] = constants["first"] * np.float32(weigh)
    constants["last"] = constants["last"] * np.float32(scale)
    nodes = [
        helper.make_node("MatMul", ["x", "first"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["sum"]),
        helper.make_node("Relu", ["sum"], ["active"]),
        helper.make_node("MatMul", ["active", "last"], ["small"]),
        helper.make_node("Mul", ["small", "behind"], ["y"]),
    ]
    return written(folder, nodes, constants)


def rows(count: int = 40) -> NDArray[np.float32]:
    """Rows of `x`."""
    return np.random.default_rng(9).normal(0, 1, (count, FEATURES)).astype("f4")


def asked(count: int = 40) -> list[dict[str, NDArray[np.float32]]]:
    """The same as questions."""
    return [{"x": row[None]} for row in rows(count)]


def calibration(path: Path, count: int = 40, **truth: NDArray[Any]) -> Path:
    """The same as a file, with what is right."""
    np.savez(path, allow_pickle=False, x=rows(count), **truth)
    return path
