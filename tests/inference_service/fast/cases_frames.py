"""RFC 9113, sections 3 and 4: preface, frame format, frame size, header compression."""

import struct

from inference_service.transports.fast import frames
from inference_service.transports.fast.frames import Error, frame
from tests.inference_service.fast.case import ANSWERED, IGNORED, Answered, Case, Goaway, Sent
from tests.inference_service.fast.wire import (
    EMPTY_SETTINGS,
    asked,
    block,
    call,
    data,
    headers,
    message,
    setting,
)

PROTOCOL = Goaway(Error.PROTOCOL_ERROR)
SIZE = Goaway(Error.FRAME_SIZE_ERROR)
COMPRESSION = Goaway(Error.COMPRESSION_ERROR)
GREETING = frames.PREFACE + EMPTY_SETTINGS
PING = frame(frames.PING, 0, 0, b"12345678")
PONG = Sent(frames.PING, frames.ACK, b"12345678")


def _raw(kind: int, flags: int, stream: int, payload: bytes, length: int) -> bytes:
    """A frame that claims to be `length` octets long."""
    return frames.FRAME_HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream) + payload


PREFACE = [
    Case("3.4", "preface and SETTINGS, then a call", GREETING + asked(1), ANSWERED, False),
    Case(
        "3.4",
        "HTTP/1.1 instead of the preface",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        PROTOCOL,
        False,
    ),
    Case(
        "3.4",
        "the preface with one octet changed",
        frames.PREFACE[:-1] + b"x" + EMPTY_SETTINGS,
        PROTOCOL,
        False,
    ),
    Case("3.4", "a call before SETTINGS", frames.PREFACE + asked(1), PROTOCOL, False),
    Case("3.4", "PING before SETTINGS", frames.PREFACE + PING, PROTOCOL, False),
    Case(
        "3.4",
        "WINDOW_UPDATE before SETTINGS",
        frames.PREFACE + frames.window_update(0, 1),
        PROTOCOL,
        False,
    ),
    Case(
        "3.4",
        "an unknown frame before SETTINGS",
        frames.PREFACE + frame(0x16, 0, 0, b"x"),
        PROTOCOL,
        False,
    ),
    Case(
        "3.4",
        "an acknowledgement as first SETTINGS",
        frames.PREFACE + frames.SETTINGS_ACK,
        PROTOCOL,
        False,
    ),
    Case("3.4", "the preface twice", GREETING + frames.PREFACE, SIZE, False),
    Case(
        "3.4",
        "TLS on a plain port",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 32,
        PROTOCOL,
        False,
    ),
]

FORMAT = [
    *(
        Case(
            "4.1",
            f"a frame of unknown type {kind:#x}, flags {flags:#x}, on stream {stream}",
            frame(kind, flags, stream, b"payload"),
            IGNORED,
        )
        for kind, flags, stream in [
            (0x0A, 0, 0),
            (0x0A, 0xFF, 0),
            (0x16, 0, 1),
            (0x10, 0xFF, 2),
            (0xFF, 0x5, 99),
            (0xB, 0, 0),
        ]
    ),
    Case("4.1", "an unknown frame of no octets", frame(0x16, 0, 0), IGNORED),
    Case(
        "4.1",
        "an unknown frame between two of a call",
        headers(1) + frame(0x16, 0, 1, b"x") + data(1, message(), end=True),
        ANSWERED,
    ),
    Case("4.1", "PING with undefined flags", frame(frames.PING, 0x16, 0, b"12345678"), PONG),
    Case(
        "4.1",
        "DATA with undefined flags",
        headers(1) + frame(frames.DATA, 0xF6 & ~frames.PADDED | 1, 1, message()),
        ANSWERED,
    ),
    Case(
        "4.1",
        "HEADERS with undefined flags",
        frame(frames.HEADERS, 0xD2 | 4, 1, block(call())) + data(1, message(), end=True),
        ANSWERED,
    ),
    Case(
        "4.1",
        "SETTINGS with undefined flags",
        frame(frames.SETTINGS, 0xFE, 0),
        Sent(frames.SETTINGS, frames.ACK, b""),
    ),
    Case(
        "4.1",
        "WINDOW_UPDATE with undefined flags",
        frame(frames.WINDOW_UPDATE, 0xFF, 0, b"\0\0\0\x01"),
        IGNORED,
    ),
    Case(
        "4.1",
        "PING with the reserved bit of the stream set",
        frame(frames.PING, 0, 0x8000_0000, b"12345678"),
        PONG,
    ),
    Case("4.1", "a call with the reserved bit of the stream set", asked(0x8000_0001), ANSWERED),
]

_FILL = b"\0" * frames.MIN_FRAME_SIZE
SIZES = [
    Case(
        "4.2",
        "DATA of 2^14 octets",
        headers(1)
        + data(1, message(_FILL)[: 1 << 14])
        + data(1, message(_FILL)[1 << 14 :], end=True),
        Answered(1, _FILL),
    ),
    Case(
        "4.2",
        "DATA of 2^20 octets, as announced",
        headers(1, call(b"/t/Size")) + data(1, message(b"x" * ((1 << 20) - 5)), end=True),
        Answered(1, b"1048571"),
    ),
    Case(
        "4.2",
        "DATA larger than announced",
        headers(1) + _raw(frames.DATA, 0, 1, b"", (1 << 20) + 1),
        SIZE,
    ),
    Case(
        "4.2",
        "DATA of 2^24 - 1 octets",
        headers(1) + _raw(frames.DATA, 0, 1, b"", (1 << 24) - 1),
        SIZE,
    ),
    Case(
        "4.2", "HEADERS larger than announced", _raw(frames.HEADERS, 4, 1, b"", (1 << 20) + 1), SIZE
    ),
    Case(
        "4.2",
        "SETTINGS larger than announced",
        _raw(frames.SETTINGS, 0, 0, b"", (1 << 20) + 4),
        SIZE,
    ),
    Case("4.2", "PING larger than announced", _raw(frames.PING, 0, 0, b"", (1 << 20) + 1), SIZE),
    Case(
        "4.2", "an unknown frame larger than announced", _raw(0x16, 0, 0, b"", (1 << 20) + 1), SIZE
    ),
    *(
        Case(
            "4.2",
            f"{name} of more than 2^14 octets: nothing of use is as long",
            _raw(kind, 4, stream, b"", (1 << 14) + 1),
            Goaway(Error.ENHANCE_YOUR_CALM),
        )
        for name, kind, stream in [
            ("HEADERS", 1, 1),
            ("SETTINGS", 4, 0),
            ("an unknown frame", 0x16, 0),
        ]
    ),
]

_FIRST = block(call())
COMPRESSED = [
    Case(
        "4.3",
        "a header block that ends inside a field",
        frame(frames.HEADERS, 4, 1, _FIRST[:-3]),
        COMPRESSION,
    ),
    Case(
        "4.3",
        "a header block of another format",
        frame(frames.HEADERS, 4, 1, b"\xff\xff\xff\xff\xff\xff\xff"),
        COMPRESSION,
    ),
    Case(
        "4.3",
        "a broken block on a stream that ended",
        asked(1) + frame(frames.HEADERS, 4, 1, b"\x80"),
        COMPRESSION,
    ),
    Case(
        "4.3",
        "broken trailers",
        headers(1) + data(1, message()) + frame(frames.HEADERS, 5, 1, b"\x80"),
        COMPRESSION,
    ),
    Case(
        "4.3",
        "PRIORITY while a header block is not finished",
        frame(frames.HEADERS, 0, 1, _FIRST[:9])
        + frame(frames.PRIORITY, 0, 1, struct.pack(">IB", 0, 1)),
        PROTOCOL,
    ),
    Case(
        "4.3",
        "HEADERS of another stream while a block is not finished",
        frame(frames.HEADERS, 0, 1, _FIRST[:9]) + headers(3),
        PROTOCOL,
    ),
    Case(
        "4.3",
        "HEADERS of the same stream while a block is not finished",
        frame(frames.HEADERS, 0, 1, _FIRST[:9]) + headers(1),
        PROTOCOL,
    ),
    Case(
        "4.3",
        "an unknown frame while a block is not finished",
        frame(frames.HEADERS, 0, 1, _FIRST[:9]) + frame(0x16, 0, 0, b"x"),
        PROTOCOL,
    ),
    Case(
        "4.3",
        "PING while a block is not finished",
        frame(frames.HEADERS, 0, 1, _FIRST[:9]) + PING,
        PROTOCOL,
    ),
    Case(
        "4.3",
        "SETTINGS while a block is not finished",
        frame(frames.HEADERS, 0, 1, _FIRST[:9]) + setting(),
        PROTOCOL,
    ),
]

CASES = [*PREFACE, *FORMAT, *SIZES, *COMPRESSED]
