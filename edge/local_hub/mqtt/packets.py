"""MQTT 3.1.1 packets (OASIS standard, 2014): reading and writing, bounded and pure.

Only what IoT Hub speaks: QoS 0 and 1, no retained messages, no wills delivered.
"""

import struct
from dataclasses import dataclass

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK = 8, 9, 10, 11
PINGREQ, PINGRESP, DISCONNECT = 12, 13, 14

ACCEPTED, BAD_PROTOCOL, UNAVAILABLE, NOT_AUTHORIZED = 0, 1, 3, 5
SUBSCRIPTION_FAILED = 0x80


class ProtocolError(Exception):
    """The client sent what MQTT or IoT Hub does not allow; its connection ends."""


@dataclass(frozen=True)
class Connect:
    """A CONNECT packet; `keep_alive` in seconds, 0 for none."""

    client_id: str
    username: str
    password: str
    clean_session: bool
    keep_alive: int


@dataclass(frozen=True)
class Publish:
    """A PUBLISH packet; `packet_id` is 0 at QoS 0."""

    topic: str
    payload: bytes
    qos: int
    packet_id: int


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._position = data, 0

    def take(self, count: int) -> bytes:
        end = self._position + count
        if end > len(self._data):
            raise ProtocolError("the packet is shorter than it says")
        part, self._position = self._data[self._position : end], end
        return part

    def number(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def text(self) -> str:
        try:
            text = self.take(self.number()).decode()
        except UnicodeDecodeError:
            raise ProtocolError("a text is not UTF-8") from None
        if "\0" in text:
            raise ProtocolError("a text holds a null character")
        return text

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._position)

    def at_end(self) -> bool:
        return self._position == len(self._data)


def read_connect(body: bytes) -> Connect:
    """Reads a CONNECT; raises ProtocolError."""
    reader = _Reader(body)
    if reader.text() != "MQTT" or reader.take(1) != b"\x04":
        raise ProtocolError("the protocol is not MQTT 3.1.1")
    flags = reader.take(1)[0]
    if flags & 1:
        raise ProtocolError("a reserved flag is set")
    keep_alive = reader.number()
    client_id = reader.text()
    if flags & 0x04:  # a will: read over it
        reader.text()
        reader.take(reader.number())
    username = reader.text() if flags & 0x80 else ""
    password = reader.text() if flags & 0x40 else ""
    return Connect(client_id, username, password, bool(flags & 0x02), keep_alive)


def read_publish(flags: int, body: bytes) -> Publish:
    """Reads a PUBLISH, `flags` being the low bits of its first byte; raises ProtocolError."""
    qos = flags >> 1 & 3
    if qos > 1:
        raise ProtocolError("IoT Hub has no QoS 2")
    reader = _Reader(body)
    topic = reader.text()
    packet_id = reader.number() if qos else 0
    if qos and not packet_id:
        raise ProtocolError("the packet id is 0")
    return Publish(topic, reader.rest(), qos, packet_id)


def read_subscribe(body: bytes) -> tuple[int, list[tuple[str, int]]]:
    """Reads a SUBSCRIBE: its packet id and (topic filter, asked QoS); raises ProtocolError."""
    reader = _Reader(body)
    packet_id, filters = reader.number(), []
    while not reader.at_end():
        filters.append((reader.text(), reader.take(1)[0] & 3))
    if not filters or not packet_id:
        raise ProtocolError("a subscription without topic or packet id")
    return packet_id, filters


def read_unsubscribe(body: bytes) -> tuple[int, list[str]]:
    """Reads an UNSUBSCRIBE: its packet id and topic filters; raises ProtocolError."""
    reader = _Reader(body)
    packet_id, filters = reader.number(), []
    while not reader.at_end():
        filters.append(reader.text())
    return packet_id, filters


def write_packet(kind: int, body: bytes, flags: int = 0) -> bytes:
    """A whole packet."""
    return bytes([kind << 4 | flags]) + _length(len(body)) + body


def write_connack(code: int, *, session_present: bool = False) -> bytes:
    """A CONNACK."""
    return write_packet(CONNACK, bytes([session_present and code == ACCEPTED, code]))


def write_publish(topic: str, payload: bytes, packet_id: int = 0) -> bytes:
    """A PUBLISH, at QoS 1 if it has a packet id."""
    name = topic.encode()
    head = struct.pack(">H", len(name)) + name
    if packet_id:
        return write_packet(PUBLISH, head + struct.pack(">H", packet_id) + payload, 0b0010)
    return write_packet(PUBLISH, head + payload)


def write_ack(kind: int, packet_id: int, codes: bytes = b"") -> bytes:
    """A PUBACK, SUBACK (with its return codes) or UNSUBACK."""
    return write_packet(kind, struct.pack(">H", packet_id) + codes)


def _length(size: int) -> bytes:
    encoded = bytearray()
    while True:
        size, digit = divmod(size, 128)
        encoded.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(encoded)
