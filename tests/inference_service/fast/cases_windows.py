"""RFC 9113, sections 6.9, 6.10 and 7: windows, CONTINUATION, error codes."""

from inference_service.transports.fast import frames
from inference_service.transports.fast.frames import Error, Setting, frame, window_update
from tests.inference_service.fast.case import ANSWERED, IGNORED, Case, Goaway, Reset
from tests.inference_service.fast.wire import (
    asked,
    block,
    call,
    data,
    headers,
    message,
    setting,
    waiting,
)

PROTOCOL = Goaway(Error.PROTOCOL_ERROR)
SIZE = Goaway(Error.FRAME_SIZE_ERROR)
FLOW = Goaway(Error.FLOW_CONTROL_ERROR)
BLOCK = block(call())
REST = data(1, message(), end=True)
LARGEST = frames.MAX_WINDOW


def _window(size: int) -> bytes:
    return setting((Setting.INITIAL_WINDOW_SIZE, size))


# an answer that waits for a window, on a call that is refused and may still be sent to
STALLED = (
    _window(0) + headers(3, call(b"/t/LargeStream")) + data(3, message(b"100") + b"\x01\0\0\0\x01x")
)
WINDOWS = [
    Case("6.9", "WINDOW_UPDATE of 0 on the connection", window_update(0, 0), PROTOCOL),
    Case(
        "6.9",
        "WINDOW_UPDATE of 0 on a stream",
        waiting(1) + window_update(1, 0),
        Reset(Error.PROTOCOL_ERROR),
    ),
    Case("6.9", "WINDOW_UPDATE of 0 but the reserved bit", frame(8, 0, 0, b"\x80\0\0\0"), PROTOCOL),
    *(
        Case("6.9", f"WINDOW_UPDATE of {size} octets", frame(8, 0, 0, b"\x01" * size), SIZE)
        for size in (0, 3, 5)
    ),
    Case(
        "6.9",
        "WINDOW_UPDATE of 3 octets on a stream",
        waiting(1) + frame(8, 0, 1, b"\0\0\x01"),
        SIZE,
    ),
    Case("6.9", "WINDOW_UPDATE with the reserved bit", frame(8, 0, 0, b"\x80\0\0\x01"), IGNORED),
    Case(
        "6.9.1",
        "a window of the connection of 2^31 - 1",
        window_update(0, LARGEST - 65_535),
        IGNORED,
    ),
    Case(
        "6.9.1",
        "a window of the connection above 2^31 - 1",
        window_update(0, LARGEST - 65_534),
        FLOW,
    ),
    Case(
        "6.9.1",
        "the same in two steps",
        window_update(0, LARGEST - 65_535) + window_update(0, 1),
        FLOW,
    ),
    Case(
        "6.9.1",
        "a window of a stream of 2^31 - 1",
        waiting(1) + window_update(1, LARGEST - 65_535),
        IGNORED,
    ),
    Case(
        "6.9.1",
        "a window of a stream above 2^31 - 1",
        waiting(1) + window_update(1, LARGEST),
        Reset(Error.FLOW_CONTROL_ERROR),
    ),
    Case(
        "6.9.1",
        "more DATA than the window of a stream",
        STALLED + data(3, b"x" * 16_384) * 70,
        Reset(Error.FLOW_CONTROL_ERROR, 3),
    ),
    Case(
        "6.9.2",
        "an initial window of 0, then what it needs",
        _window(0) + asked(1) + window_update(1, 10),
        ANSWERED,
    ),
    Case(
        "6.9.2",
        "an initial window of 1, one octet at a time",
        _window(1) + asked(1) + window_update(1, 1) * 9,
        ANSWERED,
    ),
    Case(
        "6.9.2",
        "a larger initial window frees what waits",
        _window(0) + asked(1) + _window(10),
        ANSWERED,
    ),
    Case(
        "6.9.2",
        "an answer, then a window below 0, then enough",
        _window(8) + asked(1) + _window(0) + window_update(1, 1) + _window(9),
        ANSWERED,
    ),
    Case(
        "6.9.2",
        "an initial window that moves one of a stream above 2^31 - 1",
        waiting(1) + window_update(1, LARGEST - 65_535) + _window(65_536),
        FLOW,
    ),
]
CONTINUATION = [
    Case(
        "6.10",
        "a block in HEADERS and CONTINUATION",
        frame(1, 0, 1, BLOCK[:9]) + frame(9, 4, 1, BLOCK[9:]) + REST,
        ANSWERED,
    ),
    Case(
        "6.10",
        "a block in many CONTINUATION",
        frame(1, 0, 1)
        + b"".join(frame(9, 0, 1, BLOCK[n : n + 1]) for n in range(len(BLOCK)))
        + frame(9, 4, 1)
        + REST,
        ANSWERED,
    ),
    Case(
        "6.10",
        "CONTINUATION keeps END_STREAM of HEADERS",
        headers(1)
        + data(1, message())
        + frame(1, 1, 1, block([(b"x", b"y")])[:2])
        + frame(9, 4, 1, block([(b"x", b"y")])[2:]),
        ANSWERED,
    ),
    Case(
        "6.10",
        "padding in HEADERS before CONTINUATION",
        frame(1, 8, 1, b"\x01" + BLOCK[:9] + b"\0") + frame(9, 4, 1, BLOCK[9:]) + REST,
        ANSWERED,
    ),
    Case(
        "6.10",
        "CONTINUATION on stream 0",
        frame(1, 0, 1, BLOCK[:9]) + frame(9, 4, 0, BLOCK[9:]),
        PROTOCOL,
    ),
    Case(
        "6.10",
        "CONTINUATION of another stream",
        frame(1, 0, 1, BLOCK[:9]) + frame(9, 4, 3, BLOCK[9:]),
        PROTOCOL,
    ),
    Case("6.10", "CONTINUATION after the end of a block", headers(1) + frame(9, 4, 1), PROTOCOL),
    Case(
        "6.10",
        "CONTINUATION after CONTINUATION that ended it",
        frame(1, 0, 1, BLOCK[:9]) + frame(9, 4, 1, BLOCK[9:]) + frame(9, 4, 1),
        PROTOCOL,
    ),
    Case("6.10", "CONTINUATION after DATA", headers(1) + data(1, b"x") + frame(9, 4, 1), PROTOCOL),
    Case("6.10", "CONTINUATION as the first frame of a call", frame(9, 4, 1, BLOCK), PROTOCOL),
    Case("6.10", "DATA inside a block", frame(1, 0, 1, BLOCK[:9]) + data(1, b"x"), PROTOCOL),
]
UNKNOWN_CODES = [
    Case("7", "unknown code in GOAWAY", frame(7, 0, 0, b"\0\0\0\0\0\0\xff\xff"), IGNORED),
    Case("7", "unknown code in RST_STREAM", waiting(1) + frame(3, 0, 1, b"\0\0\xff\xff"), IGNORED),
]

CASES = [*WINDOWS, *CONTINUATION, *UNKNOWN_CODES]
