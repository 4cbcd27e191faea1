"""The request of a typed method: bytes of a message to the inputs of the model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.unknown_fields import UnknownFieldSet

from inference_service.contracts.layout import (
    check_columns,
    check_complete,
    check_rows,
    many_rows,
    one_row,
    width_of,
)
from inference_service.contracts.options import misfit, terms_of
from inference_service.contracts.rule import Rule, warn
from inference_service.contracts.terms import NO_DEFAULT, default_of, rule_of
from inference_service.description import TensorSpec
from inference_service.tensors import Array, wrong

MOST_VALUES = 1 << 20
"""Values of one repeated field: so many are read in some 60 ms, in which nothing else runs."""
MOST_UNKNOWN_BYTES = 1 << 14
"""Bytes of fields that are not in the contract: a look at each costs much more than its bytes."""

Read = Callable[[Any, list[str]], Any]


class TypedQuestion(NamedTuple):  # made for each request: a frozen dataclass takes thrice as long
    """A request as the model gets it: arrays of `rows` rows, and what is to be warned of."""

    inputs: dict[str, Array]
    rows: int
    warnings: list[str]


@dataclass(frozen=True)
class _Field:
    """A field of the request: what reads it, and which column of its input it is."""

    name: str
    rule: Rule
    column: int | None
    repeated: bool
    read: Read


class RequestReader:
    """Reads messages of the type `message` for a model with the inputs `specs`.

    A message of single fields is one row; one of repeated fields is as many rows as each of them
    has values. A repeated field may also be one whole row of an input with several columns. Raises
    ConfigurationError if message and model do not fit.
    """

    def __init__(self, message: Descriptor, specs: Sequence[TensorSpec]) -> None:
        self._parse = GetMessageClass(message).FromString
        self._name = message.full_name
        known = {spec.name: spec for spec in specs}
        found: dict[str, list[_Field]] = {name: [] for name in known}
        for field in message.fields:
            name, planned = _planned(field, known)
            found[name].append(planned)
        for name, fields in found.items():
            if not fields:
                raise misfit(f"{message.full_name} has no field for the input {name}", "it has to")
        self._fields = [field for fields in found.values() for field in fields]
        self._names = {field.number: field.name for field in message.fields}
        rowwise = {f.repeated and not _is_row(f, known[n]) for n, fs in found.items() for f in fs}
        if len(rowwise) > 1:
            raise misfit(f"{message.full_name} mixes rows", "single and repeated fields")
        self.many = True in rowwise
        self._plans = [
            _plan(known[name], sorted(fields, key=lambda f: f.column or 0), many=self.many)
            for name, fields in found.items()
        ]
        self.warns = any(field.rule.warn for field in self._fields)

    def read(self, message: bytes) -> TypedQuestion:
        """The question in `message`. Raises InvalidRequest naming the field."""
        try:
            request = self._parse(message)
        except DecodeError:
            raise wrong("request", "other bytes", f"a message {self._name}") from None
        if len(message) > MOST_UNKNOWN_BYTES:
            self._check_unknown_bytes(message)
        warnings: list[str] = []
        unknown = UnknownFieldSet(request)
        if len(unknown):
            self._look_at(unknown, warnings)
        rows = self._rows(request) if self.many else 1
        inputs = {name: read(request, warnings) for name, read in self._plans}
        return TypedQuestion(inputs, rows, warnings)

    def _check_unknown_bytes(self, message: bytes) -> None:
        request = self._parse(message)
        size = request.ByteSize()
        request.DiscardUnknownFields()
        if (got := size - request.ByteSize()) > MOST_UNKNOWN_BYTES:
            expected = f"at most {MOST_UNKNOWN_BYTES}"
            raise wrong("request", f"{got} bytes that are not in the contract", expected)

    def _look_at(self, unknown: Any, warnings: list[str]) -> None:
        """Refuses a known field of another type; warns of one that a newer client may send."""
        for entry in unknown:
            name = self._names.get(entry.field_number)
            if name is not None:
                rule = next(field.rule for field in self._fields if field.name == name)
                raise rule.refused("another type")
            warn(warnings, f"field number {entry.field_number}: it is not in the contract")

    def _rows(self, request: Any) -> int:
        first, *others = self._fields
        rows = len(getattr(request, first.name))
        if not rows:
            raise first.rule.refused("no value", "at least one")
        for field in others:
            if (got := len(getattr(request, field.name))) != rows:
                raise field.rule.refused(f"{got} values", f"{rows} as {first.name} has")
        return rows


def _planned(field: FieldDescriptor, known: Mapping[str, TensorSpec]) -> tuple[str, _Field]:
    terms = terms_of(field, request=True)
    name = terms.input or field.name
    if name not in known:
        raise misfit(
            f"field {field.full_name} stands for the input {name!r}",
            "the model has " + ", ".join(known),
        )
    rule = rule_of(field, terms, known[name])
    read = _reader(field, rule, default_of(field, terms, rule))
    return name, _Field(field.name, rule, terms.column, field.is_repeated, read)


def _is_row(field: _Field, spec: TensorSpec) -> bool:
    """Whether a repeated field is one whole row, and not one value of each of many rows."""
    return field.repeated and field.column is None and width_of(spec) != 1


def _reader(field: FieldDescriptor, rule: Rule, default: Any) -> Read:
    """What reads `field` of a message. All that can be known before is worked out here."""
    get, judge, name = attrgetter(field.name), rule.judge, field.name
    low, high = rule.fast or (1.0, 0.0)  # no number is from 1 to 0: each is judged
    quick, presence = rule.fast is not None, field.has_presence

    def values(request: Any, warnings: list[str]) -> list[Any]:
        given = get(request)
        if len(given) > MOST_VALUES:
            raise rule.refused(f"{len(given)} values", f"at most {MOST_VALUES}")
        return [
            value if quick and low <= value <= high else judge(value, place, warnings)
            for place, value in enumerate(given)
        ]

    def one(request: Any, warnings: list[str]) -> Any:
        value = get(request)
        if not value and presence and not request.HasField(name):
            if default is NO_DEFAULT:
                raise rule.refused("nothing")
            return default
        if quick and low <= value <= high:
            return value
        return judge(value, None, warnings)

    return values if field.is_repeated else one


def _plan(spec: TensorSpec, fields: Sequence[_Field], *, many: bool) -> tuple[str, Read]:
    """What reads the fields of one input, in the order of their columns, into its array."""
    check_rows(spec, many=many)
    check_columns(spec, [field.column for field in fields], f"input {spec.name}")
    dtype: Any = object if fields[0].rule.dtype is None else fields[0].rule.dtype
    wrap, first = one_row(spec), fields[0].read
    if _is_row(fields[0], spec):
        return spec.name, _whole_row(spec, fields[0], dtype)
    check_complete(spec, [field.column for field in fields])
    reads = tuple(field.read for field in fields)
    if many:
        return spec.name, lambda request, warnings: many_rows(
            [read(request, warnings) for read in reads], spec, dtype
        )
    if len(reads) == 1:
        return spec.name, lambda request, warnings: wrap([first(request, warnings)], dtype)
    return spec.name, lambda request, warnings: wrap(
        [read(request, warnings) for read in reads], dtype
    )


def _whole_row(spec: TensorSpec, field: _Field, dtype: Any) -> Read:
    """What reads a repeated field that is the one row of its input."""
    width, wrap, values_of = width_of(spec), one_row(spec), field.read
    if width is None and len(spec.shape) > 2:
        raise misfit(f"input {spec.name} has a repeated field", "its row has no certain shape")

    def read(request: Any, warnings: list[str]) -> Array:
        values = values_of(request, warnings)
        if not values or (width is not None and len(values) != width):
            raise field.rule.refused(f"{len(values)} values", str(width or "at least one"))
        return wrap(values, dtype)

    return read
