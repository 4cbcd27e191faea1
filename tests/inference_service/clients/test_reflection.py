"""Reflection as tools use it: messages and methods are built from nothing but what is told."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection_pb2 as alpha_pb
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from tests.inference_service.clients.asking import bidi
from tests.inference_service.harness import Service, floats, running_service, taxi_request

pytestmark = pytest.mark.usefixtures("transport")

_V1 = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
_SERVICES = {
    "inference.GRPCInferenceService",
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
}


class _V1Database(ProtoReflectionDescriptorDatabase):  # type: ignore[misc]
    """grpcio-reflection knows v1alpha only; v1 has the same messages under another name."""

    def __init__(self, channel: grpc.Channel) -> None:
        super().__init__(channel)
        self._stub = _V1Stub(channel)


class _V1Stub:
    def __init__(self, channel: grpc.Channel) -> None:
        self.ServerReflectionInfo = channel.stream_stream(
            _V1,
            request_serializer=alpha_pb.ServerReflectionRequest.SerializeToString,
            response_deserializer=alpha_pb.ServerReflectionResponse.FromString,
        )


@pytest.fixture(params=[ProtoReflectionDescriptorDatabase, _V1Database], ids=["v1alpha", "v1"])
def database(request: pytest.FixtureRequest, service: Service) -> Any:
    return request.param(service.channel)


def _call(pool: DescriptorPool, channel: grpc.Channel, path: str, **fields: object) -> Any:
    """Calls `package.Service/Method` like grpcurl does: all it knows came by reflection."""
    service, _, name = path.partition("/")
    method = pool.FindServiceByName(service).FindMethodByName(name)
    asked = message_factory.GetMessageClass(method.input_type)
    answered = message_factory.GetMessageClass(method.output_type)
    ask = channel.unary_unary(
        f"/{path}",
        request_serializer=asked.SerializeToString,
        response_deserializer=answered.FromString,
    )
    return ask(asked(**fields), timeout=10)


def test_every_service_is_listed(database: Any) -> None:
    assert set(database.get_services()) == _SERVICES


def test_a_question_is_built_and_asked(database: Any, service: Service) -> None:
    pool = DescriptorPool(database)
    question = {
        "model_name": "taxi",
        "id": "dynamic",
        "inputs": [
            {
                "name": "distance",
                "datatype": "FP32",
                "shape": [1, 1],
                "contents": {"fp32_contents": [2.0]},
            },
            {
                "name": "passengers",
                "datatype": "INT64",
                "shape": [1, 1],
                "contents": {"int64_contents": [1]},
            },
        ],
    }
    path = "inference.GRPCInferenceService/ModelInfer"
    answer = _call(pool, service.channel, path, **question)
    assert answer.id == "dynamic"
    assert answer.outputs[0].name == "fare"
    assert answer.raw_output_contents[0] == b"\x00\x00\x00\x41"


@pytest.mark.parametrize(
    ("path", "fields", "expected"),
    [
        ("inference.GRPCInferenceService/ServerLive", {}, "live: true"),
        ("inference.GRPCInferenceService/ModelReady", {"name": "taxi"}, "ready: true"),
        ("inference.GRPCInferenceService/ModelMetadata", {"name": "taxi"}, 'name: "distance"'),
        ("inference.GRPCInferenceService/RepositoryIndex", {}, 'state: "READY"'),
        ("inference.GRPCInferenceService/ModelStatistics", {}, 'name: "taxi"'),
        ("grpc.health.v1.Health/Check", {"service": "taxi"}, "status: SERVING"),
    ],
)
def test_the_other_methods_too(
    database: Any, service: Service, path: str, fields: dict[str, object], expected: str
) -> None:
    assert expected in str(_call(DescriptorPool(database), service.channel, path, **fields))


def test_every_method_of_every_service_can_be_resolved(database: Any) -> None:
    pool = DescriptorPool(database)
    for name in database.get_services():
        for method in pool.FindServiceByName(name).methods:
            assert method.input_type.full_name
            assert method.output_type.full_name


def _own(module: str) -> ModuleType:
    return importlib.import_module(module)


@pytest.mark.parametrize(
    ("symbol", "holder"),
    [
        ("grpc.health.v1.Health", "grpc_health.v1.health_pb2"),
        ("grpc.health.v1.Health.Watch", "grpc_health.v1.health_pb2"),
        ("grpc.health.v1.HealthCheckResponse", "grpc_health.v1.health_pb2"),
        ("grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc_health.v1.health_pb2"),
        (
            "grpc.reflection.v1alpha.ServerReflectionRequest",
            "grpc_reflection.v1alpha.reflection_pb2",
        ),
    ],
)
def test_what_we_tell_of_grpc_s_own_services_is_what_grpc_says(
    database: Any, symbol: str, holder: str
) -> None:
    """The messages are written by hand in well_known.py: these are the originals."""
    told = database.FindFileContainingSymbol(symbol)
    original = descriptor_pb2.FileDescriptorProto()
    _own(holder).DESCRIPTOR.CopyToProto(original)
    assert told.package == original.package
    assert [s.name for s in told.service] == [s.name for s in original.service]
    for ours, theirs in zip(told.service, original.service, strict=True):
        known = {method.name: method for method in theirs.method}
        for method in ours.method:
            same = known[method.name]
            assert method.input_type.rpartition(".")[2] == same.input_type.rpartition(".")[2]
            assert method.client_streaming == same.client_streaming
            assert method.server_streaming == same.server_streaming
    messages = {message.name: message for message in original.message_type}
    for message in told.message_type:
        fields = {f.name: (f.number, f.type, f.label) for f in messages[message.name].field}
        for field in message.field:
            assert fields[field.name] == (field.number, field.type, field.label), field.name


def test_what_is_not_here_is_told_as_not_found(database: Any) -> None:
    with pytest.raises(KeyError):
        database.FindFileContainingSymbol("no.such.Symbol")
    with pytest.raises(KeyError):
        database.FindFileByName("no/such/file.proto")


def test_bytes_that_are_no_question_end_the_stream_with_a_reason(service: Service) -> None:
    for path in (_V1, _V1.replace("v1", "v1alpha")):
        call = bidi(service.channel, path)(iter([b"\xff\xff"]), timeout=10)
        with pytest.raises(grpc.RpcError) as refused:
            list(call)
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_switched_off_there_is_none_of_it_and_the_rest_goes_on(taxi: Path) -> None:
    with running_service(taxi, INFERENCE_REFLECTION="off") as running:
        for path in (_V1, _V1.replace("v1", "v1alpha")):
            call = bidi(running.channel, path)(iter([b"\x3a\x00"]), timeout=10)
            with pytest.raises(grpc.RpcError) as refused:
                list(call)
            assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
        assert floats(running.stub.ModelInfer(taxi_request([2.0]), timeout=10)) == [8.0]
