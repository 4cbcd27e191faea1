"""The variables of the local environment: secrets made once, addresses taken from the hub.

They are kept in `EDGE_HOME/local.env`, readable by their owner only, so that every `edgectl`
command in another terminal finds the running hub without any setting.
"""

import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from protos.errors import Unavailable
from resources.settings import read_env_file

_SECRETS = ("EDGE_HUB_KEY", "EDGE_REGISTRY_PASSWORD", "EDGE_FLEET_KEY")
_HEADER = (
    "# Written by `edgectl up`: secrets of this machine's local hub. Do not commit this file.\n"
)


@dataclass(frozen=True)
class HubAddress:
    """Where the local hub can be reached, as its `hub.json` says."""

    pid: int
    host: str
    gateway: str
    ca: str
    registry: str
    telemetry: str


def read_hub_address(state: Path) -> HubAddress | None:
    """The content of `state/hub.json`, or None as long as the hub is not ready.

    Raises Unavailable when the file is there but says something else.
    """
    try:
        text = (state / "hub.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        found = json.loads(text)
        return HubAddress(**{name: found[name] for name in HubAddress.__dataclass_fields__})
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable(
            f"{state / 'hub.json'} cannot be read",
            why=f"{type(error).__name__}",
            remedy="stop everything, delete the file and start again",
        ) from None


def make_secrets(home: Path) -> dict[str, str]:
    """The secrets of this home: those in `local.env`, and new ones for those that are missing."""
    known = read_env_file(home / "local.env")
    made = {name: known.get(name) or _random_key() for name in _SECRETS}
    if made != {name: known.get(name) for name in _SECRETS}:
        write_env_file(home / "local.env", {**known, **made})
    return made


def local_variables(home: Path, made: Mapping[str, str], hub: HubAddress) -> dict[str, str]:
    """What every process beside the hub needs to use the hub, the registry and the fleet."""
    return {
        "EDGE_ENVIRONMENT": "local",
        "EDGE_HOME": str(home),
        "EDGE_HUB_CONNECTION_STRING": (
            f"HostName={hub.host};SharedAccessKeyName=iothubowner;"
            f"SharedAccessKey={made['EDGE_HUB_KEY']}"
        ),
        "EDGE_HUB_CA": hub.ca,
        "EDGE_HUB_GATEWAY": hub.gateway,
        "EDGE_REGISTRY": hub.registry,
        "EDGE_REGISTRY_CA": hub.ca,
        "EDGE_REGISTRY_USERNAME": "edge",
        "EDGE_REGISTRY_PASSWORD": made["EDGE_REGISTRY_PASSWORD"],
        "EDGE_FLEET_KEY": made["EDGE_FLEET_KEY"],
        "EDGE_TELEMETRY": hub.telemetry,
    }


def write_env_file(path: Path, variables: Mapping[str, str]) -> None:
    """Replaces the file at once; it is never readable by others, not even while it is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    text = _HEADER + "".join(f"{name}={value}\n" for name, value in sorted(variables.items()))
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _random_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
