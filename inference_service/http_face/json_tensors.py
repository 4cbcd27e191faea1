"""The values of a tensor as JSON has them, to raw contents and back. Pure.

JSON has no NaN: `null` stands for it in floats, in both directions, and for infinities in answers.
BYTES are texts.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from inference_service.datatypes import DATATYPES
from inference_service.errors import InvalidRequest, ModelFailed, quoted
from inference_service.tensors import encode_raw, wrong

MAX_RANK = 32

_NUMBERS = {int, float, type(None)}


def to_raw(data: Any, shape: Sequence[int], datatype: str, where: str) -> bytes:
    """`data`, flat or nested as `shape` says, as an entry of raw_input_contents.

    `where` begins the text of an error. Raises InvalidRequest.
    """
    if datatype not in DATATYPES:
        raise wrong(f"{where}: datatype", quoted(str(datatype)), ", ".join(DATATYPES))
    if not isinstance(data, list):
        raise wrong(f"{where}: data", _word(data), "a list")
    flat = _flat(data, shape, where)
    kinds = set(map(type, flat))
    try:
        return encode_raw(_array(flat, kinds, datatype, where))
    except (OverflowError, UnicodeEncodeError):
        expected = "Unicode" if datatype == "BYTES" else f"values that {datatype} can hold"
        raise wrong(f"{where}: data", "a value out of range", expected) from None


def from_raw(raw: bytes, datatype: str) -> list[Any]:
    """An entry of raw_output_contents as a flat list. Raises ModelFailed if a text is none."""
    dtype = DATATYPES[datatype].dtype
    if dtype is None:
        return _texts(raw)
    return from_array(np.frombuffer(raw, dtype=dtype))


def from_array(array: np.ndarray[Any, Any]) -> list[Any]:
    """The values of a numeric array as a flat list; what JSON cannot say is None."""
    values: list[Any] = array.ravel().tolist()
    if array.dtype.kind == "f":
        finite = np.isfinite(array)
        if not finite.all():
            return [
                value if good else None
                for value, good in zip(values, finite.ravel().tolist(), strict=True)
            ]
    return values


def _flat(data: list[Any], shape: Sequence[int], where: str) -> list[Any]:
    """`data` without its nesting: level by level, since recursion is what an attacker nests for."""
    if not any(type(entry) is list for entry in data):
        return data
    level: list[Any] = [data]
    for depth, size in enumerate(shape):
        for entry in level:
            if type(entry) is not list or len(entry) != size:
                got = f"{len(entry)} values" if type(entry) is list else _word(entry)
                raise wrong(f"{where}: data at depth {depth}", got, f"a list of {size}")
        level = list(chain.from_iterable(level))
    return level


def _array(flat: list[Any], kinds: set[type], datatype: str, where: str) -> np.ndarray[Any, Any]:
    dtype = DATATYPES[datatype].dtype
    if dtype is None:
        _check(flat, kinds, {str}, "texts", where)
        texts = np.empty(len(flat), dtype=object)
        texts[:] = [text.encode() for text in flat]
        return texts
    if dtype.kind == "b":
        _check(flat, kinds, {bool}, "true and false", where)
        return np.array(flat, dtype=dtype)
    if dtype.kind == "f":
        _check(flat, kinds, _NUMBERS, "numbers and null", where)
        exact = np.array(flat, dtype="<f8")  # None becomes NaN
        with np.errstate(over="ignore"):
            array = exact.astype(dtype)
        if np.isinf(array).any():  # JSON cannot say infinity: the number was too large
            raise OverflowError
        return array
    _check(flat, kinds, {int}, "whole numbers", where)
    return np.array(flat, dtype=dtype)


def _check(
    flat: Sequence[Any], kinds: set[type], allowed: set[type], expected: str, where: str
) -> None:
    if not kinds <= allowed:
        bad = next(value for value in flat if type(value) not in allowed)
        raise wrong(f"{where}: data", _word(bad), expected)


def _texts(raw: bytes) -> list[str]:
    texts: list[str] = []
    place = 0
    while place < len(raw):
        end = place + 4 + int.from_bytes(raw[place : place + 4], "little")
        try:
            texts.append(raw[place + 4 : end].decode())
        except UnicodeDecodeError:
            raise ModelFailed(
                "an output is no text",
                why="its bytes are not UTF-8, and JSON knows only text",
                remedy="ask over gRPC",
            ) from None
        place = end
    return texts


def _word(value: Any) -> str:
    """What JSON calls the value: never the value itself, which may be large."""
    words = {type(None): "null", bool: "true or false", str: "a text", list: "a list"}
    return words.get(type(value), "an object" if isinstance(value, dict) else "a number")


def checked_shape(shape: Any, where: str) -> list[int]:
    """`shape` if it is a list of sizes. Raises InvalidRequest."""
    good = (
        isinstance(shape, list)
        and len(shape) <= MAX_RANK
        and all(type(size) is int and 0 <= size < 1 << 63 for size in shape)
    )
    if not good:
        raise InvalidRequest(f"{where}: shape is not a list of at most {MAX_RANK} sizes")
    return list(shape)
