"""Golden questions asked of the engine itself: values of every kind, right and wrong."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from inference_service.repository import ModelRepository, RefusedModel, ServedModel
from tests.inference_service.models import echo_model, taxi_model
from tests.inference_service.repository.folders import describe, digest_of, golden

_ROW: dict[str, list[Any]] = {
    "BOOL": [True, False],
    "INT8": [-128, 127],
    "INT16": [1, 2],
    "INT32": [1, 2],
    "INT64": [2**62, -1],
    "UINT8": [0, 255],
    "UINT16": [1, 2],
    "UINT32": [1, 2],
    "UINT64": [2**63, 1],
    "FP16": [0.5, None],
    "FP32": [1, 2.5],
    "FP64": [1e300, 3],
    "BYTES": ["Zürich", ""],
}


def _proved(folder: Path, inputs: dict[str, Any], outputs: dict[str, Any], **more: Any) -> str:
    """Empty if the model is served, else why it is not."""
    value = {
        "model_digest": digest_of(folder),
        "tolerance": {"absolute": 0.25, "relative": 0.0},
        "latency_budget_ms": 50,
        "requests": [{"inputs": inputs, "outputs": outputs, **more}],
    }
    (folder / "golden.json").write_text(json.dumps(value))
    (state,) = ModelRepository(folder).states()
    if isinstance(state, ServedModel):
        assert state.proven
        return ""
    assert isinstance(state, RefusedModel)
    return state.reason


def _echo(changed_in: dict[str, Any], changed_out: dict[str, Any], folder: Path) -> str:
    echo_model(folder)
    inputs = {f"in_{word}": values for word, values in (_ROW | changed_in).items()}
    outputs = {f"out_{word}": values for word, values in (_ROW | changed_out).items()}
    return _proved(folder, inputs, outputs)


def test_all_datatypes_are_asked_and_compared(tmp_path: Path) -> None:
    assert _echo({}, {}, tmp_path) == ""


def test_a_difference_within_the_tolerance_passes(tmp_path: Path) -> None:
    assert _echo({}, {"FP32": [1.25, 2.5]}, tmp_path) == ""


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("FP32", [1.26, 2.5]),
        ("FP32", [None, 2.5]),
        ("FP32", [math.inf, 2.5]),
        ("FP16", [0.5, 0.0]),
        ("INT64", [2**62, 0]),
        ("BOOL", [True, True]),
        ("BYTES", ["Zürich", "x"]),
        ("BYTES", ["Zürich"]),
    ],
)
def test_a_wrong_answer_of_any_datatype_refuses_the_model(
    tmp_path: Path, word: str, values: list[Any]
) -> None:
    reason = _echo({}, {word: values}, tmp_path)
    assert f"1 of 1 golden answers wrong: question 0: output 'out_{word}'" in reason


@pytest.mark.parametrize(
    ("word", "values", "why"),
    [
        ("INT8", [1, 128], "do not fit INT8"),
        ("INT8", [1, 1.5], "are no INT8"),
        ("UINT8", [-1, 1], "do not fit UINT8"),
        ("FP32", ["1", 2], "are no FP32"),
        ("FP32", [True, 2], "are no FP32"),
        ("BOOL", [1, 0], "are no BOOL"),
        ("INT64", [None, 1], "are no INT64"),
        ("FP32", [1.0, 2.0, 3.0], "do not fill the shape"),
    ],
)
def test_a_question_that_does_not_fit_refuses_the_model(
    tmp_path: Path, word: str, values: list[Any], why: str
) -> None:
    reason = _echo({word: values}, {word: values}, tmp_path)
    assert why in reason


def test_an_output_the_model_does_not_have(tmp_path: Path) -> None:
    taxi_model(tmp_path)
    asked = {"distance": [1.0], "passengers": [1]}
    assert "no output 'tip'" in _proved(tmp_path, asked, {"tip": [1.0]})


def test_an_input_that_is_missing(tmp_path: Path) -> None:
    taxi_model(tmp_path)
    assert "no input 'passengers'" in _proved(tmp_path, {"distance": [1.0]}, {"fare": [5.5]})


def test_a_question_that_a_client_could_not_ask_is_no_proof(tmp_path: Path) -> None:
    taxi_model(tmp_path)
    asked = {"distance": [501.0], "passengers": [1]}
    assert "expected 0 to 500" in _proved(tmp_path, asked, {"fare": [1255.5]})


def test_unknown_is_right_only_where_unknown_is_expected(tmp_path: Path) -> None:
    golden(taxi_model(tmp_path), [3.0, None])
    (state,) = ModelRepository(tmp_path).states()
    assert isinstance(state, ServedModel)
    describe(tmp_path, version="again")
    golden(tmp_path, [3.0, 5.5, 8.0])
    value = json.loads((tmp_path / "golden.json").read_bytes())
    value["requests"][1]["inputs"]["distance"] = [None]
    (tmp_path / "golden.json").write_text(json.dumps(value))
    (state,) = ModelRepository(tmp_path).states()
    assert isinstance(state, RefusedModel)
    assert "question 1" in state.reason


def _image_model(folder: Path) -> Path:
    """A model that answers height, width and the sum of all pixels of each image."""
    nodes = [
        helper.make_node("Cast", ["image"], ["numbers"], to=TensorProto.INT64),
        helper.make_node("ReduceSum", ["numbers", "all"], ["sum"], keepdims=0),
        helper.make_node("Reshape", ["sum", "one"], ["total"]),
        helper.make_node("Shape", ["image"], ["height"], start=1, end=2),
        helper.make_node("Mul", ["total", "zero"], ["none"]),
        helper.make_node("Add", ["none", "height"], ["high"]),
        helper.make_node("Concat", ["high", "total"], ["seen"], axis=1),
    ]
    constants = {"all": [1, 2, 3], "one": [-1, 1], "zero": [0]}
    graph = helper.make_graph(
        nodes,
        "image",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])],
        [helper.make_tensor_value_info("seen", TensorProto.INT64, ["n", 2])],
        [numpy_helper.from_array(np.array(v, np.int64), name) for name, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    described = {
        "name": "image",
        "version": "1",
        "digest": digest_of(folder),
        "inputs": [{"name": "image", "datatype": "UINT8", "shape": [-1, -1, -1, 3]}],
        "outputs": [{"name": "seen", "datatype": "INT64", "shape": [-1, 2]}],
    }
    (folder / "model.json").write_text(json.dumps(described))
    return folder


@pytest.mark.parametrize(
    ("shape", "answer", "reason"),
    [
        ([1, 2, 3, 3], [2, 153], ""),
        ([1, 3, 2, 3], [3, 153], ""),
        ([1, 3, 2, 3], [2, 153], "differs by up to 1"),
        ([1, 2, 2, 3], [2, 153], "do not fit the model"),
        (None, [2, 153], "do not fill the shape"),
    ],
)
def test_images_are_asked_in_the_shape_that_is_told(
    tmp_path: Path, shape: list[int] | None, answer: list[int], reason: str
) -> None:
    told = {} if shape is None else {"shapes": {"image": shape}}
    pixels = {"image": list(range(18))}
    found = _proved(_image_model(tmp_path), pixels, {"seen": answer}, **told)
    assert reason in found
    assert bool(found) == bool(reason)
