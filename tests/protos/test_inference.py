"""The contract against Triton's own descriptors: same names, numbers, types, methods."""

import json
import subprocess
import sys
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from protos import inference_pb2

_DUMP = """
import sys
from tritonclient.grpc import service_pb2
sys.stdout.buffer.write(service_pb2.DESCRIPTOR.serialized_pb)
"""


def _fields(message: Any, prefix: str = "") -> dict[str, list[Any]]:
    name = prefix + message.name
    found = {
        f"{name}.{f.name}": [f.number, f.type, f.label, f.type_name, f.HasField("oneof_index")]
        for f in message.field
    }
    for nested in message.nested_type:
        found |= _fields(nested, f"{name}.")
    return found


def _methods(file: FileDescriptorProto) -> dict[str, list[Any]]:
    return {
        f"{service.name}/{m.name}": [
            m.input_type,
            m.output_type,
            m.client_streaming,
            m.server_streaming,
        ]
        for service in file.service
        for m in service.method
    }


def test_every_field_and_method_is_as_in_triton() -> None:
    dump = subprocess.run([sys.executable, "-c", _DUMP], capture_output=True, timeout=60)
    triton = FileDescriptorProto.FromString(dump.stdout)
    ours = FileDescriptorProto.FromString(inference_pb2.DESCRIPTOR.serialized_pb)
    assert ours.package == triton.package == "inference"
    theirs = {k: v for message in triton.message_type for k, v in _fields(message).items()}
    own = {k: v for message in ours.message_type for k, v in _fields(message).items()}
    differing = {k: (v, theirs.get(k)) for k, v in own.items() if theirs.get(k) != v}
    # KServe's addition: map<string, string> properties = 6
    assert set(differing) == {
        "ModelMetadataResponse.properties",
        "ModelMetadataResponse.PropertiesEntry.key",
        "ModelMetadataResponse.PropertiesEntry.value",
    }, json.dumps(differing, indent=1)
    assert own["ModelMetadataResponse.properties"][0] == 6
    messages = {m.name for m in ours.message_type}
    missing = {k for k in theirs if k.split(".")[0] in messages} - set(own)
    # figures of things that are not here: a cache of answers, several answers to one question
    assert {k for k in missing if not k.startswith("ModelStatistics.ResponseStats")} == {
        "InferStatistics.cache_hit",
        "InferStatistics.cache_miss",
        "ModelStatistics.memory_usage",
        "ModelStatistics.response_stats",
    }
    assert _methods(ours).items() <= _methods(triton).items()
