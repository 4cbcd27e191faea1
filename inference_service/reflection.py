"""gRPC reflection, v1 and v1alpha: what is served here, told to tools such as grpcurl."""

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import descriptor_pb2
from google.protobuf.message import DecodeError

from inference_service.reflection_methods import Extra
from inference_service.status import Code
from inference_service.tensors import wrong
from inference_service.well_known import FILES, message_class
from protos import inference_pb2 as pb


class Reflection:
    """Answers from the descriptors of our own protocol, gRPC's services, and `extra`."""

    def __init__(self, extra: Extra) -> None:
        self._extra = extra
        own = descriptor_pb2.FileDescriptorProto()
        pb.DESCRIPTOR.CopyToProto(own)
        self._own = [own, *map(descriptor_pb2.FileDescriptorProto.FromString, FILES.values())]

    def answer(self, package: str, message: bytes) -> bytes:
        """The answer to one message of `package` (v1 or v1alpha). Raises InvalidRequest."""
        try:
            asked = message_class(f"{package}.ServerReflectionRequest").FromString(message)
        except DecodeError as error:
            raise wrong("message", "other bytes", "a ServerReflectionRequest") from error
        answer = message_class(f"{package}.ServerReflectionResponse")(
            valid_host=asked.host, original_request=asked
        )
        files = {file.name: file for file in self._files()}
        self._fill(answer, asked, files)
        data: bytes = answer.SerializeToString()
        return data

    def _fill(
        self, answer: Any, asked: Any, files: Mapping[str, descriptor_pb2.FileDescriptorProto]
    ) -> None:
        kind = asked.WhichOneof("message_request")
        if kind == "list_services":
            for name in sorted(_services(files.values())):
                answer.list_services_response.service.add(name=name)
        elif kind == "file_by_filename":
            _tell_file(answer, asked.file_by_filename, files)
        elif kind == "file_containing_symbol":
            symbol = asked.file_containing_symbol
            holder = next((f.name for f in files.values() if symbol in _symbols(f)), "")
            _tell_file(answer, holder, files)
        elif kind == "all_extension_numbers_of_type":
            answer.all_extension_numbers_response.base_type_name = (
                asked.all_extension_numbers_of_type
            )
        else:
            _tell_error(answer, Code.NOT_FOUND, "not known here")

    def _files(self) -> list[descriptor_pb2.FileDescriptorProto]:
        more = [descriptor_pb2.FileDescriptorProto.FromString(data) for data in self._extra()]
        return [*self._own, *more]


def _tell_file(
    answer: Any, name: str, files: Mapping[str, descriptor_pb2.FileDescriptorProto]
) -> None:
    """The file and all that it imports, as far as they are known."""
    wanted, told = [name], list[str]()
    while wanted:
        one = wanted.pop()
        if one in files and one not in told:
            told.append(one)
            wanted += files[one].dependency
    if not told:
        _tell_error(answer, Code.NOT_FOUND, "no such file or symbol here")
        return
    answer.file_descriptor_response.file_descriptor_proto.extend(
        files[one].SerializeToString() for one in told
    )


def _tell_error(answer: Any, code: Code, text: str) -> None:
    answer.error_response.error_code = int(code)
    answer.error_response.error_message = text


def _services(files: Iterable[descriptor_pb2.FileDescriptorProto]) -> list[str]:
    return [f"{file.package}.{service.name}" for file in files for service in file.service]


def _symbols(file: descriptor_pb2.FileDescriptorProto) -> set[str]:
    names = set[str]()
    for service in file.service:
        names.add(f"{file.package}.{service.name}")
        names.update(f"{file.package}.{service.name}.{method.name}" for method in service.method)
    for enum in file.enum_type:
        names.add(f"{file.package}.{enum.name}")
    for message in file.message_type:
        names |= _of_message(f"{file.package}.{message.name}", message)
    return names


def _of_message(name: str, message: descriptor_pb2.DescriptorProto) -> set[str]:
    names = {name} | {f"{name}.{field.name}" for field in message.field}
    names |= {f"{name}.{enum.name}" for enum in message.enum_type}
    for nested in message.nested_type:
        names |= _of_message(f"{name}.{nested.name}", nested)
    return names
