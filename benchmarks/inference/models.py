"""The two models of the benchmark, as folders that the service serves.

`logistic`: a logistic regression on two features, made by skl2onnx with zipmap off: the cost of
such a model is next to nothing, so what is measured is the server. `image`: takes uint8 images of
448 x 448 x 3 (602,112 bytes) and returns the first pixel, which costs nothing either.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from protos.digests import digest_bytes

IMAGE_SIDE = 448
IMAGE_BYTES = IMAGE_SIDE * IMAGE_SIDE * 3
_OPSET = 17
_IR_VERSION = 8  # old enough for every peer's onnxruntime


@dataclass(frozen=True)
class Tensor:
    """An input or an output: -1 in `shape` stands for any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class BenchmarkModel:
    """A model on disk: its folder, and how it is asked."""

    name: str
    folder: Path
    input: Tensor

    @property
    def file(self) -> Path:
        """The ONNX file alone, as the peers want it."""
        return self.folder / "model.onnx"


def logistic_model(folder: Path) -> BenchmarkModel:
    """`logistic`: `features` FP32 [-1, 2] -> `label` INT64 [-1], `probabilities` FP32 [-1, 2]."""
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    features = np.random.default_rng(7).normal(size=(200, 2)).astype(np.float32)
    model = LogisticRegression().fit(features, features.sum(axis=1) > 0)
    made = to_onnx(model, features[:1], options={"zipmap": False}, target_opset=_OPSET)
    made.graph.input[0].name = "features"
    for node in made.graph.node:
        for place, name in enumerate(node.input):
            if name == "X":
                node.input[place] = "features"
    made.ir_version = _IR_VERSION
    given = Tensor("features", "FP32", (-1, 2))
    taken = [Tensor("label", "INT64", (-1,)), Tensor("probabilities", "FP32", (-1, 2))]
    return _saved(folder, "logistic", made, given, taken)


def image_model(folder: Path) -> BenchmarkModel:
    """`image`: `image` UINT8 [-1, 448, 448, 3] -> `pixel` FP32 [-1, 3]."""
    graph = helper.make_graph(
        [
            helper.make_node("Slice", ["image", "from", "to", "axes"], ["corner"]),
            helper.make_node("Squeeze", ["corner", "axes"], ["one"]),
            helper.make_node("Cast", ["one"], ["pixel"], to=TensorProto.FLOAT),
        ],
        "image",
        [
            helper.make_tensor_value_info(
                "image", TensorProto.UINT8, [None, IMAGE_SIDE, IMAGE_SIDE, 3]
            )
        ],
        [helper.make_tensor_value_info("pixel", TensorProto.FLOAT, [None, 3])],
        [
            helper.make_tensor("from", TensorProto.INT64, [2], [0, 0]),
            helper.make_tensor("to", TensorProto.INT64, [2], [1, 1]),
            helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2]),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
    made.ir_version = _IR_VERSION
    given = Tensor("image", "UINT8", (-1, IMAGE_SIDE, IMAGE_SIDE, 3))
    return _saved(folder, "image", made, given, [Tensor("pixel", "FP32", (-1, 3))])


def _saved(
    folder: Path, name: str, model: onnx.ModelProto, given: Tensor, taken: Sequence[Tensor]
) -> BenchmarkModel:
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    digest = digest_bytes(data)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(data)
    (folder / "model.json").write_text(
        json.dumps(
            {
                "name": name,
                "version": digest.removeprefix("sha256:")[:12],
                "digest": digest,
                "inputs": [_described(given)],
                "outputs": [_described(tensor) for tensor in taken],
            }
        )
    )
    return BenchmarkModel(name, folder, given)


def _described(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}
