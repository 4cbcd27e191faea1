import math
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
import pytest

from edge.modules.wire import decode_values, encode_values
from edgectl.predict import ask, make_request, parse_inputs
from protos import inference_pb2 as pb
from protos import inference_pb2_grpc as pb_grpc
from protos.errors import ConfigurationError, DeadlineExceeded, Unavailable

from .conftest import Home, Runner

TENSOR = pb.ModelMetadataResponse.TensorMetadata
INPUTS = [
    TENSOR(name="distance", datatype="FP32", shape=[-1, 1]),
    TENSOR(name="vendor", datatype="INT64", shape=[-1, 1]),
]


class Service(pb_grpc.GRPCInferenceServiceServicer):
    """Answers the distance doubled, or as `code` says."""

    code: grpc.StatusCode | None = None

    def RepositoryIndex(self, request: Any, context: Any) -> Any:
        response = pb.RepositoryIndexResponse()
        response.models.add(name="nyc_taxi", version="1", state="READY")
        return response

    def ModelMetadata(self, request: Any, context: Any) -> Any:
        return pb.ModelMetadataResponse(
            name="m", inputs=INPUTS, properties={"model_digest": "sha256:" + "a" * 64}
        )

    def ModelInfer(self, request: Any, context: Any) -> Any:
        if self.code is not None:
            context.abort(self.code, "said by the service")
        values = decode_values("FP32", request.raw_input_contents[0])
        response = pb.ModelInferResponse(model_name="m", model_version="1")
        response.outputs.add(name="fare", datatype="FP32", shape=[len(values), 1])
        response.raw_output_contents.append(encode_values("FP32", [v * 2 for v in values]))
        return response


@pytest.fixture
def service() -> Iterator[tuple[Service, str]]:
    server = grpc.server(futures.ThreadPoolExecutor(2))
    servicer = Service()
    pb_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield servicer, f"127.0.0.1:{port}"
    server.stop(None).wait(5)


def test_a_prediction_comes_with_the_digest_that_gave_it(service: tuple[Service, str]) -> None:
    answer = ask(service[1], "m", {"distance": [1.5, 2.0], "vendor": [1, 2]}, 5.0)
    assert answer["outputs"] == {"fare": [3.0, 4.0]}
    assert answer["model_digest"] == "sha256:" + "a" * 64
    assert answer["milliseconds"] > 0


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, ConfigurationError),
        (grpc.StatusCode.FAILED_PRECONDITION, Unavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, DeadlineExceeded),
    ],
)
def test_a_refusal_becomes_the_fitting_error(
    service: tuple[Service, str], code: grpc.StatusCode, error: type[Exception]
) -> None:
    service[0].code = code
    with pytest.raises(error, match="m at 127"):
        ask(service[1], "m", {"distance": [1.5], "vendor": [1]}, 5.0)


def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="edgectl fleet list"):
        ask("127.0.0.1:1", "m", {"distance": [1.0]}, 2.0)


def test_inputs_are_named_if_missing_or_unknown() -> None:
    with pytest.raises(ConfigurationError, match=r"missing: vendor; unknown: colour"):
        make_request("m", INPUTS, {"distance": [1.0], "colour": [1]})
    with pytest.raises(ConfigurationError, match="vendor is not INT64"):
        make_request("m", INPUTS, {"distance": [1.0], "vendor": ["x"]})


def test_null_is_unknown() -> None:
    request = make_request("m", INPUTS, {"distance": [None], "vendor": [1]})
    (value,) = decode_values("FP32", request.raw_input_contents[0])
    assert math.isnan(value)
    assert list(request.inputs[0].shape) == [1, 1]


def test_values_and_columns_are_both_understood() -> None:
    assert parse_inputs('{"a": 1, "b": [2]}') == {"a": [1], "b": [2]}


@pytest.mark.parametrize("text", ["", "[]", "{}", "1", '{"a": [1, 2], "b": 3}', '{"a": []}'])
def test_inputs_that_are_no_rows_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_inputs(text)


def test_a_synthetic_row_is_asked_when_none_is_given(
    edgectl: Runner, service: tuple[Service, str]
) -> None:
    done = edgectl("predict", "line-1", "--endpoint", service[1], "--model", "nyc_taxi")
    assert done.code == 2  # this little service takes two of the thirteen inputs
    assert "dropoff_datetime" in done.err
    given = '{"distance": 4, "vendor": 1}'
    done = edgectl("predict", "line-1", "--endpoint", service[1], "--json-input", given, "--json")
    assert done.json["outputs"] == {"fare": [8.0]}
    assert done.json["device"] == "line-1"


def test_a_device_that_never_reported_is_told(home: Home, edgectl: Runner) -> None:
    done = edgectl("predict", "line-1")
    assert (done.code, done.out) == (1, "")
    assert "remedy" in done.err
