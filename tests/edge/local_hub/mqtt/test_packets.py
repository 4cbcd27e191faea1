"""MQTT packets."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.local_hub.mqtt import packets
from edge.local_hub.mqtt.packets import Connect, ProtocolError, Publish


def text(value: str) -> bytes:
    return struct.pack(">H", len(value.encode())) + value.encode()


def connect(
    flags: int = 0xC2, *, protocol: bytes = text("MQTT") + b"\x04", rest: bytes = b""
) -> bytes:
    return (
        protocol
        + bytes([flags])
        + struct.pack(">H", 60)
        + text("d/m")
        + (rest or text("u") + text("p"))
    )


def test_connect() -> None:
    assert packets.read_connect(connect()) == Connect("d/m", "u", "p", True, 60)
    assert packets.read_connect(connect(0xC0)).clean_session is False
    assert packets.read_connect(connect(0x00, rest=b" ")) == Connect("d/m", "", "", False, 60)


def test_a_will_is_read_over() -> None:
    rest = text("will/topic") + text("gone") + text("u") + text("p")
    assert packets.read_connect(connect(0xC6, rest=rest)).username == "u"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        connect(protocol=text("MQIsdp") + b"\x03"),
        connect(protocol=text("MQTT") + b"\x05"),
        connect(0xC3),
        connect()[:-1],
        connect(rest=struct.pack(">H", 1) + b"\xff" + text("p")),
        connect(rest=text("a\0b") + text("p")),
    ],
)
def test_a_wrong_connect_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        packets.read_connect(body)


def test_publish() -> None:
    body = text("t") + struct.pack(">H", 7) + b"payload"
    assert packets.read_publish(0b0010, body) == Publish("t", b"payload", 1, 7)
    assert packets.read_publish(0b0000, text("t")) == Publish("t", b"", 0, 0)


@pytest.mark.parametrize(
    ("flags", "body"),
    [
        (0b0100, text("t") + b"\0\1"),
        (0b0010, text("t") + b"\0\0"),
        (0b0010, text("t")),
        (0, b"\0\5a"),
    ],
)
def test_a_wrong_publish_is_refused(flags: int, body: bytes) -> None:
    with pytest.raises(ProtocolError):
        packets.read_publish(flags, body)


def test_subscribe_and_unsubscribe() -> None:
    body = b"\0\x09" + text("a/#") + b"\1" + text("b") + b"\0"
    assert packets.read_subscribe(body) == (9, [("a/#", 1), ("b", 0)])
    assert packets.read_unsubscribe(b"\0\x09" + text("a/#")) == (9, ["a/#"])
    for wrong in (b"\0\x09", b"\0\0" + text("a") + b"\1", b"\0\x09" + text("a")):
        with pytest.raises(ProtocolError):
            packets.read_subscribe(wrong)


@pytest.mark.parametrize(
    ("size", "length"),
    [(0, b"\0"), (127, b"\x7f"), (128, b"\x80\x01"), (16384, b"\x80\x80\x01")],
)
def test_the_length_is_written_as_the_standard_says(size: int, length: bytes) -> None:
    assert packets.write_packet(3, b"x" * size)[1 : 1 + len(length)] == length


@given(
    st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20),
    st.binary(max_size=200),
    st.integers(0, 65535),
)
def test_what_is_written_can_be_read(topic: str, payload: bytes, packet_id: int) -> None:
    written = packets.write_publish(topic, payload, packet_id)
    header = 2 if written[1] < 0x80 else 3
    found = packets.read_publish(written[0] & 0x0F, written[header:])
    assert found == Publish(topic, payload, int(packet_id > 0), packet_id)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for read in (packets.read_connect, packets.read_subscribe, packets.read_unsubscribe):
        try:
            found = read(body)
        except ProtocolError:
            continue
        assert found


def test_acknowledgements() -> None:
    assert packets.write_connack(0, session_present=True) == b"\x20\x02\x01\x00"
    assert packets.write_connack(5, session_present=True) == b"\x20\x02\x00\x05"
    assert packets.write_ack(packets.SUBACK, 9, b"\1\x80") == b"\x90\x04\0\x09\1\x80"
