"""Settings of the local hub: where its state is, its secrets, and the addresses that it takes."""

import base64
import binascii
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge.local_hub.files import write_atomically
from edge.local_hub.limits import Limits
from protos.errors import ConfigurationError

DEFAULT_PORT = 18443
MQTT_PORT = 8883  # fixed in the device SDK
REGISTRY_USERNAME = "edge"


@dataclass(frozen=True)
class HubSettings:
    """`port` None means: the one of the last start, else 18443, else any that is free.

    `owner_key` is the base64 key of the policy iothubowner; neither secret is ever shown.
    """

    state: Path
    owner_key: str = field(repr=False)
    registry_password: str = field(repr=False)
    port: int | None = None
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def from_environment(
        cls, state: Path, port: int | None, environment: Mapping[str, str] = os.environ
    ) -> "HubSettings":
        """Secrets from EDGE_HUB_KEY and EDGE_REGISTRY_PASSWORD; ConfigurationError if missing."""
        key, password = (_required(environment, name) for name in _SECRETS)
        try:
            base64.b64decode(key, validate=True)
        except binascii.Error:
            raise ConfigurationError(
                "EDGE_HUB_KEY is not base64", remedy="set it to the base64 of 32 random bytes"
            ) from None
        return cls(state, key, password, port)


_SECRETS = ("EDGE_HUB_KEY", "EDGE_REGISTRY_PASSWORD")


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise ConfigurationError(
            f"{name} is not set", remedy="start the hub with `edgectl up`, or export it"
        )
    return value


@dataclass(frozen=True)
class Addresses:
    """The bound sockets for HTTPS and MQTT, the port of the one and the address of the other."""

    https: socket.socket
    mqtt: socket.socket
    port: int
    gateway: str

    def close(self) -> None:
        """Gives both up."""
        self.https.close()
        self.mqtt.close()


def choose_addresses(settings: HubSettings) -> Addresses:
    """Binds HTTPS, and MQTT on the first loopback address whose MQTT port is free.

    What the last start took is taken again if it is free, so that devices find the hub where it
    was. A port that was asked for and is taken is a ConfigurationError.
    """
    file = settings.state / "addresses.json"
    last = json.loads(file.read_text()) if file.exists() else {}
    if settings.port is not None:
        ports = [settings.port]
    else:
        ports = [*([last["port"]] if "port" in last else []), DEFAULT_PORT, 0]
    https = next(filter(None, map(_bind, ports)), None)
    if https is None:
        raise ConfigurationError(
            f"port {settings.port} is taken", remedy="choose another --port, or none"
        )
    port = int(https.getsockname()[1])
    try:
        mqtt = _bind_gateway(last.get("gateway"))
    except ConfigurationError:
        https.close()
        raise
    gateway = str(mqtt.getsockname()[0])
    chosen = json.dumps({"port": port, "gateway": gateway})
    write_atomically(file, chosen.encode(), mode=0o600)
    return Addresses(https, mqtt, port, gateway)


def _bind_gateway(last: str | None) -> socket.socket:
    """127.0.0.2 and up; 127.0.0.1 where the system has no other loopback address (macOS)."""
    names = [*([last] if last else []), *(f"127.0.0.{n}" for n in range(2, 255)), "127.0.0.1"]
    for name in names:
        bound = _bind(MQTT_PORT, name)
        if bound is not None:
            return bound
    raise ConfigurationError(
        f"port {MQTT_PORT} is taken on every loopback address",
        remedy="stop what listens there (the device SDK knows no other port)",
    )


def _bind(port: int, host: str = "127.0.0.1") -> socket.socket | None:
    """A bound socket, or None if the address is taken or not there."""
    # The protocol is told because asyncio sets TCP_NODELAY only on sockets that know it is TCP;
    # without it every answer waits 40 ms for a delayed acknowledgement.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere the option would let two servers share a port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(512)
    except OSError:
        bound.close()
        return None
    return bound
