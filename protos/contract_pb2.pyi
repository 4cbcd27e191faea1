from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class Violation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFUSE: _ClassVar[Violation]
    WARN: _ClassVar[Violation]
REFUSE: Violation
WARN: Violation
INPUT_FIELD_NUMBER: _ClassVar[int]
input: _descriptor.FieldDescriptor
OUTPUT_FIELD_NUMBER: _ClassVar[int]
output: _descriptor.FieldDescriptor
COLUMN_FIELD_NUMBER: _ClassVar[int]
column: _descriptor.FieldDescriptor
DEFAULT_FIELD_NUMBER: _ClassVar[int]
default: _descriptor.FieldDescriptor
MINIMUM_FIELD_NUMBER: _ClassVar[int]
minimum: _descriptor.FieldDescriptor
MAXIMUM_FIELD_NUMBER: _ClassVar[int]
maximum: _descriptor.FieldDescriptor
ALLOWED_FIELD_NUMBER: _ClassVar[int]
allowed: _descriptor.FieldDescriptor
ON_VIOLATION_FIELD_NUMBER: _ClassVar[int]
on_violation: _descriptor.FieldDescriptor
NON_FINITE_FIELD_NUMBER: _ClassVar[int]
non_finite: _descriptor.FieldDescriptor
WARNINGS_FIELD_NUMBER: _ClassVar[int]
warnings: _descriptor.FieldDescriptor
ERRORS_FIELD_NUMBER: _ClassVar[int]
errors: _descriptor.FieldDescriptor
