"""Reads the contract of a model folder, and refuses one that does not fit the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError

from inference_service.contracts.method import TypedMethod
from inference_service.contracts.options import misfit
from inference_service.description import ModelDescription
from protos import contract_pb2
from protos.errors import ConfigurationError

SOURCE_FILE = "contract.proto"
CONTRACT_FILE = "contract.binpb"
MAX_BYTES = 1 << 20
MAX_FILES = 64
MAX_METHODS = 64
MAX_FIELDS = 1000
_BUILD = "build the model folder again"
_RESERVED = ("inference", "grpc", "google", "edge_assets.contract")
_OWN = {  # by name: what a file of the contract would only repeat
    file.name: file.serialized_pb for file in (descriptor_pb2.DESCRIPTOR, contract_pb2.DESCRIPTOR)
}


@dataclass(frozen=True)
class Contract:
    """What a model answers beside the generic protocol.

    `methods` by path (`/tooling.Inference/GetRecommendation`). `file_descriptors`, serialized, each
    after those that it imports, and `service_names` are what reflection tells.
    """

    methods: Mapping[str, TypedMethod]
    file_descriptors: Sequence[bytes]
    service_names: Sequence[str]


def load_contract(folder: Path, description: ModelDescription) -> Contract | None:
    """The contract of the model in `folder`; None if the folder has none.

    Raises ConfigurationError naming what does not fit the model, and for a contract.proto that was
    not compiled: a model does not lose its typed methods unnoticed. No text holds a path.
    """
    data = _read(folder)
    if data is None:
        return None
    files = _files(data, description.name)
    pool = DescriptorPool()  # of its own: contracts of other models may use the same names
    services = []
    for file in files:
        serialized = file.SerializeToString()
        try:
            pool.AddSerializedFile(serialized)
            added = pool.FindFileByName(file.name)
        except (TypeError, ValueError, KeyError) as error:
            raise misfit(
                f"{file.name[:80]} is not valid", str(error)[:200], remedy=_BUILD
            ) from error
        services += [] if file.name in _OWN else list(added.services_by_name.values())
    found = [method for service in services for method in service.methods]
    if not 0 < len(found) <= MAX_METHODS:
        raise misfit(f"it has {len(found)} methods", f"expected 1 to {MAX_METHODS}")
    for method in found:
        for message in (method.input_type, method.output_type):
            if len(message.fields) > MAX_FIELDS:
                raise misfit(
                    f"{message.full_name} is too large", f"it has over {MAX_FIELDS} fields"
                )
    methods = [TypedMethod(method, description) for method in found]
    return Contract(
        methods={method.path: method for method in methods},
        file_descriptors=[file.SerializeToString() for file in files],
        service_names=[service.full_name for service in services],
    )


def _read(folder: Path) -> bytes | None:
    path = folder / CONTRACT_FILE
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        if (folder / SOURCE_FILE).exists():
            raise misfit(
                f"{CONTRACT_FILE} is missing", f"{SOURCE_FILE} is there", remedy=_BUILD
            ) from None
        return None
    except OSError as error:
        raise ConfigurationError(
            f"{CONTRACT_FILE} cannot be read", why=error.strerror or "", remedy=_BUILD
        ) from error
    if len(data) > MAX_BYTES:
        raise misfit(f"{CONTRACT_FILE} is too large", f"at most {MAX_BYTES} bytes are read")
    return data


def _files(data: bytes, model: str) -> list[descriptor_pb2.FileDescriptorProto]:
    """The files of the set, under names that no other contract has: reflection shows them all."""
    try:
        files = list(descriptor_pb2.FileDescriptorSet.FromString(data).file)
    except DecodeError as error:
        raise misfit(
            f"{CONTRACT_FILE} is damaged", "it is no descriptor set", remedy=_BUILD
        ) from error
    if not 0 < len(files) <= MAX_FILES:
        raise misfit(f"it has {len(files)} files", f"expected 1 to {MAX_FILES}", remedy=_BUILD)
    for file in files:
        if file.name in _OWN:
            file.ParseFromString(_OWN[file.name])
            continue
        _check_texts(file)
        if file.name.startswith("google/protobuf/"):
            continue
        if file.syntax != "proto3":
            raise misfit(f"{file.name[:80]} is not proto3", "no other syntax is supported")
        if any(f"{file.package}.".startswith(f"{package}.") for package in _RESERVED):
            raise misfit(f"the package {file.package[:80]} is taken", "the service itself uses it")
        file.name = f"{model}/{file.name}"
        for place, name in enumerate(file.dependency):
            if name not in _OWN and not name.startswith("google/protobuf/"):
                file.dependency[place] = f"{model}/{name}"
    return files


def _check_texts(message: Any) -> None:
    """Raises ConfigurationError for a text that is not UTF-8: protobuf leaves it as bytes."""
    for field, value in message.ListFields():
        for each in value if field.is_repeated else [value]:
            if field.message_type is not None:
                _check_texts(each)
            elif field.type == field.TYPE_STRING and not isinstance(each, str):
                raise misfit(f"{CONTRACT_FILE} is damaged", "a name is no text", remedy=_BUILD)
