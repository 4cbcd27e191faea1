"""Datatypes of the Open Inference Protocol, and what they are in numpy and onnxruntime.

Source of the table: the protocol's "Tensor Data Types" and the comments of InferTensorContents.
BF16 is left out: numpy has no such type, so no client in Python could read it.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Datatype:
    """One datatype: its word, its little-endian numpy type (None for text), its typed field.

    `field` is the field of InferTensorContents that carries it, None where only raw contents can.
    """

    word: str
    dtype: np.dtype[np.generic] | None
    field: str | None
    onnx: str


_TABLE = [
    ("BOOL", "?", "bool_contents", "tensor(bool)"),
    ("INT8", "i1", "int_contents", "tensor(int8)"),
    ("INT16", "<i2", "int_contents", "tensor(int16)"),
    ("INT32", "<i4", "int_contents", "tensor(int32)"),
    ("INT64", "<i8", "int64_contents", "tensor(int64)"),
    ("UINT8", "u1", "uint_contents", "tensor(uint8)"),
    ("UINT16", "<u2", "uint_contents", "tensor(uint16)"),
    ("UINT32", "<u4", "uint_contents", "tensor(uint32)"),
    ("UINT64", "<u8", "uint64_contents", "tensor(uint64)"),
    ("FP16", "<f2", None, "tensor(float16)"),
    ("FP32", "<f4", "fp32_contents", "tensor(float)"),
    ("FP64", "<f8", "fp64_contents", "tensor(double)"),
    ("BYTES", None, "bytes_contents", "tensor(string)"),
]

DATATYPES: dict[str, Datatype] = {
    word: Datatype(word, None if code is None else np.dtype(code), field, onnx)
    for word, code, field, onnx in _TABLE
}

CONTENT_FIELDS: tuple[str, ...] = tuple(
    dict.fromkeys(kind.field for kind in DATATYPES.values() if kind.field is not None)
)
