import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from edge.oci import BlobStore
from protos.digests import digest_bytes

MakeModel = Callable[..., Path]


@pytest.fixture(scope="session")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer cache of this run of the tests; building the base takes seconds."""
    return tmp_path_factory.getbasetemp() / "layers"


@pytest.fixture(scope="session")
def rootfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "rootfs"


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "store")


@pytest.fixture
def make_model(tmp_path: Path) -> MakeModel:
    """`make_model(factor=2.0, answers=2.0)`: a model folder whose model multiplies by `factor`."""

    def make(name: str = "model", factor: float = 2.0, **golden: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        graph = helper.make_graph(
            [helper.make_node("Mul", ["x", "factor"], ["y"])],
            "multiply",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
            [helper.make_tensor("factor", TensorProto.FLOAT, [1], [factor])],
        )
        opset = [helper.make_opsetid("", 17)]
        data = onnx.helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
        digest = digest_bytes(data)
        assert digest.endswith(hashlib.sha256(data).hexdigest())
        tensor = {"datatype": "FP32", "shape": [-1, 1]}
        (folder / "model.onnx").write_bytes(data)
        description = {
            "name": "multiply",
            "version": digest.removeprefix("sha256:")[:12],
            "digest": digest,
            "inputs": [{"name": "x", **tensor}],
            "outputs": [{"name": "y", **tensor}],
        }
        (folder / "model.json").write_text(json.dumps(description))
        answers = golden.pop("answers", factor)
        questions = {
            "model_digest": digest,
            "tolerance": {"absolute": 1e-3, "relative": 1e-4},
            "latency_budget_ms": 1000.0,
            "requests": [
                {"inputs": {"x": [float(n)]}, "outputs": {"y": [answers * n]}} for n in range(5)
            ],
            **golden,
        }
        (folder / "golden.json").write_text(json.dumps(questions))
        return folder

    return make


def model_digest(folder: Path) -> str:
    return digest_bytes((folder / "model.onnx").read_bytes())
