"""The JSON of the protocol to its messages and back. Pure."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from google.protobuf.message import Message

from inference_service.datatypes import DATATYPES
from inference_service.errors import InvalidRequest, quoted
from inference_service.http_face.json_tensors import checked_shape, from_array, from_raw, to_raw
from inference_service.tensors import wrong
from protos import inference_pb2 as pb

_REQUEST_KEYS = {"id", "parameters", "inputs", "outputs"}
_INPUT_KEYS = {"name", "shape", "datatype", "parameters", "data"}
_OUTPUT_KEYS = {"name", "parameters"}


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; an empty body is an empty object. Raises InvalidRequest."""
    try:
        value = json.loads(body, parse_constant=_no_constant) if body else {}
    except UnicodeDecodeError:
        raise InvalidRequest("the body is not UTF-8") from None
    except RecursionError:
        raise InvalidRequest("the body is nested too deeply") from None
    except json.JSONDecodeError as error:
        place = f"{error.msg} at character {error.pos}"
        raise InvalidRequest(f"the body is not JSON: {place}") from None
    except ValueError:  # NaN, Infinity, or a number of thousands of digits
        raise InvalidRequest("the body holds a number that JSON does not have") from None
    if not isinstance(value, dict):
        raise InvalidRequest("the body is no JSON object")
    return value


def infer_request(body: bytes, model: str, version: str) -> pb.ModelInferRequest:
    """The question in `body`, with raw contents. Raises InvalidRequest naming the field."""
    value = read_object(body)
    _known(value, _REQUEST_KEYS, "the request")
    request = pb.ModelInferRequest(
        model_name=model, model_version=version, id=_text(value, "id", "the request", "")
    )
    _parameters(value, request.parameters, "the request")
    for place, entry in enumerate(_list(value, "inputs")):
        where = f"inputs[{place}]"
        _known(entry, _INPUT_KEYS, where)
        name = _text(entry, "name", where)
        where = f"input {quoted(name)}"
        shape = checked_shape(entry.get("shape"), where)
        datatype = _text(entry, "datatype", where)
        raw = to_raw(entry.get("data"), shape, datatype, where)
        tensor = request.inputs.add(name=name, datatype=datatype, shape=shape)
        _parameters(entry, tensor.parameters, where)
        request.raw_input_contents.append(raw)
    for place, entry in enumerate(_list(value, "outputs")):
        where = f"outputs[{place}]"
        _known(entry, _OUTPUT_KEYS, where)
        output = request.outputs.add(name=_text(entry, "name", where))
        _parameters(entry, output.parameters, where)
    return request


def infer_answer(response: pb.ModelInferResponse) -> dict[str, Any]:
    """The answer as JSON has it; `data` is flat, row by row. Raises ModelFailed."""
    raws = response.raw_output_contents
    answer: dict[str, Any] = {
        "model_name": response.model_name,
        "model_version": response.model_version,
        "id": response.id,
        "outputs": [
            {
                "name": output.name,
                "datatype": output.datatype,
                "shape": list(output.shape),
                "data": from_raw(raws[place], output.datatype) if raws else _typed(output),
            }
            for place, output in enumerate(response.outputs)
        ],
    }
    if response.parameters:
        answer["parameters"] = {
            name: getattr(value, value.WhichOneof("parameter_choice") or "", None)
            for name, value in sorted(response.parameters.items())
        }
    return answer


def plain(message: Message) -> dict[str, Any]:
    """Any message of plain fields as an object, numbers as numbers, with fields that are empty."""
    return {field.name: _plain(getattr(message, field.name)) for field in message.DESCRIPTOR.fields}


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return plain(value)
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping) or hasattr(value, "items"):
        return {key: _plain(value[key]) for key in sorted(value)}
    return [_plain(entry) for entry in value]


def _typed(output: pb.ModelInferResponse.InferOutputTensor) -> list[Any]:
    kind = DATATYPES[output.datatype]
    values = getattr(output.contents, kind.field) if kind.field else ()
    if kind.dtype is None:
        return [element.decode("utf-8", "replace") for element in values]
    return from_array(np.array(values, dtype=kind.dtype))


def _parameters(entry: Mapping[str, Any], into: Any, where: str) -> None:
    parameters = entry.get("parameters", {})
    if not isinstance(parameters, dict):
        raise wrong(f"{where}: parameters", "no object", "an object")
    for name, value in parameters.items():
        into[name].CopyFrom(_parameter(value, f"{where}: parameter {quoted(name)}"))


def _parameter(value: Any, where: str) -> pb.InferParameter:
    if isinstance(value, bool):
        return pb.InferParameter(bool_param=value)
    if isinstance(value, int) and -(1 << 63) <= value < 1 << 63:
        return pb.InferParameter(int64_param=value)
    if isinstance(value, int) and 0 <= value < 1 << 64:
        return pb.InferParameter(uint64_param=value)
    if isinstance(value, float):
        return pb.InferParameter(double_param=value)
    if isinstance(value, str):
        return pb.InferParameter(string_param=_encodable(value, where))
    raise InvalidRequest(f"{where}: expected true, false, a number of 64 bits or a text")


def _list(value: Mapping[str, Any], key: str) -> list[Any]:
    entries = value.get(key, [])
    if not isinstance(entries, list):
        raise InvalidRequest(f"{key}: expected a list")
    return entries


def _text(entry: Mapping[str, Any], key: str, where: str, default: str | None = None) -> str:
    text = entry.get(key, default)
    if not isinstance(text, str):
        raise InvalidRequest(f"{where}: {key} is missing or no text")
    return _encodable(text, f"{where}: {key}")


def _encodable(text: str, where: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a pair of \u escapes
        raise wrong(where, "half a character", "Unicode") from None
    return text


def _known(entry: Any, keys: set[str], where: str) -> None:
    if not isinstance(entry, dict):
        raise InvalidRequest(f"{where}: expected an object")
    if extra := sorted(entry.keys() - keys):
        raise wrong(where, quoted(extra[0]), ", ".join(sorted(keys)))


def _no_constant(word: str) -> float:
    raise ValueError(word)
