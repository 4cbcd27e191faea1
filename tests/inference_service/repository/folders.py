"""Model folders for these tests, and how to change, harm and ask them."""

import json
import os
import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from inference_service.repository import ServedModel
from inference_service.tensors import Array
from protos.digests import digest_bytes
from tests.inference_service.models import FLAG_DROP, taxi_model


def describe(folder: Path, **changes: object) -> None:
    """Writes model.json anew with `changes`."""
    described = json.loads((folder / "model.json").read_bytes())
    (folder / "model.json").write_text(json.dumps(described | changes))


def digest_of(folder: Path) -> str:
    return digest_bytes((folder / "model.onnx").read_bytes())


def version(folder: Path, version: str, *, per_mile: float, name: str = "taxi") -> Path:
    """The model `taxi` as this version of it: the fare of one mile tells which one answers."""
    taxi_model(folder, per_mile=per_mile)
    describe(folder, version=version, name=name)
    return folder


def golden(folder: Path, fares: Sequence[float | None], **changes: object) -> Path:
    """golden.json: question n is n miles with one passenger, `fares` the answers."""
    requests = [
        {
            "inputs": {"distance": [None if fare is None else miles], "passengers": [1]},
            "outputs": {"fare": [fare]},
        }
        for miles, fare in enumerate(fares)
    ]
    value: dict[str, Any] = {
        "model_digest": digest_of(folder),
        "tolerance": {"absolute": 1e-4, "relative": 0.0},
        "latency_budget_ms": 50,
        "requests": requests,
    }
    (folder / "golden.json").write_text(json.dumps(value | changes))
    return folder


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def replaced_by(folder: Path, other: Path, names: Sequence[str] = ()) -> None:
    """Copies files of `other` into `folder`, all if no names are given."""
    for path in [other / name for name in names] or sorted(other.iterdir()):
        shutil.copyfile(path, folder / path.name)


def fare(model: ServedModel, miles: float = 1.0) -> float:
    """What the model asks for so many miles."""
    inputs: dict[str, Array] = {
        "distance": np.array([[miles]], dtype=np.float32),
        "passengers": np.array([[1]], dtype=np.int64),
    }
    return float(model.engine.run(inputs, ["fare"])[0][0, 0])


def fare_at(per_mile: float, miles: float = 1.0) -> float:
    return per_mile * miles + FLAG_DROP


def written_at(folder: Path, seconds: int) -> None:
    """Sets when the model was written."""
    os.utime(folder / "model.onnx", (seconds, seconds))


def onnx_bytes(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    weights: Sequence[onnx.TensorProto] = (),
) -> bytes:
    graph = helper.make_graph(list(nodes), "graph", list(inputs), list(outputs), list(weights))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = 8
    data: bytes = model.SerializeToString()
    return data


def plain_onnx(path: Path, factor: float = 2.0) -> Path:
    """y = x * factor, x of the shape [rows, 3]."""
    path.write_bytes(
        onnx_bytes(
            [helper.make_node("Mul", ["x", "factor"], ["y"])],
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 3])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 3])],
            [helper.make_tensor("factor", TensorProto.FLOAT, [], [factor])],
        )
    )
    return path


def heavy_folder(folder: Path, megabytes: int, seed: int) -> Path:
    """`heavy`: random weights of about so many megabytes, 1 MiB each."""
    random = np.random.default_rng(seed)
    weights = [
        numpy_helper.from_array(random.random((512, 512), dtype=np.float32), f"w{n}")
        for n in range(megabytes)
    ]
    steps = ["x", *(f"h{n}" for n in range(1, megabytes)), "y"]
    data = onnx_bytes(
        [
            helper.make_node("MatMul", [before, f"w{n}"], [after])
            for n, (before, after) in enumerate(pairwise(steps))
        ],
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 512])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 512])],
        weights,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(data)
    digest = digest_bytes(data)
    tensor = {"datatype": "FP32", "shape": [-1, 512]}
    described = {
        "name": "heavy",
        "version": digest[7:19],
        "digest": digest,
        "inputs": [tensor | {"name": "x"}],
        "outputs": [tensor | {"name": "y"}],
    }
    (folder / "model.json").write_text(json.dumps(described))
    return folder
