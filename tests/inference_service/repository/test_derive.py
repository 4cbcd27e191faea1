"""Descriptions derived from the graph of a bare file."""

import re
from pathlib import Path

import pytest
from onnx import TensorProto, helper

from inference_service.repository.derive import derive_description
from protos.digests import digest_bytes, short
from protos.errors import ConfigurationError
from tests.inference_service.models import echo_model
from tests.inference_service.repository.folders import onnx_bytes


def test_every_datatype_and_its_shape(tmp_path: Path) -> None:
    data = (echo_model(tmp_path) / "model.onnx").read_bytes()
    description = derive_description("echo", data)
    digest = digest_bytes(data)
    assert (description.name, description.digest) == ("echo", digest)
    assert description.version == short(digest)
    assert len(description.inputs) == 13
    assert all(spec.name == f"in_{spec.datatype}" for spec in description.inputs)
    assert all(spec.name == f"out_{spec.datatype}" for spec in description.outputs)
    assert {spec.shape for spec in description.inputs} == {(-1, 2)}


def test_symbolic_fixed_and_no_dimensions() -> None:
    data = onnx_bytes(
        [helper.make_node("Identity", ["x"], ["y"]), helper.make_node("Neg", ["s"], ["t"])],
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 3, None]),
            helper.make_tensor_value_info("s", TensorProto.FLOAT, []),
        ],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 3, None]),
            helper.make_tensor_value_info("t", TensorProto.FLOAT, []),
        ],
    )
    description = derive_description("m", data)
    assert [spec.shape for spec in description.inputs] == [(-1, 3, -1), ()]


def test_a_weight_that_is_also_an_input_need_not_be_sent() -> None:
    data = onnx_bytes(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1]),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, [1]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor("w", TensorProto.FLOAT, [1], [2.0])],
    )
    assert [spec.name for spec in derive_description("m", data).inputs] == ["x"]


def _zip_map() -> bytes:
    node = helper.make_node("ZipMap", ["x"], ["y"], domain="ai.onnx.ml", classlabels_int64s=[0, 1])
    value = helper.make_map_type_proto(
        TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    )
    return onnx_bytes(
        [node],
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        [helper.make_value_info("y", helper.make_sequence_type_proto(value))],
    )


def _bfloat16() -> bytes:
    return onnx_bytes(
        [helper.make_node("Identity", ["x"], ["y"])],
        [helper.make_tensor_value_info("x", TensorProto.BFLOAT16, [None])],
        [helper.make_tensor_value_info("y", TensorProto.BFLOAT16, [None])],
    )


def _no_input() -> bytes:
    return onnx_bytes(
        [helper.make_node("Identity", ["w"], ["y"])],
        [],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
        [helper.make_tensor("w", TensorProto.FLOAT, [1], [2.0])],
    )


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (_zip_map(), r"output 'y' is seq\(map\(int64,tensor\(float\)\)\).*zipmap off"),
        (_bfloat16(), r"input 'x' is tensor\(bfloat16\)"),
        (_no_input(), "it has no input"),
        (b"not a model", "onnxruntime refuses it"),
        (b"", "onnxruntime refuses it"),
    ],
)
def test_what_the_protocol_has_no_word_for_is_refused(data: bytes, text: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        derive_description("m", data)
    assert re.search(text, str(refused.value))
