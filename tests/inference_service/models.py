"""Model folders for the tests: small, made on the spot, depending on nobody's work."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from protos.digests import digest_bytes

FARE_PER_MILE = 2.5
FLAG_DROP = 3.0


def _save(
    folder: Path,
    name: str,
    graph: onnx.GraphProto,
    inputs: Sequence[dict[str, Any]],
    outputs: Sequence[dict[str, Any]],
) -> Path:
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="tests"
    )
    model.ir_version = 8
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(data)
    digest = digest_bytes(data)
    (folder / "model.json").write_text(
        json.dumps(
            {
                "name": name,
                "version": digest.removeprefix("sha256:")[:12],
                "digest": digest,
                "inputs": list(inputs),
                "outputs": list(outputs),
            }
        )
    )
    return folder


def taxi_model(folder: Path, *, per_mile: float = FARE_PER_MILE) -> Path:
    """`taxi`: fare = distance * per_mile + passengers * 0 + 3, one row a pair of values.

    distance is FP32 from 0 to 500, passengers INT64, both [-1, 1].
    """
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["distance", "per_mile"], ["metered"]),
            helper.make_node("Cast", ["passengers"], ["people"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["people", "nothing"], ["free"]),
            helper.make_node("Add", ["metered", "flag_drop"], ["sum"]),
            helper.make_node("Add", ["sum", "free"], ["fare"]),
        ],
        "taxi",
        [
            helper.make_tensor_value_info("distance", TensorProto.FLOAT, [None, 1]),
            helper.make_tensor_value_info("passengers", TensorProto.INT64, [None, 1]),
        ],
        [helper.make_tensor_value_info("fare", TensorProto.FLOAT, [None, 1])],
        [
            helper.make_tensor("per_mile", TensorProto.FLOAT, [], [per_mile]),
            helper.make_tensor("nothing", TensorProto.FLOAT, [], [0.0]),
            helper.make_tensor("flag_drop", TensorProto.FLOAT, [], [FLAG_DROP]),
        ],
    )
    return _save(
        folder,
        "taxi",
        graph,
        [
            {
                "name": "distance",
                "datatype": "FP32",
                "shape": [-1, 1],
                "minimum": 0,
                "maximum": 500,
            },
            {"name": "passengers", "datatype": "INT64", "shape": [-1, 1]},
        ],
        [{"name": "fare", "datatype": "FP32", "shape": [-1, 1]}],
    )


_KINDS = {
    "BOOL": TensorProto.BOOL,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BYTES": TensorProto.STRING,
}


def echo_model(folder: Path) -> Path:
    """`echo`: an input `in_<datatype>` and an equal output `out_<datatype>` for every datatype."""
    graph = helper.make_graph(
        [helper.make_node("Identity", [f"in_{word}"], [f"out_{word}"]) for word in _KINDS],
        "echo",
        [
            helper.make_tensor_value_info(f"in_{word}", kind, [None, 2])
            for word, kind in _KINDS.items()
        ],
        [
            helper.make_tensor_value_info(f"out_{word}", kind, [None, 2])
            for word, kind in _KINDS.items()
        ],
    )
    return _save(
        folder,
        "echo",
        graph,
        [{"name": f"in_{word}", "datatype": word, "shape": [-1, 2]} for word in _KINDS],
        [{"name": f"out_{word}", "datatype": word, "shape": [-1, 2]} for word in _KINDS],
    )


def centred_model(folder: Path) -> Path:
    """`centred`: x minus the mean of all rows, so that each row depends on the others."""
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["x"], ["mean"], axes=[0], keepdims=1),
            helper.make_node("Sub", ["x", "mean"], ["y"]),
        ],
        "centred",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
    )
    return _save(
        folder,
        "centred",
        graph,
        [{"name": "x", "datatype": "FP32", "shape": [-1, 1]}],
        [{"name": "y", "datatype": "FP32", "shape": [-1, 1]}],
    )


def slow_model(folder: Path, size: int = 700, times: int = 200) -> Path:
    """`slow`: multiplies a square matrix with itself many times, for about a second."""
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["start"]),
        helper.make_node("Add", ["start", "x"], ["m0"]),
    ]
    nodes += [helper.make_node("MatMul", [f"m{n}", "start"], [f"m{n + 1}"]) for n in range(times)]
    nodes.append(helper.make_node("ReduceSum", [f"m{times}"], ["total"], keepdims=0))
    nodes.append(helper.make_node("Reshape", ["total", "one"], ["y"]))
    graph = helper.make_graph(
        nodes,
        "slow",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1])],
        [
            helper.make_tensor("shape", TensorProto.INT64, [2], [size, size]),
            helper.make_tensor("one", TensorProto.INT64, [2], [1, 1]),
        ],
    )
    return _save(
        folder,
        "slow",
        graph,
        [{"name": "x", "datatype": "FP32", "shape": [-1, 1]}],
        [{"name": "y", "datatype": "FP32", "shape": [1, 1]}],
    )
