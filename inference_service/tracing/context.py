"""W3C trace context, and which requests are traced. Pure, and cheap: it is asked on every request.

Sources: W3C Trace Context, level 1 (`traceparent`); OpenTelemetry specification, "Sampling".
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_LENGTH = 55
_MOST = 512  # a later version may say more; no more than this is read
_SAMPLED = 1
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
_RATIO_BITS = 64

Bits = Callable[[int], int]


class Parent(NamedTuple):
    """What `traceparent` says: who asks, and whether that one is traced."""

    trace_id: str
    span_id: str
    sampled: bool


class SpanContext(NamedTuple):
    """The identity of one span: lower-case hex; `parent_id` is empty at the root of a trace."""

    trace_id: str
    span_id: str
    parent_id: str


@dataclass(frozen=True)
class Sampling:
    """`ratio` is the share of traces that are begun; with `parent_based` the parent decides."""

    parent_based: bool = True
    ratio: float = 1.0


def parse_traceparent(text: str) -> Parent | None:
    """The parent that `text` names, None where it is not exactly as the standard says."""
    if len(text) < _LENGTH or len(text) > _MOST:
        return None
    found = _TRACEPARENT.fullmatch(text)
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more is not None):
        return None
    if trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return Parent(trace_id, span_id, bool(int(flags, 16) & _SAMPLED))


def decide(
    parent: Parent | None, sampling: Sampling, bits: Bits = random.getrandbits
) -> SpanContext | None:
    """The span of a request, None if it is not traced.

    By ratio the same traces are chosen everywhere: it is the low 64 bits of their id that decide.
    """
    if parent is not None and sampling.parent_based:
        if not parent.sampled:
            return None
    elif sampling.ratio < 1.0:
        low = int(parent.trace_id[16:], 16) if parent else bits(_RATIO_BITS)
        if low >= sampling.ratio * 2**_RATIO_BITS:
            return None
        if parent is None:
            return SpanContext(f"{_some(bits):016x}{low:016x}", f"{_some(bits):016x}", "")
    span_id = f"{_some(bits):016x}"
    if parent is not None:
        return SpanContext(parent.trace_id, span_id, parent.span_id)
    return SpanContext(f"{_some(bits):016x}{bits(_RATIO_BITS):016x}", span_id, "")


def _some(bits: Bits) -> int:
    return bits(64) or 1  # an id of zeros is none
