"""The answer of a typed method: outputs of the model to bytes of a message."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from inference_service.contracts.kinds import Kind, kind_of, names_of
from inference_service.contracts.layout import check_columns, check_rows, width_of
from inference_service.contracts.options import Terms, misfit, terms_of
from inference_service.description import TensorSpec
from inference_service.errors import ModelFailed, quoted
from inference_service.tensors import Array

_FLOAT_MAX = float(np.finfo(np.float32).max)


class _NoSuchValue(Exception):
    """A value of the model that the field cannot hold; the text says what was got."""


Convert = Callable[[Any], Any]
"""A value of an output as one of the field; raises _NoSuchValue."""


@dataclass(frozen=True)
class _Field:
    """A field of the answer: the output that it tells, and how."""

    name: str
    output: str
    column: int | None
    repeated: bool
    presence: bool
    convert: Convert


class AnswerWriter:
    """Writes messages of the type `message` from a model with the outputs `specs`.

    With `many` each field of the answer is repeated and tells all rows; else a single field tells
    one value, and a repeated one all values of the one row. Raises ConfigurationError if message
    and model do not fit.
    """

    def __init__(self, message: Descriptor, specs: Sequence[TensorSpec], *, many: bool) -> None:
        self._make, self._many = GetMessageClass(message), many
        known = {spec.name: spec for spec in specs}
        self._warnings = self._errors = ""
        fields: list[_Field] = []
        for field in message.fields:
            terms = terms_of(field, request=False)
            if _tells_texts(field, terms.warnings, "warnings", known, terms):
                self._warnings = field.name
            elif _tells_texts(field, terms.errors, "errors", known, terms):
                self._errors = field.name
            else:
                fields.append(_planned(field, terms, known, many=many))
        if not fields:
            raise misfit(f"{message.full_name} tells no output", "an answer has to")
        self.outputs = tuple(dict.fromkeys(field.output for field in fields))
        self.tells_warnings = bool(self._warnings)
        self._single = [field for field in fields if not field.repeated]
        self._repeated = [field for field in fields if field.repeated]

    def write(self, rows: int, warnings: Sequence[str], outputs: Mapping[str, Array]) -> bytes:
        """The answer to a question of `rows` rows. Raises ModelFailed if it cannot hold them."""
        answer = self._make()
        for field in self._single:
            array = outputs[field.output]
            try:
                value = array.item() if field.column is None else array[0, field.column].item()
                setattr(answer, field.name, field.convert(value))
            except _NoSuchValue as error:
                text = f"field {field.name}: {error}"
                if not (self._errors and field.presence):
                    raise _failed(text) from None
                getattr(answer, self._errors).append(text)
            except (ValueError, IndexError):
                raise _failed(f"field {field.name}: got {_size(array)}, expected one") from None
        for field in self._repeated:
            array = outputs[field.output]
            try:
                values = array.ravel() if field.column is None else array[:, field.column]
                if self._many and values.size != rows:
                    raise _NoSuchValue(f"got {_size(values)}, expected {rows}")
                getattr(answer, field.name).extend(map(field.convert, values.tolist()))
            except (_NoSuchValue, IndexError) as error:
                raise _failed(f"field {field.name}: {error}") from None
        if self._warnings and warnings:
            getattr(answer, self._warnings).extend(warnings)
        data: bytes = answer.SerializeToString()
        return data


def _tells_texts(
    field: FieldDescriptor,
    marked: bool,
    usual: str,
    known: Mapping[str, TensorSpec],
    terms: Terms,
) -> bool:
    """Whether `field` is the one of the `usual` name, by option or by its own name."""
    is_texts = field.is_repeated and field.type == FieldDescriptor.TYPE_STRING
    if marked and not is_texts:
        raise misfit(f"field {field.full_name} is marked {usual}", "it is no `repeated string`")
    by_name = field.name == usual and usual not in known and terms.output is None
    return marked or (by_name and is_texts)


def _planned(
    field: FieldDescriptor, terms: Terms, known: Mapping[str, TensorSpec], *, many: bool
) -> _Field:
    name = terms.output or field.name
    if name not in known:
        raise misfit(
            f"field {field.full_name} tells the output {name!r}",
            "the model has " + ", ".join(known),
        )
    spec = known[name]
    check_rows(spec, many=many)
    check_columns(spec, [terms.column], f"field {field.full_name}")
    tells_row = field.is_repeated and not many
    if many and not field.is_repeated:
        raise misfit(f"field {field.full_name} is not repeated", "the request is of many rows")
    if tells_row and terms.column is not None:
        raise misfit(f"field {field.full_name} is repeated", "a column has one value a row")
    if not tells_row and terms.column is None and width_of(spec) != 1:
        raise misfit(f"field {field.full_name} is one value", f"{name} has several: give a column")
    convert = _converter(field, kind_of(field, spec.datatype, into_model=False), spec, terms)
    return _Field(field.name, name, terms.column, field.is_repeated, field.has_presence, convert)


def _converter(field: FieldDescriptor, kind: Kind, spec: TensorSpec, terms: Terms) -> Convert:
    if kind is Kind.FLOAT:
        limit = _FLOAT_MAX if field.type == FieldDescriptor.TYPE_FLOAT else math.inf
        return _number(limit, non_finite=terms.non_finite)
    if kind is Kind.INTEGER:
        return _integer(field)
    if kind is Kind.ENUM:
        names = names_of(field)
        return _enum(
            {name: number for number, name in names.items()}
            if spec.datatype == "BYTES"
            else {number: number for number in names}
        )
    if field.type == FieldDescriptor.TYPE_BYTES:
        return lambda value: value.encode() if isinstance(value, str) else value
    return lambda value: value


def _number(limit: float, *, non_finite: bool) -> Convert:
    def convert(value: float) -> float:
        if abs(value) <= limit if math.isfinite(value) else non_finite:
            return value
        raise _NoSuchValue(f"got {value}, expected a finite number")

    return convert


def _integer(field: FieldDescriptor) -> Convert:
    unsigned = field.cpp_type in (FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64)
    bits = (
        32
        if field.cpp_type in (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32)
        else 64
    )
    low, high = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)

    def convert(value: int) -> int:
        if low <= value <= high:
            return value
        raise _NoSuchValue(f"got {value}, expected {low} to {high}")

    return convert


def _enum(numbers: Mapping[Any, int]) -> Convert:
    def convert(value: Any) -> int:
        number = numbers.get(value)
        if number is None:
            raise _NoSuchValue(f"got {quoted(str(value))}, expected a value of the enum")
        return number

    return convert


def _size(array: Array) -> str:
    return f"{array.size} value{'' if array.size == 1 else 's'}"


def _failed(why: str) -> ModelFailed:
    return ModelFailed("the model's answer does not fit its contract", why=why)
