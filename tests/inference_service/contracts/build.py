"""Contracts for the tests: compiled by the real compiler, with messages as a client makes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from inference_service.contracts import CONTRACT_FILE, Contract, TypedMethod, load_contract
from inference_service.description import ModelDescription, TensorSpec
from inference_service.errors import InvalidRequest
from resources.contracts import compile_contract

HEAD = """
syntax = "proto3";
package tests;
import "protos/contract.proto";
service Taxi { rpc Ask(Question) returns (Answer); }
"""
ANSWER = "message Answer { float fare = 1; repeated string warnings = 2; }"
FARE = TensorSpec("fare", "FP32", (-1, 1))


@dataclass(frozen=True)
class Built:
    """A contract as the service has it, and the messages as a client has them."""

    contract: Contract
    question: Any
    answer: Any

    @property
    def method(self) -> TypedMethod:
        (method,) = self.contract.methods.values()
        return method

    def decode(self, **fields: Any) -> Any:
        return self.method.decode(self.question(**fields).SerializeToString())

    def ask(self, outputs: dict[str, Any], **fields: Any) -> Any:
        """The answer to a question with these fields, of a model that gives `outputs`."""
        question = self.decode(**fields)
        return self.answer.FromString(self.method.encode(question, outputs))


def decoded(built: Built, message: bytes) -> tuple[Any, str]:
    """The question in `message` and no text, or None and the text of the refusal."""
    try:
        return built.method.decode(message), ""
    except InvalidRequest as error:
        return None, str(error)


def described(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> ModelDescription:
    return ModelDescription(
        "taxi", "a" * 12, "sha256:" + "a" * 64, inputs=tuple(inputs), outputs=tuple(outputs)
    )


def compiled(text: str) -> bytes:
    with TemporaryDirectory() as folder:
        source = Path(folder) / "contract.proto"
        source.write_text(text)
        return compile_contract(source)


def load(data: bytes, description: ModelDescription) -> Contract:
    with TemporaryDirectory() as folder:
        (Path(folder) / CONTRACT_FILE).write_bytes(data)
        contract = load_contract(Path(folder), description)
    assert contract is not None
    return contract


def build(
    text: str, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec] = (FARE,)
) -> Built:
    """`text` is what follows the service; without an `Answer` in it, the usual one."""
    data = compiled(HEAD + text + ("" if "message Answer" in text else ANSWER))
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(data).file:
        pool.AddSerializedFile(file.SerializeToString())
    question, answer = (
        GetMessageClass(pool.FindMessageTypeByName(f"tests.{name}"))
        for name in ("Question", "Answer")
    )
    return Built(load(data, described(inputs, outputs)), question, answer)


def question(*fields: str) -> str:
    """A message `Question` with these fields, numbered from 1; `[` begins their options."""
    lines = []
    for number, field in enumerate(fields, start=1):
        words, _, options = field.partition("[")
        options = options.replace("(", "(edge_assets.contract.")
        lines.append(f"{words.strip()} = {number} {'[' + options if options else ''};")
    return "message Question {" + "\n".join(lines) + "}\n"


def answer(*fields: str) -> str:
    """A message `Answer`, as `question`."""
    return question(*fields).replace("message Question", "message Answer")
