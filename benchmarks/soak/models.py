"""The two versions of the model `soak`, and how one takes the place of the other."""

import json
import shutil
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from protos.digests import digest_bytes

NAME = "soak"
COLUMNS = 64
FACTORS = {"a": 2.0, "b": 3.0}
"""By version: y is x times this, so an answer tells whether its version is the one it names."""


def make_version(folder: Path, version: str) -> Path:
    """`soak` as `version`: x FP32 [-1, COLUMNS] -> y, the same shape."""
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "factor"], ["y"])],
        NAME,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, COLUMNS])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, COLUMNS])],
        [helper.make_tensor("factor", TensorProto.FLOAT, [], [FACTORS[version]])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    tensor = {"datatype": "FP32", "shape": [-1, COLUMNS]}
    described = {
        "name": NAME,
        "version": version,
        "digest": digest_bytes(data),
        "inputs": [tensor | {"name": "x"}],
        "outputs": [tensor | {"name": "y"}],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(data)
    (folder / "model.json").write_text(json.dumps(described))
    return folder


def put_in_place(version: Path, served: Path) -> None:
    """Makes the files of `served` those of `version`, each by one rename.

    Between the two renames the folder holds neither version: the service must serve on.
    """
    served.mkdir(parents=True, exist_ok=True)
    for name in ("model.onnx", "model.json"):
        new = served / f".{name}.new"
        shutil.copyfile(version / name, new)
        new.replace(served / name)
