"""Values of tensors as JSON has them: what goes in comes out, and what is wrong is named."""

import contextlib
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_service.datatypes import DATATYPES
from inference_service.errors import InvalidRequest, ModelFailed
from inference_service.http_face.json_tensors import checked_shape, from_raw, to_raw
from inference_service.http_face.messages import infer_answer, infer_request, plain, read_object
from protos import inference_pb2 as pb


def _elements(datatype: str) -> st.SearchStrategy[Any]:
    dtype = DATATYPES[datatype].dtype
    if dtype is None:
        return st.text(max_size=8)
    if dtype.kind == "b":
        return st.booleans()
    if dtype.kind == "f":
        floats = st.floats(width=8 * dtype.itemsize, allow_nan=False, allow_infinity=False)  # type: ignore[arg-type]
        return st.none() | floats
    bounds = np.iinfo(dtype)  # type: ignore[type-var]
    return st.integers(int(bounds.min), int(bounds.max))


@st.composite
def tensors(draw: st.DrawFn) -> tuple[str, list[int], list[Any]]:
    datatype = draw(st.sampled_from(sorted(DATATYPES)))
    shape = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    count = math.prod(shape)
    return datatype, shape, draw(st.lists(_elements(datatype), min_size=count, max_size=count))


def nested(flat: list[Any], shape: list[int]) -> list[Any]:
    if len(shape) == 1:
        return flat
    size = math.prod(shape[1:])
    return [nested(flat[row * size : (row + 1) * size], shape[1:]) for row in range(shape[0])]


@given(tensors())
def test_every_datatype_comes_back_flat_or_nested(
    tensor: tuple[str, list[int], list[Any]],
) -> None:
    datatype, shape, flat = tensor
    for data in (flat, nested(flat, shape)):
        as_sent = json.loads(json.dumps(data))
        back = from_raw(to_raw(as_sent, shape, datatype, "x"), datatype)
        assert back == flat
        assert list(map(type, back)) == list(map(type, flat))
        json.dumps(back, allow_nan=False)


def test_null_is_nan_and_infinity_is_null() -> None:
    raw = to_raw([1, None], [2], "FP32", "x")
    assert np.isnan(np.frombuffer(raw, "<f4")).tolist() == [False, True]
    infinite = np.array([math.inf, -math.inf, math.nan, 1.5], "<f4").tobytes()
    assert from_raw(infinite, "FP32") == [None, None, None, 1.5]


@pytest.mark.parametrize(
    ("datatype", "data", "why"),
    [
        ("FP32", [1e39], "out of range"),
        ("FP64", [10**400], "out of range"),
        ("FP16", [70000.0], "out of range"),
        ("FP32", [json.loads("1e999")], "out of range"),
        ("FP32", ["1"], "a text"),
        ("FP32", [True], "true or false"),
        ("INT8", [128], "out of range"),
        ("UINT8", [-1], "out of range"),
        ("INT64", [1 << 63], "out of range"),
        ("INT64", [1.0], "a number"),
        ("INT64", [None], "null"),
        ("INT64", [True], "true or false"),
        ("BOOL", [1], "a number"),
        ("BYTES", [1], "a number"),
        ("BYTES", [None], "null"),
        ("BYTES", ["\ud800"], "out of range"),
        ("FP32", [{}], "an object"),
        ("FP32", 1.0, "a number"),
        ("FP32", None, "null"),
        ("COMPLEX", [1], "COMPLEX"),
        ("BF16", [1], "BF16"),
    ],
)
def test_a_wrong_value_is_named(datatype: str, data: Any, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why) as refused:
        to_raw(data, [1], datatype, "input 'x'")
    assert "input 'x'" in str(refused.value)


@pytest.mark.parametrize(
    "data",
    [
        [[1, 2], [3]],
        [[1, 2], 3],
        [[1, 2]],
        [[[1], [2]], [[3], [4]]],
        [[1, 2, 3], [4]],
        [[[[[[1]]]]]],
    ],
)
def test_nesting_must_be_that_of_the_shape(data: Any) -> None:
    assert len(to_raw([[1, 2], [3, 4]], [2, 2], "INT8", "x")) == 4
    with pytest.raises(InvalidRequest, match="x"):
        to_raw(data, [2, 2], "INT8", "x")


@pytest.mark.parametrize("shape", [None, 1, [1.0], [True], [-1], ["1"], [1] * 33, [1 << 63], {}])
def test_a_shape_is_a_list_of_sizes(shape: Any) -> None:
    assert checked_shape([0, 2], "x") == [0, 2]
    with pytest.raises(InvalidRequest, match="shape"):
        checked_shape(shape, "x")


def test_bytes_that_are_no_text_are_told() -> None:
    with pytest.raises(ModelFailed, match="no text"):
        from_raw(b"\x01\x00\x00\x00\xff", "BYTES")


def test_a_whole_question_is_read() -> None:
    body = {
        "id": "7",
        "parameters": {"a": True, "b": -5, "c": 1.5, "d": "x", "e": (1 << 64) - 1},
        "inputs": [
            {
                "name": "x",
                "shape": [1, 2],
                "datatype": "INT64",
                "parameters": {"p": 1},
                "data": [[1, 2]],
            }
        ],
        "outputs": [{"name": "y", "parameters": {"q": "z"}}],
    }
    request = infer_request(json.dumps(body).encode(), "taxi", "3")
    assert (request.model_name, request.model_version, request.id) == ("taxi", "3", "7")
    kinds = {
        name: value.WhichOneof("parameter_choice") for name, value in request.parameters.items()
    }
    assert kinds == {
        "a": "bool_param",
        "b": "int64_param",
        "c": "double_param",
        "d": "string_param",
        "e": "uint64_param",
    }
    assert list(request.inputs[0].shape) == [1, 2]
    assert request.inputs[0].parameters["p"].int64_param == 1
    assert request.raw_input_contents == [np.array([1, 2], "<i8").tobytes()]
    assert request.outputs[0].parameters["q"].string_param == "z"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "not JSON"),
        (b"[]", "no JSON object"),
        (b"\xff\xfe\xfd", "UTF-8"),
        (b'{"id": 1}', "id"),
        (b'{"id": "\\ud800"}', "half a character"),
        (b'{"inputs": {}}', "inputs"),
        (b'{"inputs": [1]}', "an object"),
        (b'{"inputs": [{"shape": [1]}]}', "name"),
        (b'{"inputs": [{"name": "x", "shape": [1], "data": [1]}]}', "datatype"),
        (b'{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32"}]}', "data"),
        (b'{"inputs": [{"name": "x", "date": 1}]}', "'date'"),
        (b'{"input": []}', "'input'"),
        (b'{"parameters": {"a": null}}', "parameter 'a'"),
        (b'{"parameters": {"a": 18446744073709551616}}', "parameter 'a'"),
        (b'{"parameters": []}', "parameters"),
        (b'{"outputs": [{}]}', "outputs"),
        (b'{"id": NaN}', "a number that JSON does not have"),
        (b'{"id": ' + b"9" * 5000 + b"}", "a number that JSON does not have"),
        (b"[" * 100_000, "nested"),
        (b'{"a":' * 100_000, "nested"),
    ],
)
def test_a_wrong_question_is_named(body: bytes, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        infer_request(body, "taxi", "")


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_body_is_an_accident(body: bytes) -> None:
    with contextlib.suppress(InvalidRequest):
        assert isinstance(read_object(body), dict)
        infer_request(body, "taxi", "")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["name", "shape", "datatype", "data", "parameters", "inputs", "outputs", "id"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values, st.sampled_from(sorted(DATATYPES)), json_values)
def test_no_json_is_an_accident(data: Any, datatype: str, shape: Any) -> None:
    body = {"inputs": [{"name": "x", "datatype": datatype, "shape": shape, "data": data}]}
    for value in (body, {"inputs": data, "outputs": shape}, {"parameters": data}):
        text = json.dumps(value).replace("Infinity", "1e999").encode()
        with contextlib.suppress(InvalidRequest):
            infer_request(text, "taxi", "")


def test_an_answer_with_typed_contents_is_read_too() -> None:
    response = pb.ModelInferResponse(model_name="m", id="1")
    output = response.outputs.add(name="y", datatype="FP32", shape=[2])
    output.contents.fp32_contents.extend([1.5, math.nan])
    texts = response.outputs.add(name="t", datatype="BYTES", shape=[1])
    texts.contents.bytes_contents.append(b"word")
    response.parameters["p"].int64_param = 3
    answer = infer_answer(response)
    assert [one["data"] for one in answer["outputs"]] == [[1.5, None], ["word"]]
    assert answer["parameters"] == {"p": 3}


def test_a_message_becomes_plain_json() -> None:
    message = pb.ModelMetadataResponse(name="taxi", versions=["1"], properties={"b": "2", "a": "1"})
    message.inputs.add(name="x", datatype="FP32", shape=[-1, 1])
    assert plain(message) == {
        "name": "taxi",
        "versions": ["1"],
        "platform": "",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 1]}],
        "outputs": [],
        "properties": {"a": "1", "b": "2"},
    }
