"""Any value of any type either arrives at the model unchanged or is refused by its field's name."""

import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_service.contracts.kinds import INTO_MODEL, Kind
from inference_service.datatypes import DATATYPES
from inference_service.description import TensorSpec
from inference_service.errors import InvalidRequest
from tests.inference_service.contracts.build import Built, build, decoded, question

_BITS = {
    "int32": (-(2**31), 2**31 - 1),
    "sint32": (-(2**31), 2**31 - 1),
    "sfixed32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "sint64": (-(2**63), 2**63 - 1),
    "sfixed64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "fixed32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
    "fixed64": (0, 2**64 - 1),
}
_KINDS = dict.fromkeys(_BITS, Kind.INTEGER) | {
    "double": Kind.FLOAT,
    "float": Kind.FLOAT,
    "bool": Kind.BOOL,
    "string": Kind.TEXT,
    "bytes": Kind.TEXT,
}
_ZERO = {Kind.INTEGER: "0", Kind.FLOAT: "0", Kind.BOOL: "false", Kind.TEXT: ""}


def _group(datatype: str) -> str:
    if datatype in INTO_MODEL:
        return datatype
    return "FP" if datatype.startswith("FP") else "INT"


PAIRS = [
    (word, datatype)
    for word, kind in _KINDS.items()
    for datatype in DATATYPES
    if kind in INTO_MODEL[_group(datatype)]
]


@pytest.fixture(scope="module")
def every() -> Built:
    """A field of each type for an input of each datatype that it may stand for."""
    fields = [
        f"optional {word} {word}_{datatype} [(default) = '{_ZERO[_KINDS[word]]}']"
        for word, datatype in PAIRS
    ]
    return build(
        question(*fields), [TensorSpec(f"{word}_{kind}", kind, (-1, 1)) for word, kind in PAIRS]
    )


def _values(word: str) -> st.SearchStrategy[Any]:
    if word in _BITS:
        low, high = _BITS[word]
        near = [n + d for n in (0, 2**7, 2**8, 2**15, 2**24, 2**31, 2**53) for d in (-1, 0, 1)]
        edges = [n for m in near for n in (m, -m, low, high) if low <= n <= high]
        return st.one_of(st.integers(low, high), st.sampled_from(edges))
    if word in ("double", "float"):
        return st.floats(width=64 if word == "double" else 32)
    return {"bool": st.booleans(), "string": st.text(), "bytes": st.binary()}[word]


def _is_unchanged(value: Any, datatype: str, arrived: Any) -> bool:
    dtype = DATATYPES[datatype].dtype
    if dtype is None:
        return bool(arrived == (value.decode() if isinstance(value, bytes) else value))
    if isinstance(value, float):  # to the precision of the input, which no client can choose
        return math.isfinite(value) and bool(arrived == dtype.type(value).item())
    return bool(arrived == value)


def _may_be_refused(value: Any, datatype: str) -> bool:
    dtype: Any = DATATYPES[datatype].dtype
    if isinstance(value, bytes):
        return value.decode(errors="replace").encode() != value
    if dtype is None or isinstance(value, bool):
        return False
    if isinstance(value, float):
        return not abs(value) <= float(np.finfo(dtype).max)
    if dtype.kind == "f":
        limit = float(np.finfo(dtype).max)
        return bool(abs(value) > limit or int(dtype.type(value)) != value)
    return not int(np.iinfo(dtype).min) <= value <= int(np.iinfo(dtype).max)


@given(data=st.data(), pair=st.sampled_from(PAIRS))
@settings(max_examples=400, deadline=None)
def test_a_value_arrives_unchanged_or_is_refused(
    every: Built, data: st.DataObject, pair: tuple[str, str]
) -> None:
    word, datatype = pair
    name, value = f"{word}_{datatype}", data.draw(_values(word))
    asked, refusal = decoded(every, every.question(**{name: value}).SerializeToString())
    if asked is None:
        assert refusal.startswith(f"field {name}: got ")
        assert _may_be_refused(value, datatype), "refused without need"
    else:
        arrived = asked.inputs[name]
        assert arrived.shape == (1, 1)
        assert _is_unchanged(value, datatype, arrived.item())


@pytest.fixture(scope="module")
def bounded() -> Built:
    fields = (
        "optional double x",
        "optional sint64 n [(minimum) = -5, (maximum) = 5, (on_violation) = WARN]",
        "optional string s [(default) = 'a']",
    )
    return build(
        question(*fields),
        [
            TensorSpec("x", "FP32", (-1, 1), -1e3, 1e3),
            TensorSpec("n", "INT16", (-1, 1)),
            TensorSpec("s", "BYTES", (-1, 1), categories=("a", "b")),
        ],
    )


@given(
    x=st.none() | st.floats(),
    n=st.none() | st.integers(-(2**63), 2**63 - 1),
    s=st.none() | st.sampled_from(["a", "b", "c", ""]),
)
@settings(max_examples=300, deadline=None)
def test_refused_exactly_if_something_is_wrong(
    bounded: Built, x: float | None, n: int | None, s: str | None
) -> None:
    wrong = [x is None or not abs(x) <= 1e3, n is None or not -(2**15) <= n < 2**15]
    wrong.append(s not in (None, "a", "b"))
    fields = {k: v for k, v in {"x": x, "n": n, "s": s}.items() if v is not None}
    asked, refusal = decoded(bounded, bounded.question(**fields).SerializeToString())
    if asked is None:
        assert refusal.startswith(f"field {'xns'[wrong.index(True)]}: ")
    else:
        assert not any(wrong)
        assert [a.item() for a in asked.inputs.values()] == [np.float32(x), n, s or "a"]
        assert bool(asked.warnings) is (n is not None and abs(n) > 5)


@given(message=st.binary(max_size=48))
@settings(max_examples=500, deadline=None)
def test_whatever_comes_it_is_read_or_refused(bounded: Built, message: bytes) -> None:
    asked, refusal = decoded(bounded, message)
    if asked is None:
        assert refusal.startswith(("field ", "request: "))
    else:
        assert all(array.shape == (1, 1) for array in asked.inputs.values())


def test_the_bytes_of_a_message_that_ends_early_are_refused(bounded: Built) -> None:
    message = b"\x09" + struct.pack("<d", 1.0) + b"\x10\x02"
    assert bounded.method.decode(message).inputs["n"].item() == 1  # zigzag
    for end in range(1, len(message)):
        with pytest.raises(InvalidRequest):
            bounded.method.decode(message[:end])
