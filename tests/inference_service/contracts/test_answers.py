"""What a client gets: each value of the model as it is, warnings, and no value that is made up."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_service.description import TensorSpec
from inference_service.engine import OnnxEngine
from inference_service.errors import ModelFailed
from tests.inference_service.contracts.build import FARE, Built, answer, build, described, question
from tests.inference_service.models import taxi_model

_X = TensorSpec("x", "FP32", (-1, 1))
_ASK = question("optional double x")


def _built(*fields: str, outputs: list[TensorSpec], ask: str = _ASK) -> Built:
    return build(ask + answer(*fields), [_X], outputs)


@pytest.fixture(scope="module")
def scores() -> Built:
    fields = (
        "int32 label",
        "double likely [(output) = 'chances', (column) = 1]",
        "repeated float chances",
        "string word",
        "bool sure",
    )
    outputs = [
        TensorSpec("label", "INT64", (-1,)),
        TensorSpec("chances", "FP32", (-1, 2)),
        TensorSpec("word", "BYTES", (-1, 1)),
        TensorSpec("sure", "BOOL", (-1,)),
        TensorSpec("untold", "FP32", (-1, 9)),
    ]
    return _built(*fields, outputs=outputs)


def _scores(label: int = 1) -> dict[str, Any]:
    return {
        "label": np.array([label]),
        "chances": np.array([[0.25, 0.75]], np.float32),
        "word": np.array([["grün"]], object),
        "sure": np.array([True]),
    }


def test_each_output_is_told(scores: Built) -> None:
    told = scores.ask(_scores(), x=1.0)
    assert (told.label, told.likely, list(told.chances)) == (1, 0.75, [0.25, 0.75])
    assert (told.word, told.sure) == ("grün", True)


def test_only_outputs_that_are_told_are_asked_of_the_model(scores: Built) -> None:
    assert scores.method.outputs == ("label", "chances", "word", "sure")


@pytest.mark.parametrize("label", [2**31, -(2**31) - 1])
def test_a_value_that_the_field_cannot_hold_is_no_answer(scores: Built, label: int) -> None:
    assert scores.ask(_scores(2**31 - 1), x=1.0).label == 2**31 - 1
    with pytest.raises(ModelFailed, match=f"field label: got {label}, expected -2147483648 to"):
        scores.ask(_scores(label), x=1.0)


def test_another_number_of_values_is_no_answer(scores: Built) -> None:
    with pytest.raises(ModelFailed, match="field label: got 2 values, expected one"):
        scores.ask(_scores() | {"label": np.array([1, 0])}, x=1.0)
    with pytest.raises(ModelFailed, match="field likely"):
        scores.ask(_scores() | {"chances": np.array([[0.5]], np.float32)}, x=1.0)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_no_answer_unless_it_may_be(number: float) -> None:
    outputs = {"fare": np.array([[number]], np.float32)}
    with pytest.raises(ModelFailed, match=r"field fare: got .*, expected a finite number"):
        _built("float fare", outputs=[FARE]).ask(outputs, x=1.0)
    told = _built("float fare [(non_finite) = true]", outputs=[FARE]).ask(outputs, x=1.0)
    assert np.array_equal([told.fare], [number], equal_nan=True)


def test_a_double_beyond_a_float_is_no_answer() -> None:
    built = _built("float y", outputs=[TensorSpec("y", "FP64", (-1, 1))])
    assert built.ask({"y": np.array([[0.5]])}, x=1.0).y == 0.5
    with pytest.raises(ModelFailed, match=r"got 1e\+300"):
        built.ask({"y": np.array([[1e300]])}, x=1.0)


def test_errors_tell_which_optional_field_has_no_value() -> None:
    built = _built("optional float fare", "repeated string errors", outputs=[FARE])
    good = built.ask({"fare": np.array([[0.0]], np.float32)}, x=1.0)
    assert good.HasField("fare")
    assert list(good.errors) == []
    bad = built.ask({"fare": np.array([[np.nan]], np.float32)}, x=1.0)
    assert not bad.HasField("fare")
    assert list(bad.errors) == ["field fare: got nan, expected a finite number"]


def test_a_field_that_cannot_be_unset_is_never_zero_for_want_of_a_value() -> None:
    built = _built("float fare", "repeated string errors", outputs=[FARE])
    with pytest.raises(ModelFailed):
        built.ask({"fare": np.array([[np.nan]], np.float32)}, x=1.0)


def test_warnings_and_errors_by_option() -> None:
    ask = question("optional double x [(maximum) = 1, (on_violation) = WARN]")
    fields = (
        "float warnings",
        "repeated string told [(warnings) = true]",
        "repeated string lost [(errors) = true]",
    )
    built = _built(*fields, outputs=[TensorSpec("warnings", "FP32", (-1,))], ask=ask)
    told = built.ask({"warnings": np.array([2.5], np.float32)}, x=3.0)
    assert told.warnings == 2.5
    assert list(told.told) == ["field x: got 3.0, expected any to 1"]
    assert list(told.lost) == []


@pytest.mark.parametrize("datatype", ["INT64", "BYTES"])
def test_enums(datatype: str) -> None:
    enum = "enum Verdict { GOOD = 0; BAD = 1; }"
    built = _built("Verdict y", outputs=[TensorSpec("y", datatype, (-1,))], ask=enum + _ASK)
    good: Any = np.array([1]) if datatype == "INT64" else np.array(["BAD"], object)
    bad: Any = np.array([7]) if datatype == "INT64" else np.array(["WORSE"], object)
    assert built.ask({"y": good}, x=1.0).y == 1
    with pytest.raises(ModelFailed, match="expected a value of the enum"):
        built.ask({"y": bad}, x=1.0)


def test_rows_are_told_in_order() -> None:
    ask = question("repeated double x")
    fields = ("repeated float fare", "repeated double b [(output) = 'xy', (column) = 1]")
    built = _built(*fields, outputs=[FARE, TensorSpec("xy", "FP64", (-1, 2))], ask=ask)
    outputs = {"fare": np.array([[1], [2], [3]], np.float32), "xy": np.arange(6.0).reshape(3, 2)}
    told = built.ask(outputs, x=[1, 2, 3])
    assert (list(told.fare), list(told.b)) == ([1, 2, 3], [1, 3, 5])
    with pytest.raises(ModelFailed, match="field fare: got 3 values, expected 2"):
        built.ask(outputs, x=[1, 2])


@pytest.fixture(scope="module")
def double() -> Built:
    return _built("double y", outputs=[TensorSpec("y", "FP64", (-1, 1))])


@given(value=st.floats())
@settings(max_examples=200, deadline=None)
def test_a_number_is_told_as_it_is_or_not_at_all(double: Built, value: float) -> None:
    try:
        told = double.ask({"y": np.array([[value]])}, x=1.0)
    except ModelFailed:
        assert not math.isfinite(value)
    else:
        assert told.y == value


def test_a_real_model_is_asked(tmp_path_factory: pytest.TempPathFactory) -> None:
    inputs = [TensorSpec("distance", "FP32", (-1, 1)), TensorSpec("passengers", "INT64", (-1, 1))]
    data = (taxi_model(tmp_path_factory.mktemp("typed")) / "model.onnx").read_bytes()
    engine = OnnxEngine(data, described(inputs, [FARE]))
    built = build(question("optional double distance", "optional int32 passengers"), inputs)
    asked = built.decode(distance=4.0, passengers=0)
    arrays = engine.run(asked.inputs, list(built.method.outputs))
    outputs = dict(zip(built.method.outputs, arrays, strict=True))
    told = built.answer.FromString(built.method.encode(asked, outputs))
    assert told.fare == 4.0 * 2.5 + 3.0
