"""Raw tensor contents of the Open Inference Protocol, without numpy.

Little-endian, row by row; an element of BYTES has its length before it, in four bytes.
"""

import math
import struct
from collections.abc import Sequence
from typing import Any

from protos.errors import VerificationFailed

# datatype -> code of the struct module
_CODES = {
    "BOOL": "?",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}
_FLOATS = ("FP16", "FP32", "FP64")


def encode_values(datatype: str, values: Sequence[Any]) -> bytes:
    """`values` as raw contents; None stands for NaN. Raises VerificationFailed if one is unfit."""
    if datatype == "BYTES":
        texts = [str(value).encode() for value in values]
        return b"".join(len(text).to_bytes(4, "little") + text for text in texts)
    if datatype in _FLOATS:
        values = [math.nan if value is None else value for value in values]
    try:
        return struct.pack(f"<{len(values)}{_CODES[datatype]}", *values)
    except (KeyError, struct.error, OverflowError, TypeError) as error:
        raise VerificationFailed(
            f"golden values do not fit {datatype}", why=str(error), remedy="build the image again"
        ) from error


def decode_values(datatype: str, raw: bytes) -> list[Any]:
    """The flat values in `raw`. Raises VerificationFailed if it is not of this datatype."""
    try:
        if datatype == "BYTES":
            return _texts(raw)
        return [value for (value,) in struct.iter_unpack("<" + _CODES[datatype], raw)]
    except (KeyError, struct.error, ValueError) as error:
        raise VerificationFailed(
            f"the answer is not {datatype}", why=str(error), remedy="look at the service's log"
        ) from error


def _texts(raw: bytes) -> list[Any]:
    texts, place = [], 0
    while place < len(raw):
        (size,) = struct.unpack_from("<I", raw, place)
        place += 4 + size
        if place > len(raw):
            raise ValueError("an element is cut off")
        texts.append(raw[place - size : place].decode())
    return texts
