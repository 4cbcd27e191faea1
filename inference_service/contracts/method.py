"""One method of a typed contract: bytes to a question for the model, outputs to bytes."""

from collections.abc import Mapping

from google.protobuf.descriptor import MethodDescriptor

from inference_service.contracts.answers import AnswerWriter
from inference_service.contracts.options import misfit
from inference_service.contracts.requests import RequestReader, TypedQuestion
from inference_service.description import ModelDescription
from inference_service.tensors import Array


class TypedMethod:
    """A method as its descriptor says, for the model of `description`; knows no transport.

    `path` is what clients call, `outputs` are the outputs of the model that an answer needs.
    Raises ConfigurationError if method and model do not fit.
    """

    def __init__(self, method: MethodDescriptor, description: ModelDescription) -> None:
        self.path = f"/{method.containing_service.full_name}/{method.name}"
        if method.client_streaming or method.server_streaming:
            raise misfit(f"{method.full_name} is a stream", "only single answers are supported")
        self._reader = RequestReader(method.input_type, description.inputs)
        many = self._reader.many
        self._writer = AnswerWriter(method.output_type, description.outputs, many=many)
        if self._reader.warns and not self._writer.tells_warnings:
            raise misfit(
                f"{method.input_type.full_name} has a field that warns",
                f"{method.output_type.full_name} has nowhere to tell it",
                remedy="add `repeated string warnings` to it",
            )
        self.outputs = self._writer.outputs

    def decode(self, message: bytes) -> TypedQuestion:
        """The question that `message` asks. Raises InvalidRequest naming the field."""
        return self._reader.read(message)

    def encode(self, question: TypedQuestion, outputs: Mapping[str, Array]) -> bytes:
        """The answer to `question`: a message that holds `outputs`, by name, as far as it tells
        them, and the question's warnings. Raises ModelFailed for values that it cannot hold.
        """
        return self._writer.write(question.rows, question.warnings, outputs)
