"""Categories of model.json: what they may be, and how a value that is none of them is refused."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_service.description import TensorSpec, parse_description
from inference_service.errors import InvalidRequest
from inference_service.tensors import check_values, decode_tensor, encode_raw
from protos import inference_pb2 as pb
from protos.errors import ConfigurationError


def _parsed(datatype: str, **fields: Any) -> TensorSpec:
    tensor = {"name": "x", "datatype": datatype, "shape": [-1, 1]}
    description = {
        "name": "taxi",
        "version": "aaaaaaaaaaaa",
        "digest": "sha256:" + "a" * 64,
        "inputs": [tensor | fields],
        "outputs": [tensor],
    }
    return parse_description(json.dumps(description).encode()).inputs[0]


def test_categories_are_texts_or_integers() -> None:
    assert _parsed("BYTES", categories=["card", "cash"]).categories == ("card", "cash")
    assert _parsed("UINT8", categories=[1, 99]).categories == (1, 99)
    assert _parsed("FP32").categories is None


@pytest.mark.parametrize(
    ("datatype", "categories", "expected"),
    [
        ("FP32", [1.5], "none for FP32"),
        ("BOOL", [1], "none for BOOL"),
        ("INT8", ["a"], "a list of integers"),
        ("INT8", [True], "a list of integers"),
        ("BYTES", [1], "a list of texts"),
        ("BYTES", "card", "a list of texts"),
        ("BYTES", [], "a list of texts"),
        ("INT64", [1, 1], "different values"),
    ],
)
def test_other_categories_are_refused(datatype: str, categories: Any, expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected) as refused:
        _parsed(datatype, categories=categories)
    assert refused.value.what.startswith("model.json: inputs[0].categories is ")


def test_whether_there_is_anything_to_check() -> None:
    assert not _parsed("FP32").bounded
    assert _parsed("FP32", minimum=0).bounded
    assert _parsed("FP32", maximum=0).bounded
    assert _parsed("BYTES", categories=["a"]).bounded


def _decode(values: Any, spec: TensorSpec) -> Any:
    tensor = pb.ModelInferRequest.InferInputTensor(
        name="payment", datatype=spec.datatype, shape=[len(values)]
    )
    return decode_tensor(tensor, encode_raw(values), spec)


def test_a_text_that_is_no_category_is_refused_by_its_place() -> None:
    spec = TensorSpec("payment", "BYTES", (-1,), categories=("card", "cash"))
    good = np.array(["cash", "card", "card"], object)
    assert _decode(good, spec).tolist() == good.tolist()
    with pytest.raises(InvalidRequest) as refused:
        _decode(np.array(["card", "cash", "cash", "gold"], object), spec)
    assert str(refused.value) == (
        "input 'payment': value 3: got 'gold', expected one of card, cash"
    )


def test_an_integer_that_is_no_category_is_refused() -> None:
    spec = TensorSpec("payment", "INT64", (-1,), categories=(1, 99))
    assert _decode(np.array([99, 1]), spec).tolist() == [99, 1]
    with pytest.raises(InvalidRequest, match=r"value 1: got 2, expected one of 1, 99$"):
        _decode(np.array([1, 2]), spec)


def test_a_refusal_stays_short_whatever_is_sent_and_known() -> None:
    known = tuple(f"{n}-" + "y" * 1000 for n in range(1000))
    spec = TensorSpec("payment", "BYTES", (-1,), categories=known)
    with pytest.raises(InvalidRequest, match=r"and 992 more$") as refused:
        check_values(np.array(["x" * 10_000], object), spec)
    assert len(str(refused.value)) < 600


@given(
    values=st.lists(st.integers(-3, 3), min_size=1), known=st.sets(st.integers(-3, 3), min_size=1)
)
@settings(max_examples=200, deadline=None)
def test_refused_exactly_if_one_value_is_unknown(values: list[int], known: set[int]) -> None:
    spec = TensorSpec("x", "INT8", (-1,), categories=tuple(known))
    wrong = [place for place, value in enumerate(values) if value not in known]
    if wrong:
        with pytest.raises(InvalidRequest, match=f"value {wrong[0]}:"):
            check_values(np.array(values, np.int8), spec)
    else:
        check_values(np.array(values, np.int8), spec)


def test_a_text_that_is_too_long_is_refused_with_its_length() -> None:
    spec = _parsed("BYTES", max_length=5)
    assert spec.bounded
    tensor = pb.ModelInferRequest.InferInputTensor(name="x", datatype="BYTES", shape=[2, 1])
    fits = np.array(["steel", "ähnli"], dtype=object)
    assert decode_tensor(tensor, encode_raw(fits), spec).ravel().tolist() == ["steel", "ähnli"]
    with pytest.raises(InvalidRequest, match="value 1: got 6 characters, expected at most 5"):
        decode_tensor(tensor, encode_raw(np.array(["steel", "copper"], dtype=object)), spec)


@pytest.mark.parametrize(
    ("datatype", "length", "expected"),
    [("FP32", 5, "none for FP32"), ("BYTES", 0, "characters"), ("BYTES", "5", "characters")],
)
def test_lengths_that_are_none(datatype: str, length: object, expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        _parsed(datatype, max_length=length)


@pytest.mark.parametrize("datatype", ["FP32", "FP64"])
def test_unknown_numbers_are_refused_where_they_may_not_be(datatype: str) -> None:
    tensor = pb.ModelInferRequest.InferInputTensor(name="x", datatype=datatype, shape=[2, 1])
    values = np.array([1.0, np.nan], np.float32 if datatype == "FP32" else np.float64)
    passes = _parsed(datatype, minimum=0)
    assert np.isnan(decode_tensor(tensor, encode_raw(values), passes)[1, 0])
    spec = _parsed(datatype, nullable=False)
    assert spec.bounded
    with pytest.raises(InvalidRequest, match="value 1: got NaN, expected a known value"):
        decode_tensor(tensor, encode_raw(values), spec)
    assert decode_tensor(tensor, encode_raw(values[[0, 0]]), spec).sum() == 2


def test_empty_texts_are_refused_where_they_may_not_be() -> None:
    tensor = pb.ModelInferRequest.InferInputTensor(name="x", datatype="BYTES", shape=[2, 1])
    values = np.array(["", "steel"], dtype=object)
    assert decode_tensor(tensor, encode_raw(values), _parsed("BYTES"))[0, 0] == ""
    with pytest.raises(InvalidRequest, match="value 0: got an empty text, expected a known value"):
        decode_tensor(tensor, encode_raw(values), _parsed("BYTES", nullable=False))


@pytest.mark.parametrize(
    ("datatype", "nullable", "expected"),
    [("INT64", False, "none for INT64"), ("FP32", 0, "true or false")],
)
def test_what_cannot_be_said_of_unknown_values(
    datatype: str, nullable: object, expected: str
) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        _parsed(datatype, nullable=nullable)
