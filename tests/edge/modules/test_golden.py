"""What the smoke test sends: questions as requests with raw contents."""

from typing import Any

import pytest

from edge.modules.golden import build_request
from edge.modules.wire import decode_values, encode_values
from protos import inference_pb2 as pb
from protos.errors import VerificationFailed
from protos.golden import GoldenRequest


def metadata() -> pb.ModelMetadataResponse:
    described = pb.ModelMetadataResponse(name="parts")
    described.inputs.add(name="image", datatype="UINT8", shape=[-1, -1, -1, 3])
    described.inputs.add(name="light", datatype="FP32", shape=[-1, 1])
    return described


def question(*shape: int, **inputs: list[Any]) -> GoldenRequest:
    values: dict[str, list[Any]] = {"image": list(range(18)), "light": [0.5], **inputs}
    return GoldenRequest(values, {"part": ["a"]}, {"image": list(shape)} if shape else {})


def test_images_are_sent_in_their_shape() -> None:
    request = build_request(metadata(), question(1, 3, 2, 3))
    assert [list(tensor.shape) for tensor in request.inputs] == [[1, 3, 2, 3], [1, 1]]
    assert request.raw_input_contents[0] == bytes(range(18))
    assert not request.parameters["capture"].bool_param


@pytest.mark.parametrize("shape", [(), (1, 2, 2, 3), (1, 18), (1, 6, 3, 1)])
def test_images_without_a_right_shape_are_not_sent(shape: tuple[int, ...]) -> None:
    with pytest.raises(VerificationFailed):
        build_request(metadata(), question(*shape))


def test_a_missing_input_is_named() -> None:
    asked = GoldenRequest({"light": [0.5]}, {"part": ["a"]})
    with pytest.raises(VerificationFailed, match="no input 'image'"):
        build_request(metadata(), asked)


def test_bytes_of_images_there_and_back() -> None:
    assert encode_values("UINT8", [0, 128, 255]) == b"\x00\x80\xff"
    assert decode_values("UINT8", b"\x00\x80\xff") == [0, 128, 255]
    for unfit in ([256], [-1], [1.5], [None]):
        with pytest.raises(VerificationFailed, match="do not fit UINT8"):
            encode_values("UINT8", unfit)
