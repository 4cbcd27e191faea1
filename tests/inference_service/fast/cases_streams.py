"""RFC 9113, section 5: states of streams, their numbers, how many, errors, extensions."""

import struct
from dataclasses import dataclass

from inference_service.transports.fast import frames
from inference_service.transports.fast.frames import Error, frame, rst_stream, window_update
from tests.inference_service.fast.case import (
    ANSWERED,
    IGNORED,
    Answer,
    Answered,
    Case,
    Goaway,
    Ignored,
    Reset,
)
from tests.inference_service.fast.wire import (
    Frame,
    Wire,
    asked,
    block,
    call,
    data,
    headers,
    message,
    waiting,
)

PROTOCOL = Goaway(Error.PROTOCOL_ERROR)
CLOSED = Goaway(Error.STREAM_CLOSED)
STREAM_CLOSED = Reset(Error.STREAM_CLOSED)
PRIORITY = struct.pack(">IB", 0, 15)


def _priority(stream: int) -> bytes:
    return frame(frames.PRIORITY, 0, stream, PRIORITY)


def _continuation(stream: int) -> bytes:
    return frame(frames.CONTINUATION, frames.END_HEADERS, stream, block([(b"a", b"b")]))


def _trailers(stream: int) -> bytes:
    return headers(stream, [(b"x-checksum", b"1")], end=True)


def _each(state: str, before: bytes, answers: list[tuple[str, bytes, Answer]]) -> list[Case]:
    return [
        Case("5.1", f"{state}: {name}", before + sent, answer) for name, sent, answer in answers
    ]


IDLE = _each(
    "idle",
    b"",
    [
        ("DATA", data(1, b"x"), PROTOCOL),
        ("DATA of no octets", data(1, b""), PROTOCOL),
        ("RST_STREAM", rst_stream(1, Error.CANCEL), PROTOCOL),
        ("WINDOW_UPDATE", window_update(1, 10), PROTOCOL),
        ("CONTINUATION", _continuation(1), PROTOCOL),
        ("PRIORITY", _priority(1), IGNORED),
        ("HEADERS and the rest of a call", asked(1), ANSWERED),
    ],
)
OPEN = _each(
    "open",
    headers(1),
    [
        ("DATA with END_STREAM", data(1, message(), end=True), ANSWERED),
        (
            "DATA in three frames",
            data(1, message()[:2]) + data(1, message()[2:7]) + data(1, message()[7:], end=True),
            ANSWERED,
        ),
        ("trailers", data(1, message()) + _trailers(1), ANSWERED),
        ("headers that do not end it", headers(1, [(b"x", b"y")]), Reset(Error.PROTOCOL_ERROR)),
        ("PRIORITY", _priority(1) + data(1, message(), end=True), ANSWERED),
        ("WINDOW_UPDATE", window_update(1, 5) + data(1, message(), end=True), ANSWERED),
        ("RST_STREAM", rst_stream(1, Error.CANCEL), IGNORED),
        ("CONTINUATION", _continuation(1), PROTOCOL),
    ],
)
HALF_CLOSED = _each(
    "half-closed (remote)",
    waiting(1),
    [
        ("DATA", data(1, b"x"), STREAM_CLOSED),
        ("DATA with END_STREAM", data(1, b"", end=True), STREAM_CLOSED),
        ("HEADERS", headers(1), STREAM_CLOSED),
        ("trailers", _trailers(1), STREAM_CLOSED),
        ("CONTINUATION", _continuation(1), PROTOCOL),
        ("WINDOW_UPDATE", window_update(1, 10), IGNORED),
        ("PRIORITY", _priority(1), IGNORED),
        ("RST_STREAM", rst_stream(1, Error.CANCEL), IGNORED),
        ("another call on another stream", asked(3), Answered(3)),
    ],
)


class _Quiet(Ignored):
    """Ignored, after the answer of the call before."""

    def check(self, wire: Wire, came: list[Frame]) -> None:
        assert not any(one.kind in (frames.RST_STREAM, frames.GOAWAY) for one in came)


@dataclass(frozen=True)
class _UnderWay(Reset):
    """Ignored, after the stream error before it."""

    text = "ignored"


QUIET = _Quiet()
ENDED = _each(
    "closed by its end",
    asked(1),
    [
        ("DATA", data(1, b"x"), CLOSED),
        ("HEADERS", headers(1), CLOSED),
        ("trailers", _trailers(1), CLOSED),
        ("CONTINUATION", _continuation(1), PROTOCOL),
        ("WINDOW_UPDATE", window_update(1, 10), QUIET),
        ("RST_STREAM", rst_stream(1, Error.CANCEL), QUIET),
        ("PRIORITY", _priority(1), QUIET),
    ],
)
CANCELLED = _each(
    "closed by its client's RST_STREAM",
    headers(1) + rst_stream(1, Error.CANCEL),
    [
        ("DATA", data(1, b"x"), CLOSED),
        ("HEADERS", headers(1), CLOSED),
        ("CONTINUATION", _continuation(1), PROTOCOL),
        ("WINDOW_UPDATE", window_update(1, 10), IGNORED),
        ("RST_STREAM", rst_stream(1, Error.CANCEL), IGNORED),
        ("PRIORITY", _priority(1), IGNORED),
    ],
)
MALFORMED = headers(1, call(b"/t/Echo", (b"Upper", b"x")))
OUR_RESET = _each(
    "closed by our RST_STREAM",
    MALFORMED,
    [
        (name, sent, _UnderWay(Error.PROTOCOL_ERROR))
        for name, sent in [
            ("DATA under way", data(1, b"x") + data(1, b"y", end=True)),
            ("trailers under way", _trailers(1)),
            ("WINDOW_UPDATE under way", window_update(1, 10)),
            ("RST_STREAM under way", rst_stream(1, Error.CANCEL)),
            ("PRIORITY", _priority(1)),
        ]
    ],
)

NUMBERS = [
    Case("5.1.1", "a call on an even stream", asked(2), PROTOCOL),
    Case("5.1.1", "a call on stream 0", headers(0), PROTOCOL),
    Case("5.1.1", "a stream lower than one before, never used", asked(5) + asked(3), PROTOCOL),
    Case(
        "5.1.1",
        "a stream lower than one before, never used, far away",
        asked(2001) + asked(7),
        PROTOCOL,
    ),
    Case("5.1.1", "a stream used before", asked(1) + asked(1), CLOSED),
    Case(
        "5.1.1",
        "a stream used before, with others after it",
        asked(1) + asked(3) + asked(1),
        CLOSED,
    ),
    Case("5.1.1", "streams with gaps", asked(5) + asked(99), Answered(99)),
    Case(
        "5.1.1", "the highest stream", asked(frames.MAX_STREAM_ID), Answered(frames.MAX_STREAM_ID)
    ),
    Case("5.1.1", "DATA on an even stream", data(2, b"x"), PROTOCOL),
    Case("5.1.1", "WINDOW_UPDATE on an even stream", window_update(2, 1), PROTOCOL),
    Case("5.1.1", "RST_STREAM on an even stream", rst_stream(2, Error.CANCEL), PROTOCOL),
]
FULL = b"".join(waiting(1 + 2 * n) for n in range(128))
MANY = [
    Case(
        "5.1.2",
        "as many calls at once as announced, and one ends",
        FULL[: -len(waiting(1))] + asked(255),
        Answered(255),
    ),
    Case(
        "5.1.2", "one call more than announced", FULL + asked(257), Reset(Error.REFUSED_STREAM, 257)
    ),
    Case(
        "5.1.2",
        "another call after one was cancelled",
        FULL + rst_stream(9, Error.CANCEL) + asked(257),
        Answered(257),
    ),
]
DEPENDENCIES = [
    Case(
        "5.3",
        "PRIORITY that depends on itself: priorities are not looked at",
        frame(frames.PRIORITY, 0, 1, struct.pack(">IB", 1, 0)),
        IGNORED,
    ),
    Case(
        "5.3",
        "HEADERS that depend on themselves: priorities are not looked at",
        frame(frames.HEADERS, 0x24, 1, struct.pack(">IB", 1, 0) + block(call()))
        + data(1, message(), end=True),
        ANSWERED,
    ),
]
ERRORS = [
    Case(
        "5.4.1",
        "whatever follows a connection error",
        frame(frames.PING, 0, 0, b"short") + asked(1),
        Goaway(Error.FRAME_SIZE_ERROR),
    ),
    Case(
        "5.4.2",
        "another call after a stream error",
        MALFORMED + asked(3),
        Reset(Error.PROTOCOL_ERROR),
    ),
    Case(
        "5.5",
        "an unknown frame inside a header block",
        frame(frames.HEADERS, 0, 1, block(call())) + frame(0x16, 0, 1, b"x"),
        PROTOCOL,
    ),
    Case(
        "5.5",
        "unknown settings",
        frame(frames.SETTINGS, 0, 0, struct.pack(">HIHI", 0xFF, 1, 0x10, 99)),
        IGNORED,
    ),
]

CASES = [
    *IDLE,
    *OPEN,
    *HALF_CLOSED,
    *ENDED,
    *CANCELLED,
    *OUR_RESET,
    *NUMBERS,
    *MANY,
    *DEPENDENCIES,
    *ERRORS,
]
