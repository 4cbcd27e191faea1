"""RFC 9113, section 8: what a request is, and gRPC's own rules for one."""

from inference_service.transports.fast import frames
from inference_service.transports.fast.frames import Error, frame
from tests.inference_service.fast.case import ANSWERED, Answer, Answered, Case, Refused, Reset
from tests.inference_service.fast.wire import Field, asked, call, data, headers, message

MALFORMED = Reset(Error.PROTOCOL_ERROR)
REST = data(1, message(), end=True)
FIVE = b"10"  # octets of `message()`, 5 of them content


def _with(what: str, *more: Field, answer: Answer = MALFORMED, section: str = "8.2.1") -> Case:
    return Case(section, what, headers(1, call(b"/t/Echo", *more)) + REST, answer)


def _fields(section: str, what: str, fields: list[Field], answer: Answer = MALFORMED) -> Case:
    return Case(section, what, headers(1, fields) + REST, answer)


SEQUENCE = [
    Case(
        "8.1",
        "HEADERS, DATA, trailers",
        headers(1) + data(1, message()) + headers(1, [(b"x-sum", b"1")], end=True),
        ANSWERED,
    ),
    Case(
        "8.1",
        "trailers that do not end the stream",
        headers(1) + data(1, message()) + headers(1, [(b"x-sum", b"1")]),
        MALFORMED,
    ),
    Case("8.1", "headers twice before DATA", headers(1) + headers(1) + REST, MALFORMED),
    Case(
        "8.1",
        "pseudo-header in trailers",
        headers(1) + data(1, message()) + headers(1, [(b":path", b"/")], end=True),
        MALFORMED,
    ),
    Case(
        "8.1",
        "upper case in trailers",
        headers(1) + data(1, message()) + headers(1, [(b"X-Sum", b"1")], end=True),
        MALFORMED,
    ),
    Case(
        "8.1",
        "connection header in trailers",
        headers(1) + data(1, message()) + headers(1, [(b"connection", b"close")], end=True),
        MALFORMED,
    ),
    Case(
        "8.1",
        "a malformed request, then a good one",
        headers(1, call(without=b":path")) + asked(3),
        Reset(Error.PROTOCOL_ERROR),
    ),
]
NAMES = [
    _with("upper case in a name", (b"X-Test", b"ok")),
    _with("one letter of a name in upper case", (b"tesT", b"ok")),
    _with("a name of no characters", (b"", b"ok")),
    *(
        _with(f"a name with {bad!r}", (b"na" + bad + b"me", b"ok"))
        for bad in (b" ", b":", b"\0", b"\n", b"\r", b"\x7f", b"\x80", b"\t")
    ),
    *(
        _with(f"a value with {bad!r}", (b"name", b"va" + bad + b"lue"))
        for bad in (b"\0", b"\n", b"\r")
    ),
    *(
        _with(f"a value {value!r} with space around", (b"name", value))
        for value in (b" a", b"a ", b"\ta", b"a\t")
    ),
    _with("a value of no characters", (b"name", b""), answer=ANSWERED),
    _with("a value of octets above 0x7f", (b"name", b"\xc3\xa9\xff"), answer=ANSWERED),
    _with("every character a name may have", (b"!#$%&'*+-.^_`|~09az", b"ok"), answer=ANSWERED),
]
HTTP1 = [
    *(
        _with(f"{name.decode()}: {value.decode()}", (name, value), section="8.2.2")
        for name, value in [
            (b"connection", b"keep-alive"),
            (b"connection", b"close"),
            (b"keep-alive", b"timeout=5"),
            (b"proxy-connection", b"keep-alive"),
            (b"transfer-encoding", b"chunked"),
            (b"upgrade", b"foo"),
        ]
    ),
    _fields("8.2.2", "te: gzip", [*call(without=b"te"), (b"te", b"gzip")]),
    _fields(
        "8.2.2",
        "te: trailers, deflate;q=0.5",
        [*call(without=b"te"), (b"te", b"trailers, deflate;q=0.5")],
    ),
    _fields("8.2.2", "te: trailers", call(), ANSWERED),
    _fields("8.2.2", "no te", call(without=b"te"), ANSWERED),
]
PSEUDO = [
    _fields("8.3", "an unknown pseudo-header", [*call()[:4], (b":test", b"ok"), *call()[4:]]),
    _fields("8.3", "a pseudo-header of answers", [*call()[:4], (b":status", b"200"), *call()[4:]]),
    _fields("8.3", "a pseudo-header after a field", [*call(), (b":authority", b"x")]),
    _fields("8.3", ":path as the last field", [*call(without=b":path"), (b":path", b"/t/Echo")]),
    *(
        _fields("8.3.1", f"no {name.decode()}", call(without=name))
        for name in (b":method", b":scheme", b":path")
    ),
    *(
        _fields("8.3.1", f"{name.decode()} twice", [(name, value), *call()])
        for name, value in call()[:4]
    ),
    *(
        _fields("8.3.1", f"{name.decode()} of no characters", [(name, b""), *call(without=name)])
        for name in (b":method", b":scheme", b":path")
    ),
    _fields("8.3.1", "no :authority", call(without=b":authority"), ANSWERED),
    _fields(
        "8.3.1", "https as scheme", [(b":scheme", b"https"), *call(without=b":scheme")], ANSWERED
    ),
    _fields(
        "8.3.1",
        "OPTIONS *",
        [(b":method", b"OPTIONS"), (b":scheme", b"http"), (b":path", b"*")],
        Refused(405),
    ),
    _fields("8.5", "CONNECT", [(b":method", b"CONNECT"), (b":authority", b"x:1")], Refused(405)),
]
LENGTH = [
    _with("content-length as it is", (b"content-length", FIVE), answer=ANSWERED, section="8.1.1"),
    _with("content-length too small", (b"content-length", b"9"), section="8.1.1"),
    _with("content-length too large", (b"content-length", b"11"), section="8.1.1"),
    _with("content-length of 0 with a message", (b"content-length", b"0"), section="8.1.1"),
    _with("content-length that is no number", (b"content-length", b"ten"), section="8.1.1"),
    _with("content-length below 0", (b"content-length", b"-1"), section="8.1.1"),
    _with("content-length that is not ASCII", (b"content-length", b"1\xb2"), section="8.1.1"),
    _with("content-length of nothing", (b"content-length", b""), section="8.1.1"),
    _with(
        "two content-lengths that differ",
        (b"content-length", FIVE),
        (b"content-length", b"11"),
        section="8.1.1",
    ),
    _with(
        "two content-lengths that agree",
        (b"content-length", FIVE),
        (b"content-length", FIVE),
        answer=ANSWERED,
        section="8.1.1",
    ),
    Case(
        "8.1.1",
        "content-length against DATA in several frames",
        headers(1, call(b"/t/Echo", (b"content-length", b"9")))
        + data(1, message()[:4])
        + data(1, message()[4:], end=True),
        MALFORMED,
    ),
    Case(
        "8.1.1",
        "content-length with an end in HEADERS",
        headers(1, call(b"/t/Echo", (b"content-length", b"1")), end=True),
        MALFORMED,
    ),
    Case(
        "8.1.1",
        "content-length with padding, which does not count",
        headers(1, call(b"/t/Echo", (b"content-length", FIVE)))
        + frame(0, 9, 1, b"\x02" + message() + b"\0\0"),
        ANSWERED,
    ),
    Case(
        "8.1.1",
        "content-length with trailers",
        headers(1, call(b"/t/Echo", (b"content-length", b"11")))
        + data(1, message())
        + headers(1, [(b"x", b"y")], end=True),
        MALFORMED,
    ),
]


def _grpc(what: str, octets: bytes, answer: Answer) -> Case:
    return Case("gRPC", what, octets, answer)


def _typed(value: bytes) -> list[Field]:
    return [*call(without=b"content-type"), (b"content-type", value)]


GRPC = [
    _grpc(
        "GET", headers(1, [(b":method", b"GET"), *call(without=b":method")], end=True), Refused(405)
    ),
    *(
        _grpc(f"content-type {value.decode()}", headers(1, _typed(value)) + REST, Refused(415))
        for value in (b"application/json", b"application/grpc-web", b"text/plain")
    ),
    _grpc("no content-type", headers(1, call(without=b"content-type")) + REST, Refused(415)),
    *(
        _grpc(f"content-type {value.decode()}", headers(1, _typed(value)) + REST, ANSWERED)
        for value in (b"application/grpc+proto", b"application/grpc;charset=utf-8")
    ),
    _grpc("an unknown method", headers(1, call(b"/t/Nothing")) + REST, Refused(12)),
    _grpc("a path without a method", headers(1, call(b"/")) + REST, Refused(12)),
    _grpc(
        "an unknown grpc-encoding",
        headers(1, call(b"/t/Echo", (b"grpc-encoding", b"br"))) + REST,
        Refused(12),
    ),
    _grpc(
        "a compressed message without grpc-encoding",
        headers(1) + data(1, b"\x01\0\0\0\x01x", end=True),
        Refused(13),
    ),
    _grpc(
        "a compressed message that is none",
        headers(1, call(b"/t/Echo", (b"grpc-encoding", b"gzip")))
        + data(1, b"\x01\0\0\0\x01x", end=True),
        Refused(13),
    ),
    *(
        _grpc(
            f"grpc-timeout {value!r}",
            headers(1, call(b"/t/Echo", (b"grpc-timeout", value))) + REST,
            MALFORMED,
        )
        for value in (b"", b"5", b"S", b"5X", b"-5S", b"123456789S", b"1.5S")
    ),
    *(
        _grpc(
            f"grpc-timeout {value!r}",
            headers(1, call(b"/t/Echo", (b"grpc-timeout", value))) + REST,
            ANSWERED,
        )
        for value in (b"99999999H", b"1M", b"5S", b"500m", b"99999999u", b"99999999n")
    ),
    _grpc("no message", headers(1) + data(1, b"", end=True), Refused(12)),
    _grpc("a message cut short", headers(1) + data(1, message()[:-1], end=True), Refused(12)),
    _grpc(
        "two messages in a unary call", headers(1) + data(1, message() * 2, end=True), Refused(12)
    ),
    _grpc(
        "more than the message says, without an end",
        headers(1) + data(1, message() + b"x"),
        Refused(12),
    ),
    _grpc("a message above the limit", headers(1) + data(1, b"\0\x7f\xff\xff\xff"), Refused(8)),
    _grpc("a message of no octets", headers(1) + data(1, message(b""), end=True), Answered(1, b"")),
    _grpc("a stream of no messages", headers(1, call(b"/t/Stream"), end=True), Refused(0)),
    _grpc(
        "a stream that ends inside a message",
        headers(1, call(b"/t/Stream")) + data(1, message()[:-1], end=True),
        Refused(13),
    ),
    _grpc(
        "an unknown method that is sent to", headers(1, call(b"/t/Nothing")), Reset(Error.NO_ERROR)
    ),
    _grpc(
        "metadata, binary too",
        headers(1, call(b"/t/Echo", (b"x-id", b"7"), (b"blob-bin", b"AAECAw"))) + REST,
        ANSWERED,
    ),
    _grpc(
        "the end of a call in HEADERS after its message",
        headers(1) + data(1, message()) + frame(frames.HEADERS, 5, 1),
        ANSWERED,
    ),
]

CASES = [*SEQUENCE, *NAMES, *HTTP1, *PSEUDO, *LENGTH, *GRPC]
