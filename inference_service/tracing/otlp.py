"""Spans as OTLP JSON: a pure function.

Sources: OTLP specification, "JSON Protobuf Encoding" (ids in hex, 64-bit numbers as text, enums as
numbers); OpenTelemetry semantic conventions for RPC spans.
"""

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from inference_service.status import Code
from inference_service.tracing.context import SpanContext

Value = str | int | float | bool

_KIND_SERVER, _STATUS_ERROR = 2, 2
_SCOPE = "inference_service"

# Of a gRPC server's span, by the semantic conventions: what the client did wrong is no error here.
_ERRORS = {
    Code.UNKNOWN,
    Code.DEADLINE_EXCEEDED,
    Code.UNIMPLEMENTED,
    Code.INTERNAL,
    Code.UNAVAILABLE,
    Code.DATA_LOSS,
}


class Span(NamedTuple):
    """One finished call; times are nanoseconds since 1970, `method` is its path."""

    context: SpanContext
    method: str
    code: int
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Value]


def as_json(spans: Iterable[Span], resource: Mapping[str, str]) -> bytes:
    """The body of one export."""
    body = {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(resource)},
                "scopeSpans": [{"scope": {"name": _SCOPE}, "spans": [_span(one) for one in spans]}],
            }
        ]
    }
    return json.dumps(body, separators=(",", ":")).encode()


def _span(span: Span) -> dict[str, object]:
    service, _, method = span.method.lstrip("/").rpartition("/")
    told: dict[str, object] = {
        "traceId": span.context.trace_id,
        "spanId": span.context.span_id,
        "name": span.method.lstrip("/"),
        "kind": _KIND_SERVER,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(max(span.end_ns, span.start_ns)),
        "attributes": _attributes(
            {
                "rpc.system": "grpc",
                "rpc.service": service,
                "rpc.method": method,
                "rpc.grpc.status_code": int(span.code),
                **span.attributes,
            }
        ),
    }
    if span.context.parent_id:
        told["parentSpanId"] = span.context.parent_id
    if span.code in _ERRORS:
        told["status"] = {"code": _STATUS_ERROR}
    return told


def _attributes(attributes: Mapping[str, Value]) -> list[dict[str, object]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: Value) -> dict[str, object]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": value}
