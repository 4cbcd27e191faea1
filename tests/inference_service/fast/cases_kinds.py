"""RFC 9113, sections 6.1 to 6.8: each kind of frame."""

import struct

from inference_service.transports.fast import frames
from inference_service.transports.fast.frames import (
    Error,
    Setting,
    frame,
    rst_stream,
)
from tests.inference_service.fast.case import (
    ANSWERED,
    IGNORED,
    SETTINGS_ACKED,
    Answer,
    Answered,
    Case,
    Goaway,
    Refused,
    Reset,
    Sent,
)
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
END_PADDED = frames.END_STREAM | frames.PADDED
BLOCK = block(call())
REST = data(1, message(), end=True)
LARGEST = frames.MAX_WINDOW


def _padded(padding: int, content: bytes = message()) -> bytes:
    return bytes([padding]) + content + b"\0" * padding


DATA = [
    Case("6.1", "DATA on stream 0", data(0, b"x"), PROTOCOL),
    *(
        Case(
            "6.1",
            f"DATA with {size} octets of padding",
            headers(1) + frame(0, END_PADDED, 1, _padded(size)),
            ANSWERED,
        )
        for size in (0, 1, 100, 255)
    ),
    Case(
        "6.1",
        "large DATA with padding",
        headers(1, call(b"/t/Infer"))
        + frame(0, END_PADDED, 1, _padded(255, message(b"z" * 50_000))),
        Answered(1, b"z" * 50_000),
    ),
    Case(
        "6.1",
        "DATA of padding only",
        headers(1) + frame(0, frames.PADDED, 1, _padded(9, b"")) + REST,
        ANSWERED,
    ),
    Case(
        "6.1",
        "padding as long as the frame",
        headers(1) + frame(0, END_PADDED, 1, b"\x05" + b"\0" * 4),
        PROTOCOL,
    ),
    Case(
        "6.1",
        "padding longer than the frame",
        headers(1) + frame(0, END_PADDED, 1, b"\xff1234"),
        PROTOCOL,
    ),
    Case(
        "6.1",
        "padding in a frame of one octet",
        headers(1) + frame(0, END_PADDED, 1, b"\x01"),
        PROTOCOL,
    ),
    Case("6.1", "padded DATA of no octets", headers(1) + frame(0, END_PADDED, 1), SIZE),
    Case("6.1", "DATA of no octets, then the rest", headers(1) + data(1, b"") + REST, ANSWERED),
    Case(
        "6.1",
        "the end in a DATA frame of its own",
        headers(1) + data(1, message()) + data(1, b"", end=True),
        ANSWERED,
    ),
]

_PRIORITY = struct.pack(">IB", 0x8000_0003, 255)
HEADERS = [
    Case(
        "6.2",
        "HEADERS with padding",
        frame(1, 0x0C, 1, b"\x07" + BLOCK + b"\0" * 7) + REST,
        ANSWERED,
    ),
    Case("6.2", "HEADERS with priority", frame(1, 0x24, 1, _PRIORITY + BLOCK) + REST, ANSWERED),
    Case(
        "6.2",
        "HEADERS with padding and priority",
        frame(1, 0x2C, 1, b"\x02" + _PRIORITY + BLOCK + b"\0\0") + REST,
        ANSWERED,
    ),
    Case("6.2", "HEADERS with END_STREAM and no message", headers(1, end=True), Refused(12)),
    Case("6.2", "padding longer than HEADERS", frame(1, 0x0C, 1, b"\xff" + BLOCK), PROTOCOL),
    Case("6.2", "padding as long as HEADERS", frame(1, 0x0C, 1, b"\x03\0\0"), PROTOCOL),
    Case("6.2", "padded HEADERS of no octets", frame(1, 0x0C, 1), SIZE),
    Case("6.2", "HEADERS too short for its priority", frame(1, 0x24, 1, b"\0\0"), SIZE),
    Case(
        "6.2",
        "HEADERS of padding where priority should be",
        frame(1, 0x2C, 1, b"\x04\0\0\0\0"),
        SIZE,
    ),
    Case("6.2", "HEADERS on stream 0", headers(0), PROTOCOL),
    Case("6.2", "HEADERS of no octets", frame(1, 4, 1), Reset(Error.PROTOCOL_ERROR)),
]
PRIORITY = [
    Case("6.3", "PRIORITY of an idle stream", frame(2, 0, 1, _PRIORITY), IGNORED),
    Case(
        "6.3",
        "PRIORITY of a far stream, then a call",
        frame(2, 0, 99, _PRIORITY) + asked(1),
        ANSWERED,
    ),
    Case("6.3", "PRIORITY on stream 0", frame(2, 0, 0, _PRIORITY), PROTOCOL),
    *(
        Case(
            "6.3",
            f"PRIORITY of {size} octets on an open stream",
            waiting(1) + frame(2, 0, 1, b"\0" * size),
            Reset(Error.FRAME_SIZE_ERROR),
        )
        for size in (0, 4, 6)
    ),
    Case("6.3", "PRIORITY of 4 octets on an idle stream", frame(2, 0, 1, b"\0" * 4), SIZE),
]
RST_STREAM = [
    Case("6.4", "RST_STREAM on stream 0", rst_stream(0, Error.CANCEL), PROTOCOL),
    Case("6.4", "RST_STREAM on an idle stream", rst_stream(1, Error.CANCEL), PROTOCOL),
    *(
        Case("6.4", f"RST_STREAM of {size} octets", waiting(1) + frame(3, 0, 1, b"\0" * size), SIZE)
        for size in (0, 3, 5)
    ),
    Case(
        "6.4",
        "RST_STREAM with an unknown code",
        waiting(1) + frame(3, 0, 1, b"\xff\0\0\x01") + asked(3),
        Answered(3),
    ),
]

_BOUNDS: list[tuple[Setting, int, Answer]] = [
    (Setting.HEADER_TABLE_SIZE, 0, SETTINGS_ACKED),
    (Setting.HEADER_TABLE_SIZE, 0xFFFF_FFFF, SETTINGS_ACKED),
    (Setting.ENABLE_PUSH, 0, SETTINGS_ACKED),
    (Setting.ENABLE_PUSH, 1, SETTINGS_ACKED),
    (Setting.ENABLE_PUSH, 2, PROTOCOL),
    (Setting.ENABLE_PUSH, 0xFFFF_FFFF, PROTOCOL),
    (Setting.MAX_CONCURRENT_STREAMS, 0, SETTINGS_ACKED),
    (Setting.MAX_CONCURRENT_STREAMS, 0xFFFF_FFFF, SETTINGS_ACKED),
    (Setting.INITIAL_WINDOW_SIZE, 0, SETTINGS_ACKED),
    (Setting.INITIAL_WINDOW_SIZE, LARGEST, SETTINGS_ACKED),
    (Setting.INITIAL_WINDOW_SIZE, LARGEST + 1, FLOW),
    (Setting.INITIAL_WINDOW_SIZE, 0xFFFF_FFFF, FLOW),
    (Setting.MAX_FRAME_SIZE, frames.MIN_FRAME_SIZE, SETTINGS_ACKED),
    (Setting.MAX_FRAME_SIZE, frames.MAX_FRAME_SIZE, SETTINGS_ACKED),
    (Setting.MAX_FRAME_SIZE, frames.MIN_FRAME_SIZE - 1, PROTOCOL),
    (Setting.MAX_FRAME_SIZE, 0, PROTOCOL),
    (Setting.MAX_FRAME_SIZE, frames.MAX_FRAME_SIZE + 1, PROTOCOL),
    (Setting.MAX_FRAME_SIZE, 0xFFFF_FFFF, PROTOCOL),
    (Setting.MAX_HEADER_LIST_SIZE, 0, SETTINGS_ACKED),
    (Setting.MAX_HEADER_LIST_SIZE, 0xFFFF_FFFF, SETTINGS_ACKED),
]
SETTINGS = [
    Case("6.5", "SETTINGS of nothing", setting(), SETTINGS_ACKED),
    Case("6.5", "an acknowledgement of SETTINGS", frames.SETTINGS_ACK, IGNORED),
    Case("6.5", "an acknowledgement that is not empty", frame(4, 1, 0, b"\0" * 6), SIZE),
    Case("6.5", "SETTINGS on a stream", frame(4, 0, 1), PROTOCOL),
    *(
        Case("6.5", f"SETTINGS of {size} octets", frame(4, 0, 0, b"\0" * size), SIZE)
        for size in (1, 3, 5, 7, 11)
    ),
    *(
        Case("6.5.2", f"{key.name} {value}", setting((key, value)), answer)
        for key, value, answer in _BOUNDS
    ),
    Case("6.5.2", "an unknown setting", setting((0xABCD, 7)), SETTINGS_ACKED),
    Case(
        "6.5.3",
        "a setting twice: the last counts",
        setting((Setting.INITIAL_WINDOW_SIZE, 0), (Setting.INITIAL_WINDOW_SIZE, 100)) + asked(1),
        ANSWERED,
    ),
    Case("6.5.3", "two SETTINGS: two acknowledgements", setting() + asked(1) + setting(), ANSWERED),
]
PUSH = [
    Case(
        "6.6",
        "PUSH_PROMISE of a client",
        waiting(1) + frame(5, 4, 1, struct.pack(">I", 2) + BLOCK),
        PROTOCOL,
    ),
    Case("6.6", "PUSH_PROMISE on stream 0", frame(5, 4, 0, struct.pack(">I", 2)), PROTOCOL),
]
PING = [
    Case("6.7", "PING", frame(6, 0, 0, b"12345678"), Sent(6, 1, b"12345678")),
    Case(
        "6.7",
        "an acknowledgement of PING that nobody asked for",
        frame(6, 1, 0, b"12345678"),
        IGNORED,
    ),
    Case("6.7", "PING on a stream", frame(6, 0, 1, b"12345678"), PROTOCOL),
    *(
        Case("6.7", f"PING of {size} octets", frame(6, 0, 0, b"\0" * size), SIZE)
        for size in (0, 7, 9)
    ),
]
GOAWAY = [
    Case(
        "6.8",
        "GOAWAY, then what is open goes on",
        headers(1) + frames.goaway(0, Error.NO_ERROR) + REST,
        ANSWERED,
    ),
    Case(
        "6.8",
        "GOAWAY with a reason and an unknown code",
        frame(7, 0, 0, struct.pack(">II", 0, 999) + b"why"),
        IGNORED,
    ),
    Case("6.8", "GOAWAY on a stream", frame(7, 0, 1, b"\0" * 8), PROTOCOL),
    Case("6.8", "GOAWAY of 7 octets", frame(7, 0, 0, b"\0" * 7), SIZE),
]

CASES = [*DATA, *HEADERS, *PRIORITY, *RST_STREAM, *SETTINGS, *PUSH, *PING, *GOAWAY]
