"""Tensors: every datatype there and back, by raw and by typed contents."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_service.data_plane import DataPlane
from inference_service.datatypes import DATATYPES
from inference_service.description import TensorSpec
from inference_service.errors import InvalidRequest
from inference_service.repository import ModelRepository
from inference_service.tensors import decode_tensor, encode_raw
from protos import inference_pb2 as pb

_LIMITS: dict[str, list[Any]] = {
    "BOOL": [True, False],
    "INT8": [-128, 127],
    "INT16": [-(2**15), 2**15 - 1],
    "INT32": [-(2**31), 2**31 - 1],
    "INT64": [-(2**63), 2**63 - 1],
    "UINT8": [0, 255],
    "UINT16": [0, 2**16 - 1],
    "UINT32": [0, 2**32 - 1],
    "UINT64": [0, 2**64 - 1],
    "FP16": [-65504.0, 0.5],
    "FP32": [1.5, float("inf")],
    "FP64": [1e300, -0.1],
    "BYTES": ["", "Grüße, 世界"],
}


@pytest.fixture(scope="module")
def plane(echo: Path) -> DataPlane:
    return DataPlane(ModelRepository(echo))


def _array(word: str) -> np.ndarray[Any, Any]:
    dtype = DATATYPES[word].dtype
    return np.array(_LIMITS[word], dtype=object if dtype is None else dtype)


def _raw_request() -> pb.ModelInferRequest:
    request = pb.ModelInferRequest(model_name="echo")
    for word in DATATYPES:
        request.inputs.add(name=f"in_{word}", datatype=word, shape=[1, 2])
        request.raw_input_contents.append(encode_raw(_array(word)))
    return request


def _asked(plane: DataPlane, request: pb.ModelInferRequest) -> pb.ModelInferResponse:
    return pb.ModelInferResponse.FromString(plane.infer(request.SerializeToString()))


def test_every_datatype_comes_back_as_it_was_sent(plane: DataPlane) -> None:
    request = _raw_request()
    response = _asked(plane, request)
    assert [o.datatype for o in response.outputs] == list(DATATYPES)
    assert list(response.raw_output_contents) == list(request.raw_input_contents)
    assert all(list(o.shape) == [1, 2] for o in response.outputs)


def test_only_the_requested_outputs_come_in_the_requested_order(plane: DataPlane) -> None:
    request = _raw_request()
    request.outputs.add(name="out_INT8")
    request.outputs.add(name="out_BYTES")
    response = _asked(plane, request)
    assert [o.name for o in response.outputs] == ["out_INT8", "out_BYTES"]
    assert list(response.raw_output_contents) == [
        encode_raw(_array("INT8")),
        encode_raw(_array("BYTES")),
    ]


@pytest.mark.parametrize("word", [word for word, kind in DATATYPES.items() if kind.field])
def test_typed_contents_mean_the_same_as_raw_ones(word: str) -> None:
    spec = TensorSpec("x", word, (-1,))
    tensor = pb.ModelInferRequest.InferInputTensor(name="x", datatype=word, shape=[2])
    raw = decode_tensor(tensor, encode_raw(_array(word)), spec)
    values = _LIMITS[word]
    field = DATATYPES[word].field
    assert field is not None
    getattr(tensor.contents, field).extend(
        [value.encode() for value in values] if word == "BYTES" else values
    )
    typed = decode_tensor(tensor, None, spec)
    assert typed.dtype == raw.dtype
    assert typed.tolist() == raw.tolist() == values


def test_half_precision_has_no_typed_field() -> None:
    tensor = pb.ModelInferRequest.InferInputTensor(name="x", datatype="FP16", shape=[1])
    tensor.contents.fp32_contents.append(1.0)
    with pytest.raises(InvalidRequest, match="raw_input_contents"):
        decode_tensor(tensor, None, TensorSpec("x", "FP16", (-1,)))


def test_a_typed_value_beyond_its_datatype_is_refused() -> None:
    tensor = pb.ModelInferRequest.InferInputTensor(name="x", datatype="INT8", shape=[1])
    tensor.contents.int_contents.append(128)
    with pytest.raises(InvalidRequest, match="values of INT8"):
        decode_tensor(tensor, None, TensorSpec("x", "INT8", (-1,)))


@pytest.mark.parametrize(
    ("word", "raw", "text"),
    [
        ("BOOL", b"\x02", "0 or 1"),
        ("BYTES", b"\x01", "expected 5"),
        ("BYTES", b"\x05\x00\x00\x00abc", "expected 9"),
        ("BYTES", b"\x01\x00\x00\x00\xff", "UTF-8"),
    ],
)
def test_raw_bytes_that_mean_nothing_are_refused(word: str, raw: bytes, text: str) -> None:
    tensor = pb.ModelInferRequest.InferInputTensor(name="x", datatype=word, shape=[1])
    with pytest.raises(InvalidRequest, match=text):
        decode_tensor(tensor, raw, TensorSpec("x", word, (-1,)))


@given(raw=st.binary(max_size=64), word=st.sampled_from(sorted(DATATYPES)), size=st.integers(0, 9))
@settings(max_examples=300, deadline=None)
def test_whatever_comes_it_is_read_or_refused(raw: bytes, word: str, size: int) -> None:
    tensor = pb.ModelInferRequest.InferInputTensor(name="x", datatype=word, shape=[size])
    try:
        array = decode_tensor(tensor, raw, TensorSpec("x", word, (-1,)))
    except InvalidRequest:
        return
    assert array.shape == (size,)
    assert encode_raw(array) == raw
