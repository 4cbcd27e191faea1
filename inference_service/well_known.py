"""The messages of gRPC's own services: health (grpc.health.v1) and reflection.

In a private pool: the same messages may come with grpcio's packages as well, and one pool takes
each name once. Field numbers are those of grpc/health/v1/health.proto and
grpc/reflection/v1/reflection.proto.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from inference_service.health import HEALTH
from inference_service.reflection_methods import REFLECTIONS

_Field = descriptor_pb2.FieldDescriptorProto
_STRING, _INT32, _BYTES, _ENUM = (
    _Field.TYPE_STRING,
    _Field.TYPE_INT32,
    _Field.TYPE_BYTES,
    _Field.TYPE_ENUM,
)
_MANY = True


_HEALTH_MESSAGES = {
    "HealthCheckRequest": [("service", 1, _STRING)],
    "HealthCheckResponse": [("status", 1, _ENUM, "HealthCheckResponse.ServingStatus")],
}
_SERVING_STATUS = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
_REFLECTION_MESSAGES = {
    "ExtensionRequest": [("containing_type", 1, _STRING), ("extension_number", 2, _INT32)],
    "ServerReflectionRequest": [
        ("host", 1, _STRING),
        ("file_by_filename", 3, _STRING),
        ("file_containing_symbol", 4, _STRING),
        ("file_containing_extension", 5, "ExtensionRequest"),
        ("all_extension_numbers_of_type", 6, _STRING),
        ("list_services", 7, _STRING),
    ],
    "FileDescriptorResponse": [("file_descriptor_proto", 1, _BYTES, _MANY)],
    "ExtensionNumberResponse": [
        ("base_type_name", 1, _STRING),
        ("extension_number", 2, _INT32, _MANY),
    ],
    "ServiceResponse": [("name", 1, _STRING)],
    "ListServiceResponse": [("service", 1, "ServiceResponse", _MANY)],
    "ErrorResponse": [("error_code", 1, _INT32), ("error_message", 2, _STRING)],
    "ServerReflectionResponse": [
        ("valid_host", 1, _STRING),
        ("original_request", 2, "ServerReflectionRequest"),
        ("file_descriptor_response", 4, "FileDescriptorResponse"),
        ("all_extension_numbers_response", 5, "ExtensionNumberResponse"),
        ("list_services_response", 6, "ListServiceResponse"),
        ("error_response", 7, "ErrorResponse"),
    ],
}
_ONE_OF = {
    "ServerReflectionRequest": ("message_request", range(3, 8)),
    "ServerReflectionResponse": ("message_response", range(4, 8)),
}


def _file(package: str, messages: dict[str, Any]) -> descriptor_pb2.FileDescriptorProto:
    name = package.replace(".", "/") + f"/{package.split('.')[1]}.proto"
    file = descriptor_pb2.FileDescriptorProto(name=name, package=package, syntax="proto3")
    for message_name, fields in messages.items():
        message = file.message_type.add(name=message_name)
        one_of, numbers = _ONE_OF.get(message_name, ("", range(0)))
        if one_of:
            message.oneof_decl.add(name=one_of)
        for field_name, number, kind, *more in fields:
            field = message.field.add(name=field_name, number=number)
            field.label = _Field.LABEL_REPEATED if _MANY in more else _Field.LABEL_OPTIONAL
            if isinstance(kind, str):
                field.type, field.type_name = _Field.TYPE_MESSAGE, f".{package}.{kind}"
            else:
                field.type = kind
            if kind == _ENUM:
                field.type_name = f".{package}.{more[0]}"
            if number in numbers:
                field.oneof_index = 0
    return file


def _method(service: Any, name: str, asked: str, answered: str, asks: bool, answers: bool) -> None:
    service.method.add(
        name=name,
        input_type=asked,
        output_type=answered,
        client_streaming=asks,
        server_streaming=answers,
    )


def _health_file() -> descriptor_pb2.FileDescriptorProto:
    file = _file(HEALTH, _HEALTH_MESSAGES)
    status = file.message_type[1].enum_type.add(name="ServingStatus")
    for number, word in enumerate(_SERVING_STATUS):
        status.value.add(name=word, number=number)
    service = file.service.add(name="Health")
    asked, answered = f".{HEALTH}.HealthCheckRequest", f".{HEALTH}.HealthCheckResponse"
    _method(service, "Check", asked, answered, False, False)
    _method(service, "Watch", asked, answered, False, True)
    return file


def _reflection_file(package: str) -> descriptor_pb2.FileDescriptorProto:
    file = _file(package, _REFLECTION_MESSAGES)
    service = file.service.add(name="ServerReflection")
    asked, answered = "ServerReflectionRequest", "ServerReflectionResponse"
    _method(
        service,
        "ServerReflectionInfo",
        f".{package}.{asked}",
        f".{package}.{answered}",
        True,
        True,
    )
    return file


FILES: dict[str, bytes] = {
    file.name: file.SerializeToString()
    for file in (_health_file(), *(_reflection_file(package) for package in REFLECTIONS))
}
"""Serialized FileDescriptorProtos by name, for reflection to tell."""

_POOL = descriptor_pool.DescriptorPool()
for _data in FILES.values():
    _POOL.AddSerializedFile(_data)


def message_class(name: str) -> Any:
    """The class of a message by its full name: `grpc.health.v1.HealthCheckRequest`."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(name))
