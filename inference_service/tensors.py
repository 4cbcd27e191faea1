"""Tensors of the wire to numpy and back, checked against what the model declares."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from inference_service.datatypes import CONTENT_FIELDS, DATATYPES
from inference_service.description import TensorSpec
from inference_service.errors import InvalidRequest, quoted
from protos import inference_pb2 as pb

Array = np.ndarray[Any, np.dtype[Any]]


def decode_tensor(
    tensor: pb.ModelInferRequest.InferInputTensor, raw: bytes | None, spec: TensorSpec
) -> Array:
    """The values of one input as an array of the shape that the request states.

    `raw` is its entry of raw_input_contents, None where the request uses typed contents. Numeric
    arrays may be read-only views of `raw`; text is an object array of str. Raises InvalidRequest
    naming the input, what was got and what was expected.
    """
    if tensor.datatype != spec.datatype:
        raise wrong(f"input {quoted(spec.name)}: datatype", quoted(tensor.datatype), spec.datatype)
    shape = tuple(tensor.shape)
    if not _fits(shape, spec.shape):
        raise wrong(f"input {quoted(spec.name)}: shape", list(shape), list(spec.shape))
    flat = _typed(tensor, spec) if raw is None else _raw(raw, spec)
    count = math.prod(shape)
    if flat.size != count:
        raise wrong(f"input {quoted(spec.name)}: contents", _values(flat.size), _values(count))
    check_values(flat, spec)
    return flat.reshape(shape)


def encode_raw(array: Array) -> bytes:
    """`array` as an entry of raw_output_contents: little-endian, row by row.

    Text has the length of each element in four bytes before it.
    """
    if array.dtype != object:
        little = array.dtype.newbyteorder("<")
        return np.ascontiguousarray(array, dtype=little).tobytes()
    parts: list[bytes] = []
    for element in array.ravel():
        data = element if isinstance(element, bytes) else str(element).encode()
        parts += (len(data).to_bytes(4, "little"), data)
    return b"".join(parts)


def check_values(flat: Array, spec: TensorSpec) -> None:
    """Raises InvalidRequest for the first value that `spec` excludes."""
    if not spec.nullable:
        unknown = flat == "" if flat.dtype == object else np.isnan(flat)
        if unknown.any():
            got = "an empty text" if flat.dtype == object else "NaN"
            raise wrong(_value(int(unknown.argmax()), spec), got, "a known value")
    if spec.categories is not None:
        values = flat.tolist()
        if not spec.known_values.issuperset(values):
            place = [value in spec.known_values for value in values].index(False)
            raise wrong(_value(place, spec), value_text(values[place]), one_of(spec.categories))
    if spec.max_length is not None:
        for place, text in enumerate(flat.tolist()):
            if len(text) > spec.max_length:
                got = f"{len(text)} characters"
                raise wrong(_value(place, spec), got, f"at most {spec.max_length}")
    low, high = spec.minimum, spec.maximum
    if (low is None and high is None) or flat.dtype == object:
        return
    outside = np.zeros(flat.size, dtype=bool)
    if low is not None:
        outside |= flat < low  # NaN compares false
    if high is not None:
        outside |= flat > high
    if outside.any():
        place = int(outside.argmax())
        raise wrong(_value(place, spec), flat[place].item(), range_text(low, high))


def range_text(low: float | None, high: float | None) -> str:
    """What a value within bounds is called in an error."""
    return " to ".join("any" if bound is None else f"{bound:.12g}" for bound in (low, high))


def one_of(values: Sequence[object], most: int = 8) -> str:
    """What one of `values` is called in an error, cut to a line that can be read."""
    told = ", ".join(str(value)[:40] for value in values[:most])
    return f"one of {told}" + (f" and {len(values) - most} more" if len(values) > most else "")


def value_text(value: object) -> str:
    """A value of a client for an error: text is quoted and cut."""
    return quoted(value) if isinstance(value, str) else str(value)


def wrong(field: str, got: object, expected: object) -> InvalidRequest:
    """The error that names the field, what was got and what was expected."""
    return InvalidRequest(f"{field}: got {got}, expected {expected}")


def _fits(shape: Sequence[int], declared: Sequence[int]) -> bool:
    return len(shape) == len(declared) and all(
        size > 0 and want in (-1, size) for size, want in zip(shape, declared, strict=True)
    )


def _value(place: int, spec: TensorSpec) -> str:
    return f"input {quoted(spec.name)}: value {place}"


def _values(count: int) -> str:
    return f"{count} value{'' if count == 1 else 's'}"


def _raw(raw: bytes, spec: TensorSpec) -> Array:
    dtype = DATATYPES[spec.datatype].dtype
    if dtype is None:
        return _text(_split(raw, spec), spec)
    if len(raw) % dtype.itemsize:
        raise wrong(
            f"input {quoted(spec.name)}: raw_input_contents",
            f"{len(raw)} bytes",
            f"a multiple of {dtype.itemsize} for {spec.datatype}",
        )
    if spec.datatype == "BOOL" and raw.translate(None, b"\x00\x01"):
        raise wrong(f"input {quoted(spec.name)}: raw_input_contents", "another byte", "0 or 1")
    return np.frombuffer(raw, dtype=dtype)


def _split(raw: bytes, spec: TensorSpec) -> list[bytes]:
    elements: list[bytes] = []
    place = 0
    while place < len(raw):
        size = int.from_bytes(raw[place : place + 4], "little")
        end = place + 4 + size
        if end > len(raw):
            raise wrong(
                f"input {quoted(spec.name)}: raw_input_contents",
                f"{len(raw)} bytes",
                f"{end}, as the length before element {len(elements)} says",
            )
        elements.append(raw[place + 4 : end])
        place = end
    return elements


def _typed(tensor: pb.ModelInferRequest.InferInputTensor, spec: TensorSpec) -> Array:
    kind, contents = DATATYPES[spec.datatype], tensor.contents
    filled = [field for field in CONTENT_FIELDS if len(getattr(contents, field))]
    if kind.field is None:
        raise wrong(f"input {quoted(spec.name)}: contents", filled, "raw_input_contents")
    if filled != [kind.field]:
        got = ", ".join(filled) or "none"
        raise wrong(f"input {quoted(spec.name)}: contents", got, f"{kind.field} alone")
    values = getattr(contents, kind.field)
    if kind.dtype is None:
        return _text(values, spec)
    try:
        return np.array(values, dtype=kind.dtype)
    except OverflowError as error:
        raise wrong(
            f"input {quoted(spec.name)}: contents",
            "a value out of range",
            f"values of {spec.datatype}",
        ) from error


def _text(elements: Sequence[bytes], spec: TensorSpec) -> Array:
    array = np.empty(len(elements), dtype=object)
    for place, element in enumerate(elements):
        try:
            array[place] = element.decode()
        except UnicodeDecodeError as error:
            raise wrong(
                f"input {quoted(spec.name)}: element {place}", "other bytes", "UTF-8"
            ) from error
    return array
