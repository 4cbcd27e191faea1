"""Requests that do not fit: each is refused with the field, what was got and what was expected."""

import struct
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from protos import inference_pb2 as pb
from tests.inference_service.harness import Service, refusal, taxi_request

_Change = Callable[[pb.ModelInferRequest], object]


def _typed(request: pb.ModelInferRequest) -> None:
    del request.raw_input_contents[:]
    request.inputs[0].contents.fp32_contents.append(1.0)
    request.inputs[1].contents.int64_contents.append(1)


def _wrong_field(request: pb.ModelInferRequest) -> None:
    _typed(request)
    request.inputs[1].contents.int_contents.append(1)


def _empty_contents(request: pb.ModelInferRequest) -> None:
    del request.raw_input_contents[:]


def _mixed(request: pb.ModelInferRequest) -> None:
    request.inputs[0].contents.fp32_contents.append(1.0)


def _rename(request: pb.ModelInferRequest) -> None:
    request.inputs[0].name = "miles"


def _twice(request: pb.ModelInferRequest) -> None:
    request.inputs[1].CopyFrom(request.inputs[0])


def _missing(request: pb.ModelInferRequest) -> None:
    del request.inputs[1], request.raw_input_contents[1]


def _rows(request: pb.ModelInferRequest) -> None:
    request.inputs[1].shape[0] = 2
    request.raw_input_contents[1] = struct.pack("<2q", 1, 2)


def _datatype(request: pb.ModelInferRequest) -> None:
    request.inputs[0].datatype = "FP64"


def _shape(request: pb.ModelInferRequest) -> None:
    request.inputs[0].shape[1] = 2


def _rank(request: pb.ModelInferRequest) -> None:
    del request.inputs[0].shape[1]


def _zero_rows(request: pb.ModelInferRequest) -> None:
    request.inputs[0].shape[0] = 0
    request.raw_input_contents[0] = b""


def _negative(request: pb.ModelInferRequest) -> None:
    request.inputs[0].shape[0] = -1


def _huge_shape(request: pb.ModelInferRequest) -> None:
    request.inputs[0].shape[0] = 2**62


def _cut_raw(request: pb.ModelInferRequest) -> None:
    request.raw_input_contents[0] = b"\0\0\0"


def _more_raw(request: pb.ModelInferRequest) -> None:
    request.raw_input_contents[0] = b"\0" * 8


def _raw_count(request: pb.ModelInferRequest) -> None:
    request.raw_input_contents.append(b"")


def _low(request: pb.ModelInferRequest) -> None:
    request.raw_input_contents[0] = struct.pack("<f", -1.0)


def _high(request: pb.ModelInferRequest) -> None:
    request.raw_input_contents[0] = struct.pack("<f", 501.0)


def _shared(request: pb.ModelInferRequest) -> None:
    request.inputs[0].parameters["shared_memory_region"].string_param = "r"


def _output(request: pb.ModelInferRequest) -> None:
    request.outputs.add(name="tip")


def _output_twice(request: pb.ModelInferRequest) -> None:
    request.outputs.add(name="fare")
    request.outputs.add(name="fare")


def _classes(request: pb.ModelInferRequest) -> None:
    request.outputs.add(name="fare").parameters["classification"].int64_param = 3


def _long_id(request: pb.ModelInferRequest) -> None:
    request.id = "x" * 129


@pytest.mark.parametrize(
    ("change", "texts"),
    [
        (_wrong_field, ["'passengers'", "int_contents, int64_contents", "int64_contents alone"]),
        (_empty_contents, ["'distance'", "none", "fp32_contents alone"]),
        (_mixed, ["'distance'", "raw and typed"]),
        (_rename, ["inputs[0].name", "'miles'", "distance, passengers"]),
        (_twice, ["'distance'", "twice", "once"]),
        (_missing, ["inputs", "no 'passengers'", "distance, passengers"]),
        (_rows, ["'passengers': rows", "got 2", "expected 1"]),
        (_datatype, ["'distance': datatype", "'FP64'", "FP32"]),
        (_shape, ["'distance': shape", "[1, 2]", "[-1, 1]"]),
        (_rank, ["'distance': shape", "[1]", "[-1, 1]"]),
        (_zero_rows, ["'distance': shape", "[0, 1]", "[-1, 1]"]),
        (_negative, ["'distance': shape", "[-1, 1]"]),
        (_huge_shape, ["'distance': contents", "1 value", str(2**62)]),
        (_cut_raw, ["'distance'", "3 bytes", "multiple of 4"]),
        (_more_raw, ["'distance': contents", "2 values", "1 value"]),
        (_raw_count, ["raw_input_contents", "3 entries", "expected 2"]),
        (_low, ["'distance': value 0", "-1.0", "0 to 500"]),
        (_high, ["'distance': value 0", "501.0", "0 to 500"]),
        (_shared, ["'distance'", "shared memory"]),
        (_output, ["outputs[0].name", "'tip'", "fare"]),
        (_output_twice, ["'fare'", "twice"]),
        (_classes, ["'fare'", "classification"]),
        (_long_id, ["id", "129 characters", "128"]),
    ],
)
def test_a_request_that_does_not_fit(service: Service, change: _Change, texts: list[str]) -> None:
    request = taxi_request()
    change(request)
    error = refusal(service.stub.ModelInfer, request)
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT
    for text in texts:
        assert text in error.text


def test_the_request_they_are_made_from_is_good(service: Service) -> None:
    assert service.stub.ModelInfer(taxi_request()).outputs


@pytest.mark.parametrize("limit", [0.0, 500.0, float("nan")])
def test_the_bounds_themselves_and_unknown_pass(service: Service, limit: float) -> None:
    assert service.stub.ModelInfer(taxi_request([limit])).outputs


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"model_name": "bus"}, "got 'bus', expected 'taxi'"),
        ({"model_name": ""}, "got '', expected 'taxi'"),
        ({"model_version": "1"}, "got '1', expected"),
        ({"model_name": "b" * 1000}, "…"),
    ],
)
def test_another_model_is_not_found(service: Service, fields: dict[str, Any], text: str) -> None:
    error = refusal(service.stub.ModelInfer, taxi_request(**fields))
    assert error.code == grpc.StatusCode.NOT_FOUND
    assert text in error.text
    assert len(error.text) < 300


def test_metadata_of_another_model_is_not_found(service: Service) -> None:
    error = refusal(service.stub.ModelMetadata, pb.ModelMetadataRequest(name="bus"))
    assert error.code == grpc.StatusCode.NOT_FOUND
