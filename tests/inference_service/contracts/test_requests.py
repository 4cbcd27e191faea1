"""What a client sends: it reaches the model as it is, or is refused by the name of the field."""

import math
from typing import Any

import numpy as np
import pytest

from inference_service.contracts.requests import MOST_UNKNOWN_BYTES, MOST_VALUES
from inference_service.contracts.rule import MOST_WARNINGS
from inference_service.description import TensorSpec
from inference_service.errors import InvalidRequest
from tests.inference_service.contracts.build import Built, build, question

_DISTANCE = TensorSpec("distance", "FP32", (-1, 1), 0, 500)
_PEOPLE = TensorSpec("passengers", "INT8", (-1, 1))
_PAYMENT = TensorSpec("payment", "BYTES", (-1, 1), categories=("card", "cash"))


@pytest.fixture(scope="module")
def taxi() -> Built:
    fields = (
        "optional double distance",
        "optional int32 passengers [(minimum) = 1, (maximum) = 6, (on_violation) = WARN]",
        "optional string payment [(default) = 'cash']",
    )
    return build(question(*fields), [_DISTANCE, _PEOPLE, _PAYMENT])


def test_a_good_question_reaches_the_model_as_it_is(taxi: Built) -> None:
    asked = taxi.decode(distance=2.5, passengers=3, payment="card")
    assert asked.rows == 1
    assert asked.warnings == []
    assert {name: array.tolist() for name, array in asked.inputs.items()} == {
        "distance": [[2.5]],
        "passengers": [[3]],
        "payment": [["card"]],
    }
    assert [a.dtype for a in asked.inputs.values()] == [np.float32, np.int8, np.object_]


def test_zero_is_a_value_and_unset_is_none(taxi: Built) -> None:
    assert taxi.decode(distance=0.0, passengers=1).inputs["distance"].tolist() == [[0.0]]
    with pytest.raises(InvalidRequest, match=r"^field distance: got nothing, expected a number$"):
        taxi.decode(passengers=1)
    with pytest.raises(InvalidRequest, match="field passengers: got nothing, expected an integer"):
        taxi.decode(distance=1.0)


def test_an_unset_field_with_a_default_has_it(taxi: Built) -> None:
    assert taxi.decode(distance=1.0, passengers=1).inputs["payment"].tolist() == [["cash"]]


@pytest.mark.parametrize("distance", [-0.001, 500.001])
def test_bounds_of_the_model_refuse(taxi: Built, distance: float) -> None:
    with pytest.raises(
        InvalidRequest, match=rf"^field distance: got {distance}, expected 0 to 500"
    ):
        taxi.decode(distance=distance, passengers=1)


@pytest.mark.parametrize(("passengers", "warnings"), [(6, 0), (1, 0), (7, 1), (0, 1), (-1, 1)])
def test_bounds_that_warn_let_pass_and_tell(taxi: Built, passengers: int, warnings: int) -> None:
    outputs = {"fare": np.array([[3.5]], np.float32)}
    answer = taxi.ask(outputs, distance=1.0, passengers=passengers)
    assert answer.fare == 3.5
    told = [f"field passengers: got {passengers}, expected 1 to 6"]
    assert list(answer.warnings) == told * warnings


def test_what_the_input_cannot_hold_is_refused_even_where_bounds_only_warn(taxi: Built) -> None:
    assert taxi.decode(distance=1.0, passengers=127).warnings
    with pytest.raises(InvalidRequest, match="passengers: got 128, expected an integer of INT8"):
        taxi.decode(distance=1.0, passengers=128)


def test_a_category_that_the_model_does_not_know_is_refused(taxi: Built) -> None:
    with pytest.raises(InvalidRequest, match=r"payment: got 'gold', expected one of card, cash$"):
        taxi.decode(distance=1.0, passengers=1, payment="gold")
    with pytest.raises(InvalidRequest, match="got '', expected one of"):
        taxi.decode(distance=1.0, passengers=1, payment="")


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused(taxi: Built, number: float) -> None:
    with pytest.raises(InvalidRequest, match=r"distance: got .*, expected a finite number"):
        taxi.decode(distance=number, passengers=1)


def test_what_is_not_finite_passes_where_the_contract_says_so() -> None:
    open_ended = build(question("optional double x [(non_finite) = true]"), [_x("FP32", maximum=5)])
    assert math.isnan(open_ended.decode(x=math.nan).inputs["x"].item())
    assert open_ended.decode(x=-math.inf).inputs["x"].item() == -math.inf
    with pytest.raises(InvalidRequest, match="got inf, expected any to 5"):
        open_ended.decode(x=math.inf)


def test_unknown_may_be_the_default() -> None:
    built = build(question("optional float x [(default) = 'nan']"), [_x("FP32", minimum=0)])
    assert math.isnan(built.decode().inputs["x"].item())
    with pytest.raises(InvalidRequest, match="finite"):
        built.decode(x=math.nan)


def test_a_wrong_type_and_damaged_bytes_are_refused(taxi: Built) -> None:
    text = build(question("optional string distance"), [TensorSpec("distance", "BYTES", (-1,))])
    message = text.question(distance="far").SerializeToString()
    with pytest.raises(InvalidRequest, match="field distance: got another type, expected a number"):
        taxi.method.decode(message)
    with pytest.raises(InvalidRequest, match=r"request: got other bytes, .* tests\.Question"):
        taxi.method.decode(b"\xff")
    not_utf8 = b"\x1a\x01\xff"
    with pytest.raises(InvalidRequest, match="request: got other bytes"):
        taxi.method.decode(not_utf8)


def test_a_wrong_type_does_not_fall_back_to_the_default() -> None:
    built = build(question("optional double x [(default) = '1']"), [_x("FP64")])
    assert built.method.decode(b"").inputs["x"].item() == 1.0
    with pytest.raises(InvalidRequest, match="field x: got another type"):
        built.method.decode(b"\x08\x05")  # an integer in field 1


def test_a_field_of_a_newer_client_is_ignored_and_told(taxi: Built) -> None:
    message = taxi.question(distance=1.0, passengers=2).SerializeToString() + b"\x48\x01"
    asked = taxi.method.decode(message)
    assert asked.warnings == ["field number 9: it is not in the contract"]
    assert asked.inputs["passengers"].item() == 2


def test_bounds_of_the_contract_stand_for_those_of_the_model() -> None:
    built = build(question("optional double x [(maximum) = 9]"), [_x("FP32", minimum=0, maximum=5)])
    assert built.decode(x=8.0).inputs["x"].item() == 8.0
    with pytest.raises(InvalidRequest, match="expected 0 to 9"):
        built.decode(x=-1.0)


def test_bounds_that_warn_do_not_widen_those_of_the_model() -> None:
    fields = ("optional double x [(minimum) = -20, (maximum) = 20.3, (on_violation) = WARN]",)
    built = build(question(*fields), [_x("FP32", minimum=-500.0, maximum=500.1)])
    for good in (-20.0, 0.0, 20.3):
        assert built.decode(x=good).warnings == []
    for odd in (-500.0, -20.001, 21.0, 500.1):
        asked = built.decode(x=odd)
        assert asked.inputs["x"].item() == np.float32(odd)
        assert asked.warnings == [f"field x: got {odd}, expected -20 to 20.3"]
    for wrong in (-500.2, 501.0, 1e30, math.nan):
        with pytest.raises(InvalidRequest, match=r"^field x: got .*, expected (-500 to|a finite)"):
            built.decode(x=wrong)


def test_bounds_of_the_model_warn_where_the_contract_gives_none_but_says_so() -> None:
    built = build(
        question("optional double x [(minimum) = -20, (on_violation) = WARN]"),
        [_x("FP64", minimum=-500.0, maximum=500.0)],
    )
    assert built.decode(x=501.0).warnings == ["field x: got 501.0, expected -20 to 500"]
    with pytest.raises(InvalidRequest, match=r"got -501\.0, expected -500 to any"):
        built.decode(x=-501.0)


@pytest.mark.parametrize("kind", ["float", "double"])
@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64"])
def test_a_value_at_its_bound_is_not_beyond_it(kind: str, datatype: str) -> None:
    spec = _x(datatype, minimum=-0.7, maximum=0.1)
    built = build(question(f"optional {kind} x"), [spec])
    assert built.decode(x=0.1).warnings == []
    assert built.decode(x=-0.7).warnings == []
    with pytest.raises(InvalidRequest, match="field x"):
        built.decode(x=0.11)


def test_enums_are_numbers_or_names() -> None:
    text = "enum Pay { UNKNOWN = 0; CARD = 1; CASH = 2; }" + question(
        "optional Pay code [(allowed) = 'CARD', (allowed) = 'CASH']",
        "optional Pay name [(default) = 'CASH']",
    )
    built = build(text, [_x("INT64", name="code"), _x("BYTES", name="name")])
    asked = built.decode(code=1, name=1)
    assert [array.item() for array in asked.inputs.values()] == [1, "CARD"]
    assert built.decode(code=2).inputs["name"].item() == "CASH"
    with pytest.raises(InvalidRequest, match="code: got 'UNKNOWN', expected one of CARD, CASH"):
        built.decode(code=0)
    with pytest.raises(InvalidRequest, match="name: got 7, expected one of UNKNOWN, CARD, CASH"):
        built.decode(code=1, name=7)


def test_allowed_integers() -> None:
    text = question("optional int64 x [(allowed) = '1', (allowed) = '99']")
    built = build(text, [_x("INT64")])
    assert built.decode(x=99).inputs["x"].item() == 99
    with pytest.raises(InvalidRequest, match="field x: got 2, expected one of 1, 99"):
        built.decode(x=2)


def test_categories_of_the_model_hold_for_every_kind_of_field() -> None:
    text = "enum Pay { NONE = 0; CARD = 1; }" + question(
        "optional bool b", "optional Pay e", "optional int32 i"
    )
    known = {"categories": (1, 99)}
    built = build(text, [_x("INT8", name=name, **known) for name in "bei"])
    assert built.decode(b=True, e=1, i=99).inputs["i"].item() == 99
    for wrong in ({"b": False}, {"e": 0}, {"i": 2}):
        (name,) = wrong
        with pytest.raises(InvalidRequest, match=f"field {name}: got .*, expected one of 1, 99"):
            built.decode(**{"b": True, "e": 1, "i": 1} | wrong)


def test_a_field_that_is_not_optional_may_mean_zero_if_the_contract_says_so() -> None:
    built = build(question("double x [(default) = '0']"), [_x("FP32")])
    assert built.decode().inputs["x"].item() == 0.0
    assert built.decode(x=3.0).inputs["x"].item() == 3.0


def test_columns_of_one_input() -> None:
    text = question(
        "optional double b [(input) = 'x', (column) = 1]",
        "optional double a [(input) = 'x', (column) = 0]",
    )
    for shape in ((-1, 2), (1, 2), (-1, -1)):
        built = build(text, [TensorSpec("x", "FP32", shape)])
        assert built.decode(a=1.0, b=2.0).inputs["x"].tolist() == [[1.0, 2.0]]
        with pytest.raises(InvalidRequest, match="field b: got nothing"):
            built.decode(a=1.0)


@pytest.mark.parametrize(
    ("shape", "values"),
    [((), 1.5), ((-1,), [1.5]), ((1,), [1.5]), ((1, 1), [[1.5]]), ((-1, 1, 1), [[[1.5]]])],
)
def test_one_value_in_every_shape(shape: tuple[int, ...], values: Any) -> None:
    built = build(question("optional double x"), [TensorSpec("x", "FP32", shape)])
    assert built.decode(x=1.5).inputs["x"].tolist() == values


def test_a_repeated_field_is_a_row_of_an_input_with_several_columns() -> None:
    built = build(question("repeated double x"), [TensorSpec("x", "FP32", (-1, 3), 0, 5)])
    assert built.decode(x=[1, 2, 3]).inputs["x"].tolist() == [[1.0, 2.0, 3.0]]
    with pytest.raises(InvalidRequest, match="field x: got 2 values, expected 3"):
        built.decode(x=[1, 2])
    with pytest.raises(InvalidRequest, match=r"field x: value 1: got 6\.0, expected 0 to 5"):
        built.decode(x=[1, 6, 3])
    pixels = build(question("repeated int32 x"), [TensorSpec("x", "UINT8", (-1, 2, 2))])
    assert pixels.decode(x=[1, 2, 3, 4]).inputs["x"].tolist() == [[[1, 2], [3, 4]]]


@pytest.fixture(scope="module")
def rows() -> Built:
    fields = (
        "repeated double distance",
        "repeated string payment",
        "repeated double a [(input) = 'xy', (column) = 0, (maximum) = 9, (on_violation) = WARN]",
        "repeated double b [(input) = 'xy', (column) = 1]",
    )
    text = question(*fields) + (
        "message Answer { repeated float fare = 1; repeated string warnings = 2; }"
    )
    return build(text, [_DISTANCE, _PAYMENT, TensorSpec("xy", "FP64", (-1, 2))])


def test_repeated_fields_are_rows(rows: Built) -> None:
    asked = rows.decode(distance=[1, 2], payment=["card", "cash"], a=[3, 4], b=[5, 6])
    assert asked.rows == 2
    assert asked.inputs["distance"].tolist() == [[1.0], [2.0]]
    assert asked.inputs["payment"].tolist() == [["card"], ["cash"]]
    assert asked.inputs["xy"].tolist() == [[3.0, 5.0], [4.0, 6.0]]


def test_rows_must_be_complete(rows: Built) -> None:
    with pytest.raises(InvalidRequest, match="field b: got 1 values, expected 2 as distance has"):
        rows.decode(distance=[1, 2], payment=["card", "cash"], a=[3, 4], b=[5])
    with pytest.raises(InvalidRequest, match="field distance: got no value, expected at least one"):
        rows.decode()


def test_a_wrong_row_is_named_by_its_place(rows: Built) -> None:
    with pytest.raises(InvalidRequest, match="field payment: value 1: got 'gold'"):
        rows.decode(distance=[1, 2], payment=["card", "gold"], a=[3, 4], b=[5, 6])


def test_warnings_are_bounded(rows: Built) -> None:
    size = 1000
    asked = rows.decode(distance=[1] * size, payment=["card"] * size, a=[10] * size, b=[0] * size)
    assert asked.rows == size
    assert len(asked.warnings) == MOST_WARNINGS + 1
    assert asked.warnings[0] == "field a: value 0: got 10.0, expected any to 9"
    assert asked.warnings[-1] == "there is more to warn of than is told here"


def test_no_more_values_are_read_than_are_read_in_good_time() -> None:
    built = build(
        question("repeated int32 x") + "message Answer { repeated float fare = 1; }", [_x("INT8")]
    )
    packed = b"\x0a" + _varint(MOST_VALUES) + bytes(MOST_VALUES)
    assert built.method.decode(packed).rows == MOST_VALUES
    with pytest.raises(InvalidRequest, match="field x: got 1048577 values, expected at most"):
        built.method.decode(b"\x0a" + _varint(MOST_VALUES + 1) + bytes(MOST_VALUES + 1))


def test_heaps_of_unknown_fields_are_not_looked_at(taxi: Built) -> None:
    good = taxi.question(distance=1.0, passengers=2).SerializeToString()
    unknown = b"\x48\x01"  # field 9
    some = taxi.method.decode(good + unknown * (MOST_UNKNOWN_BYTES // 2))
    assert len(some.warnings) == MOST_WARNINGS + 1
    with pytest.raises(InvalidRequest, match="request: got 16386 bytes that are not in the contr"):
        taxi.method.decode(good + unknown * (MOST_UNKNOWN_BYTES // 2 + 1))
    large = taxi.question(distance=1.0, passengers=2, payment="x" * 100_000).SerializeToString()
    with pytest.raises(InvalidRequest, match="field payment"):
        taxi.method.decode(large)


def _varint(number: int) -> bytes:
    data = bytearray()
    while number > 127:
        data.append(number & 127 | 128)
        number >>= 7
    return bytes([*data, number])


def test_long_texts_are_cut_in_errors(taxi: Built) -> None:
    with pytest.raises(InvalidRequest) as refused:
        taxi.decode(distance=1.0, passengers=1, payment="x" * 100_000)
    assert len(str(refused.value)) < 200


def _x(datatype: str, *, name: str = "x", **bounds: Any) -> TensorSpec:
    return TensorSpec(name, datatype, (-1, 1), **bounds)
