"""Container create options: the part of Docker's API that a deployment manifest may carry.

A manifest holds them as JSON text, cut into pieces of at most 512 characters under the keys
`createOptions`, `createOptions01`, ... `createOptions07`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from protos.errors import ConfigurationError

_PIECES = ("createOptions", *(f"createOptions{n:02d}" for n in range(1, 8)))
_PORT = re.compile(r"(\d{1,5})(?:/tcp)?")


@dataclass(frozen=True)
class Volume:
    """A folder of the device that a module sees at `target` (absolute)."""

    source: str
    target: str
    read_only: bool


@dataclass(frozen=True)
class CreateOptions:
    """What a simulated device honours: command, environment, published ports, binds.

    Everything else, such as a memory limit, is for a real engine and is passed over.
    `ports` are pairs (container port, wanted host port); `command` None means the image's own.
    """

    command: tuple[str, ...] | None = None
    env: tuple[tuple[str, str], ...] = ()
    ports: tuple[tuple[int, int], ...] = ()
    volumes: tuple[Volume, ...] = ()


def join_create_options(settings: Mapping[str, Any]) -> str:
    """The create options of a module's `settings` as one text; pieces end at the first gap.

    Raises ConfigurationError if a piece is not text.
    """
    text = ""
    for key in _PIECES:
        piece = settings.get(key)
        if piece is None:
            break
        if not isinstance(piece, str):
            raise ConfigurationError(f"{key} is not text")
        text += piece
    return text


def parse_create_options(text: str) -> CreateOptions:
    """Reads create options; empty text means none. Raises ConfigurationError on anything else."""
    if not text.strip():
        return CreateOptions()
    try:
        options = json.loads(text)
    except ValueError as error:
        raise ConfigurationError("createOptions are not JSON", why=str(error)) from None
    options = _mapping(options, "createOptions")
    host = _mapping(options.get("HostConfig"), "HostConfig")
    command = options.get("Cmd")
    return CreateOptions(
        command=tuple(_texts(command, "Cmd")) if command is not None else None,
        env=tuple(_variable(item) for item in _texts(options.get("Env"), "Env")),
        ports=_ports(_mapping(host.get("PortBindings"), "PortBindings")),
        volumes=tuple(_volume(item) for item in _texts(host.get("Binds"), "Binds")),
    )


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigurationError(f"{what} is not an object")
    return value


def _texts(value: Any, what: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigurationError(f"{what} is not a list of texts")
    return value


def _variable(item: str) -> tuple[str, str]:
    name, _, value = item.partition("=")
    if not name:
        raise ConfigurationError("an entry of Env has no name")
    return name, value


def _port(text: Any) -> int:
    match = _PORT.fullmatch(str(text))
    if match is None or not 0 < int(match[1]) < 65536:
        raise ConfigurationError(f"PortBindings: {text!r} is not a TCP port")
    return int(match[1])


def _ports(bindings: dict[str, Any]) -> tuple[tuple[int, int], ...]:
    ports = []
    for container, hosts in sorted(bindings.items()):
        if not isinstance(hosts, list) or len(hosts) != 1 or not isinstance(hosts[0], dict):
            raise ConfigurationError(f"PortBindings of {container} need exactly one HostPort")
        ports.append((_port(container), _port(hosts[0].get("HostPort"))))
    return tuple(ports)


def _volume(text: str) -> Volume:
    parts = text.split(":")
    mode = parts[2] if len(parts) == 3 else "rw"
    if len(parts) not in (2, 3) or not parts[0] or not parts[1].startswith("/"):
        raise ConfigurationError(f"Binds: {text!r} is not source:/target[:ro]")
    if ".." in parts[0].split("/") or ".." in parts[1].split("/"):
        raise ConfigurationError(f"Binds: {text!r} climbs out of its folder")
    return Volume(parts[0], parts[1], read_only="ro" in mode.split(","))
