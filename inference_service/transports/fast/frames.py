"""The frames of HTTP/2 (RFC 9113, sections 4 and 6): numbers, and how each is written."""

import struct
from enum import IntEnum

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_HEAD = struct.Struct(">HBBBI")
"""Length in 16 + 8 bits, type, flags, stream (its highest bit is to be ignored)."""
HEAD_BYTES = 9

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = 0, 1, 2, 3, 4
PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 5, 6, 7, 8, 9

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITISED = 0x20

DEFAULT_WINDOW = 65_535
MAX_WINDOW = (1 << 31) - 1
MIN_FRAME_SIZE = 16_384
MAX_FRAME_SIZE = (1 << 24) - 1
MAX_STREAM_ID = (1 << 31) - 1


class Setting(IntEnum):
    """Settings of RFC 9113, section 6.5.2."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


class Error(IntEnum):
    """Error codes of RFC 9113, section 7."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class ConnectionFailed(Exception):
    """The peer broke a rule that ends the connection: GOAWAY with `code`, then close."""

    def __init__(self, code: Error, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class StreamFailed(Exception):
    """The peer broke a rule that ends one stream: RST_STREAM with `code`."""

    def __init__(self, code: Error, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One whole frame."""
    length = len(payload)
    return FRAME_HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream) + payload


def settings(values: dict[Setting, int]) -> bytes:
    """A SETTINGS frame that announces `values`."""
    pairs = b"".join(struct.pack(">HI", key, value) for key, value in values.items())
    return frame(SETTINGS, 0, 0, pairs)


def rst_stream(stream: int, code: Error) -> bytes:
    """The frame that ends one stream at once."""
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def window_update(stream: int, octets: int) -> bytes:
    """The frame that lets the peer send `octets` more; on stream 0, on the whole connection."""
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", octets))


def goaway(last_stream: int, code: Error, reason: str = "") -> bytes:
    """The frame that ends a connection; `reason` is for the peer's log."""
    return frame(GOAWAY, 0, 0, struct.pack(">II", last_stream, code) + reason.encode())


SETTINGS_ACK = frame(SETTINGS, ACK, 0)


def unpadded(payload: memoryview) -> memoryview:
    """What is left without padding: the first octet is its length (RFC 9113, section 6.1).

    Raises ConnectionFailed.
    """
    if not len(payload):
        raise ConnectionFailed(Error.FRAME_SIZE_ERROR, "a padded frame of no octets")
    if payload[0] >= len(payload):
        raise ConnectionFailed(Error.PROTOCOL_ERROR, "padding longer than the frame")
    return payload[1 : len(payload) - payload[0]]
