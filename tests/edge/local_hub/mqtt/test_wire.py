"""What only a raw connection can do: break the protocol, fall silent, forge."""

import socket
import ssl
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from edge.local_hub.limits import Limits
from edge.local_hub.mqtt import packets
from edge.local_hub.sas import make_token
from edge.local_hub.testing import running_hub
from tests.edge.local_hub.conftest import connect

_SECONDS = 8.0


def text(value: str) -> bytes:
    return struct.pack(">H", len(value.encode())) + value.encode()


def connect_packet(client_id: str, username: str, password: str, keep_alive: int = 60) -> bytes:
    head = text("MQTT") + b"\x04\xc2" + struct.pack(">H", keep_alive)
    return packets.write_packet(
        packets.CONNECT, head + text(client_id) + text(username) + text(password)
    )


class Wire:
    """A TLS connection that speaks bytes."""

    def __init__(self, service: Any) -> None:
        context = ssl.create_default_context(cafile=str(service.hub.ca))
        plain = socket.create_connection((service.hub.gateway, 8883), timeout=_SECONDS)
        self._socket = context.wrap_socket(plain, server_hostname=service.hub.gateway)

    def send(self, data: bytes) -> None:
        with suppress(ConnectionError, ssl.SSLEOFError):  # the server may end it half-way
            self._socket.sendall(data)

    def receive(self, count: int) -> bytes:
        """Up to `count` bytes; fewer if the server ended the connection."""
        found = b""
        try:
            while len(found) < count and (part := self._socket.recv(count - len(found))):
                found += part
        except (ConnectionError, ssl.SSLEOFError):
            pass
        return found

    def is_closed(self) -> bool:
        return self.receive(1) == b""

    def close(self) -> None:
        self._socket.close()


@contextmanager
def wire(service: Any) -> Iterator[Wire]:
    found = Wire(service)
    try:
        yield found
    finally:
        found.close()


def login(
    service: Any, device: str, *, seconds: int = 600, keep_alive: int = 60, **changes: str
) -> bytes:
    """A CONNECT of a device; `changes` forge parts of it."""
    host = changes.get("host", service.hub.host)
    resource = changes.get("resource", f"{host}/devices/{device}")
    token = make_token(resource, service.key(device), int(time.time()) + seconds)
    client_id = changes.get("client_id", device)
    username = changes.get("username", f"{host}/{device}/?api-version=2019-10-01")
    return connect_packet(client_id, username, changes.get("token", token), keep_alive)


def answer_to(service: Any, packet: bytes) -> bytes:
    with wire(service) as connection:
        connection.send(packet)
        return connection.receive(4)


def test_a_good_login_is_accepted(service: Any) -> None:
    device = service.device()
    assert answer_to(service, login(service, device)) == b"\x20\x02\0\0"


def test_forged_logins_are_not_authorized(service: Any) -> None:
    device, other = service.device(), service.device()
    host = service.hub.host
    forged: list[dict[str, Any]] = [
        {"client_id": other, "username": f"{host}/{other}/?x"},
        {"client_id": other},
        {"username": f"localhost:1/{device}/?x"},
        {"username": ""},
        {"host": "localhost:1"},
        {"resource": f"{host}/devices/{other}"},
        {"token": ""},
        {"token": "SharedAccessSignature sr=x&sig=y&se=99999999999"},
        {"seconds": -1},
        {"client_id": "nobody", "username": f"{host}/nobody/?x"},
    ]
    for changes in forged:
        assert answer_to(service, login(service, device, **changes)) == b"\x20\x02\0\x05", changes


def test_the_owner_key_is_no_device_key(service: Any) -> None:
    device = service.device()
    later = int(time.time()) + 600
    token = make_token(service.hub.host, service.hub.owner_key, later, "iothubowner")
    assert answer_to(service, login(service, device, token=token))[3] == 5


def test_what_is_no_mqtt_is_cut_off(service: Any) -> None:
    device = service.device()
    old = login(service, device).replace(b"MQTT\x04", b"MQTT\x03")
    assert answer_to(service, old) == b"\x20\x02\0\x01"
    for wrong in (
        b"GET / HTTP/1.1\r\n\r\n",
        packets.write_packet(packets.PINGREQ, b""),
        b"\x10\xff\xff\xff\xff\x7f",
        b"\x10\xff\xff\xff\x7f",
    ):
        assert answer_to(service, wrong) == b""


@pytest.mark.parametrize(
    "packet",
    [
        packets.write_publish("devices/somebody-else/messages/events/", b"x", 1),
        packets.write_publish("$iothub/twin/PATCH/properties/desired/?$version=9", b"{}", 1),
        packets.write_packet(packets.PUBLISH, text("t") + b"\0\1", 0b0100),
        packets.write_packet(packets.SUBSCRIBE, b"\0\1", 0b0010),
        packets.write_packet(packets.CONNACK, b"\0\0"),
        b"\x30\xff\xff\xff\x7f",
    ],
)
def test_who_breaks_the_protocol_is_disconnected(service: Any, packet: bytes) -> None:
    with wire(service) as connection:
        connection.send(login(service, service.device()))
        assert connection.receive(4) == b"\x20\x02\0\0"
        connection.send(packet)
        assert connection.is_closed()


def test_a_message_over_the_limit_is_refused_and_one_below_is_stored(service: Any) -> None:
    device = service.device()
    topic = f"devices/{device}/messages/events/"
    for size, closed in ((256 * 1024, False), (256 * 1024 + 1, True), (300 * 1024, True)):
        with wire(service) as connection:
            connection.send(login(service, device))
            connection.receive(4)
            connection.send(packets.write_publish(topic, b"x" * size, 7))
            answer = connection.receive(4)
            assert answer == (b"" if closed else packets.write_ack(packets.PUBACK, 7))


def test_a_foreign_subscription_fails_and_a_ping_is_answered(service: Any) -> None:
    with wire(service) as connection:
        connection.send(login(service, service.device()))
        connection.receive(4)
        body = b"\0\5" + text("#") + b"\1" + text("$iothub/methods/POST/#") + b"\1"
        connection.send(packets.write_packet(packets.SUBSCRIBE, body, 0b0010))
        assert connection.receive(6) == b"\x90\x04\0\5\x80\1"
        connection.send(packets.write_packet(packets.UNSUBSCRIBE, b"\0\6" + text("#"), 0b0010))
        assert connection.receive(4) == b"\xb0\2\0\6"
        connection.send(packets.write_packet(packets.PINGREQ, b""))
        assert connection.receive(2) == b"\xd0\0"
        connection.send(packets.write_packet(packets.DISCONNECT, b""))
        assert connection.is_closed()


def test_who_falls_silent_is_disconnected(service: Any) -> None:
    device = service.device()
    with wire(service) as connection:
        connection.send(login(service, device, keep_alive=1))
        connection.receive(4)
        start = time.monotonic()
        assert connection.is_closed()
        assert 1.0 < time.monotonic() - start < 4.0
    assert service.registry.get_twin(device).connection_state == "Disconnected"


def test_a_connection_ends_with_its_token(service: Any) -> None:
    with wire(service) as connection:
        connection.send(login(service, service.device(), seconds=2))
        assert connection.receive(4) == b"\x20\x02\0\0"
        assert connection.is_closed()


def test_connections_are_bounded(tmp_path: Path) -> None:
    with running_hub(tmp_path, limits=Limits(mqtt_connections=1)) as hub:
        service = connect(hub)
        one, two = service.device(), service.device()
        with wire(service) as first:
            first.send(login(service, one))
            assert first.receive(4) == b"\x20\x02\0\0"
            assert answer_to(service, login(service, two)) == b"\x20\x02\0\x03"
