"""Kinds of protobuf fields, and which of them can carry which datatype of a model."""

from enum import Enum

from google.protobuf.descriptor import FieldDescriptor

from inference_service.contracts.options import misfit


class Kind(Enum):
    """What a field holds, whatever its encoding; the value is what an error calls it."""

    FLOAT = "a number"
    INTEGER = "an integer"
    TEXT = "a text"
    BOOL = "true or false"
    ENUM = "a value of the enum"


_KINDS = {
    FieldDescriptor.TYPE_DOUBLE: Kind.FLOAT,
    FieldDescriptor.TYPE_FLOAT: Kind.FLOAT,
    FieldDescriptor.TYPE_INT32: Kind.INTEGER,
    FieldDescriptor.TYPE_INT64: Kind.INTEGER,
    FieldDescriptor.TYPE_UINT32: Kind.INTEGER,
    FieldDescriptor.TYPE_UINT64: Kind.INTEGER,
    FieldDescriptor.TYPE_SINT32: Kind.INTEGER,
    FieldDescriptor.TYPE_SINT64: Kind.INTEGER,
    FieldDescriptor.TYPE_FIXED32: Kind.INTEGER,
    FieldDescriptor.TYPE_FIXED64: Kind.INTEGER,
    FieldDescriptor.TYPE_SFIXED32: Kind.INTEGER,
    FieldDescriptor.TYPE_SFIXED64: Kind.INTEGER,
    FieldDescriptor.TYPE_STRING: Kind.TEXT,
    FieldDescriptor.TYPE_BYTES: Kind.TEXT,
    FieldDescriptor.TYPE_BOOL: Kind.BOOL,
    FieldDescriptor.TYPE_ENUM: Kind.ENUM,
}

INTO_MODEL = {
    "BOOL": {Kind.BOOL},
    "BYTES": {Kind.TEXT, Kind.ENUM},
    "FP": {Kind.FLOAT, Kind.INTEGER, Kind.BOOL},
    "INT": {Kind.INTEGER, Kind.BOOL, Kind.ENUM},
}
FROM_MODEL = {
    "BOOL": {Kind.BOOL},
    "BYTES": {Kind.TEXT, Kind.ENUM},
    "FP": {Kind.FLOAT},
    "INT": {Kind.INTEGER, Kind.ENUM},
}


def kind_of(field: FieldDescriptor, datatype: str, *, into_model: bool) -> Kind:
    """The kind of `field`, which stands for a tensor of `datatype`.

    Raises ConfigurationError for a message, a map or a oneof, and where a value of the one cannot
    be a value of the other without loss of meaning: a fraction is no integer, a number no text.
    """
    kind = _KINDS.get(field.type)
    if kind is None:
        raise misfit(f"field {field.full_name} is a message", "only single values are supported")
    oneof = field.containing_oneof
    if oneof is not None and oneof.name != f"_{field.name}":  # `optional` is a oneof of one field
        raise misfit(f"field {field.full_name} is in the oneof {oneof.name}", "it is not supported")
    table = INTO_MODEL if into_model else FROM_MODEL
    group = datatype if datatype in table else "FP" if datatype.startswith("FP") else "INT"
    if kind not in table[group]:
        side = "takes" if into_model else "gives"
        raise misfit(f"field {field.full_name} holds {kind.value}", f"the model {side} {datatype}")
    return kind


def names_of(field: FieldDescriptor) -> dict[int, str]:
    """The values of the enum that `field` holds, by number; none if it holds no enum."""
    if field.enum_type is None:
        return {}
    names: dict[int, str] = {}
    for value in field.enum_type.values:
        names.setdefault(value.number, value.name)  # of aliases, the one that is written first
    return names
