"""The protocol over the wire: every method, health, reflection, limits."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from protos import inference_pb2 as pb
from tests.inference_service.harness import (
    Service,
    floats,
    held_open,
    refusal,
    running_service,
    taxi_request,
)

pytestmark = pytest.mark.usefixtures("transport")

_STATUS = health_pb2.HealthCheckResponse


def test_live_ready_and_names(service: Service) -> None:
    assert service.stub.ServerLive(pb.ServerLiveRequest()).live
    assert service.stub.ServerReady(pb.ServerReadyRequest()).ready
    assert service.stub.ServerMetadata(pb.ServerMetadataRequest()).name


def test_ready_is_of_one_name_and_version(service: Service, taxi: Path) -> None:
    version = json.loads((taxi / "model.json").read_bytes())["version"]

    def ready(name: str, version: str = "") -> bool:
        answer = service.stub.ModelReady(pb.ModelReadyRequest(name=name, version=version))
        return bool(answer.ready)

    assert ready("taxi")
    assert ready("taxi", version)
    assert not ready("taxi", "1")
    assert not ready("bus")


def test_metadata_tells_the_digest_of_the_model_in_memory(service: Service, taxi: Path) -> None:
    metadata = service.stub.ModelMetadata(pb.ModelMetadataRequest(name="taxi"))
    described = json.loads((taxi / "model.json").read_bytes())
    assert metadata.properties["model_digest"] == described["digest"]
    assert metadata.properties["disk_state"] == "verified"
    assert list(metadata.versions) == [described["version"]]
    assert [(i.name, i.datatype, list(i.shape)) for i in metadata.inputs] == [
        ("distance", "FP32", [-1, 1]),
        ("passengers", "INT64", [-1, 1]),
    ]
    assert [o.name for o in metadata.outputs] == ["fare"]


def test_infer_answers_rows_in_order(service: Service) -> None:
    response = service.stub.ModelInfer(taxi_request([1.0, 2.0, 4.0], id="mine"))
    assert floats(response) == [5.5, 8.0, 13.0]
    assert list(response.outputs[0].shape) == [3, 1]
    assert response.id == "mine"


def test_infer_gives_an_id_to_a_request_without_one(service: Service) -> None:
    first, second = (service.stub.ModelInfer(taxi_request()).id for _ in range(2))
    assert first
    assert first != second


def test_typed_contents_are_understood(service: Service) -> None:
    request = pb.ModelInferRequest(model_name="taxi")
    distance = request.inputs.add(name="distance", datatype="FP32", shape=[1, 1])
    distance.contents.fp32_contents.append(2.0)
    people = request.inputs.add(name="passengers", datatype="INT64", shape=[1, 1])
    people.contents.int64_contents.append(3)
    assert floats(service.stub.ModelInfer(request)) == [8.0]


def test_stream_answers_in_order_and_survives_a_bad_question(service: Service) -> None:
    questions = [taxi_request([1.0]), taxi_request([-1.0], id="bad"), taxi_request([2.0])]
    answers = list(service.stub.ModelStreamInfer(iter(questions), timeout=10))
    assert floats(answers[0].infer_response) == [5.5]
    assert "'distance'" in answers[1].error_message
    assert answers[1].infer_response.id == "bad"
    assert floats(answers[2].infer_response) == [8.0]
    assert not answers[2].error_message


def test_health_of_server_and_model(service: Service) -> None:
    stub = health_pb2_grpc.HealthStub(service.channel)
    for name in ("", "taxi", "inference.GRPCInferenceService"):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == _STATUS.SERVING
    unknown = refusal(stub.Check, health_pb2.HealthCheckRequest(service="bus"))
    assert unknown.code == grpc.StatusCode.NOT_FOUND


def test_reflection_tells_the_contract(service: Service) -> None:
    database = ProtoReflectionDescriptorDatabase(service.channel)
    assert "inference.GRPCInferenceService" in database.get_services()


def test_reflection_can_be_switched_off(taxi: Path) -> None:
    with running_service(taxi, INFERENCE_REFLECTION="off") as running:
        database = ProtoReflectionDescriptorDatabase(running.channel)
        with pytest.raises(grpc.RpcError) as refused:
            list(database.get_services())
        assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_messages_over_the_limit_are_refused(service: Service) -> None:
    fits, too_large = taxi_request([1.0] * 4000), taxi_request([1.0] * 8000)
    assert len(floats(service.stub.ModelInfer(fits))) == 4000
    error = refusal(service.stub.ModelInfer, too_large)
    assert error.code == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_beyond_the_limit_of_open_calls_the_next_is_refused_at_once(taxi: Path) -> None:
    with running_service(taxi, INFERENCE_MAX_CONCURRENT="1") as running:
        over = threading.Event()
        stream = running.stub.ModelStreamInfer(held_open(taxi_request(), over), timeout=10)
        assert floats(next(stream).infer_response) == [8.0]
        error = refusal(running.stub.ModelInfer, taxi_request())
        assert error.code == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert running.stub.ServerReady(pb.ServerReadyRequest(), timeout=5).ready
        over.set()
        assert list(stream) == []
        assert floats(running.stub.ModelInfer(taxi_request())) == [8.0]


def test_a_second_service_on_the_port_is_refused(service: Service, taxi: Path) -> None:
    second = subprocess.run(
        [
            sys.executable,
            "-m",
            "inference_service",
            *("--model", str(taxi)),
            *("--address", service.target),
        ],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert second.returncode == 2
    assert "set INFERENCE_ADDRESS to a free one" in second.stderr
