"""What the headers of a call mean: HTTP/2's rules for a request, then gRPC's."""

from dataclasses import dataclass

from inference_service.methods import Inference
from inference_service.transports.fast.frames import Error, StreamFailed
from inference_service.transports.fast.headers import Field

_PSEUDO = {b":method", b":scheme", b":path", b":authority"}
_OF_HTTP1 = {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
_TIMEOUT_UNITS = {
    ord("H"): 3600.0,
    ord("M"): 60.0,
    ord("S"): 1.0,
    ord("m"): 1e-3,
    ord("u"): 1e-6,
    ord("n"): 1e-9,
}
_TIMEOUT_DIGITS = 8  # gRPC over HTTP/2: TimeoutValue


@dataclass(slots=True)
class RequestHead:
    """One call before its messages. The same object stands for all calls with the same headers.

    `timeout` is in seconds, None where the client waits for ever. `http_status` is set where the
    answer is no gRPC at all: 405 or 415. `plain` is left by whoever answers: the method, once it is
    known that calls like this are plain questions to a model.
    """

    path: str
    timeout: float | None = None
    encoding: str = "identity"
    traceparent: str | None = None
    content_length: int | None = None
    http_status: int | None = None
    plain: Inference | None = None


def read_head(fields: list[Field]) -> RequestHead:
    """The head of a call. Raises StreamFailed for what RFC 9113, section 8, forbids."""
    pseudo: dict[bytes, bytes] = {}
    regular: dict[bytes, bytes] = {}
    for name, value in fields:
        _check_characters(name, value)
        if name[:1] == b":":
            if regular or name in pseudo or name not in _PSEUDO:
                raise _malformed(f"pseudo-header {name!r}")
            pseudo[name] = value
        else:
            if name in _OF_HTTP1 or (name == b"te" and value != b"trailers"):
                raise _malformed(f"header {name!r} belongs to HTTP/1.1")
            if name == b"content-length" and regular.get(name, value) != value:
                raise _malformed("two lengths")
            regular[name] = value
    if pseudo.get(b":method") == b"CONNECT":  # has no :scheme and no :path, section 8.5
        return RequestHead(path="", http_status=405)
    if not all(pseudo.get(name) for name in (b":method", b":scheme", b":path")):
        raise _malformed("no :method, :scheme or :path")
    status = None
    if pseudo[b":method"] != b"POST":
        status = 405
    elif not _is_grpc(regular.get(b"content-type", b"")):
        status = 415
    traceparent = regular.get(b"traceparent")
    return RequestHead(
        path=pseudo[b":path"].decode("latin-1"),
        timeout=read_timeout(regular.get(b"grpc-timeout")),
        encoding=regular.get(b"grpc-encoding", b"identity").decode("latin-1"),
        traceparent=None if traceparent is None else traceparent.decode("latin-1"),
        content_length=_content_length(regular.get(b"content-length")),
        http_status=status,
    )


def check_trailers(fields: list[Field]) -> None:
    """Raises StreamFailed for trailers that RFC 9113 forbids."""
    for name, value in fields:
        _check_characters(name, value)
        if name[:1] == b":" or name in _OF_HTTP1:
            raise _malformed(f"{name!r} in trailers")


def read_timeout(value: bytes | None) -> float | None:
    """Seconds of a `grpc-timeout` such as `500m`. Raises StreamFailed if it is none."""
    if value is None:
        return None
    digits, unit = value[:-1], _TIMEOUT_UNITS.get(value[-1]) if value else None
    if unit is None or not digits.isdigit() or len(digits) > _TIMEOUT_DIGITS:
        raise _malformed("grpc-timeout")
    return int(digits) * unit


def _is_grpc(content_type: bytes) -> bool:
    return content_type == b"application/grpc" or content_type.startswith(
        (b"application/grpc+", b"application/grpc;")
    )


def _content_length(value: bytes | None) -> int | None:
    if value is None:
        return None
    if not value.isdigit() or len(value) > 12:
        raise _malformed("content-length")
    return int(value)


_FORBIDDEN_IN_VALUE = (b"\0", b"\r", b"\n")
_NAME_CHARACTERS = frozenset(range(0x21, 0x7F)) - frozenset(range(0x41, 0x5B)) - {0x3A}


def _check_characters(name: bytes, value: bytes) -> None:
    """RFC 9113, section 8.2.1: lower case, no control characters, no space around a value."""
    plain = name[1:] if name[:1] == b":" else name
    if not plain or not _NAME_CHARACTERS.issuperset(plain):
        raise _malformed(f"header name {name[:40]!r}")
    if any(bad in value for bad in _FORBIDDEN_IN_VALUE) or value.strip(b" \t") != value:
        raise _malformed(f"value of header {name[:40]!r}")


def _malformed(what: str) -> StreamFailed:
    return StreamFailed(Error.PROTOCOL_ERROR, f"malformed request: {what}")
