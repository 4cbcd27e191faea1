"""Golden questions asked of the engine itself: values of every kind, right and wrong."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

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


def _proved(folder: Path, inputs: dict[str, Any], outputs: dict[str, Any]) -> str:
    """Empty if the model is served, else why it is not."""
    value = {
        "model_digest": digest_of(folder),
        "tolerance": {"absolute": 0.25, "relative": 0.0},
        "latency_budget_ms": 50,
        "requests": [{"inputs": inputs, "outputs": outputs}],
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
