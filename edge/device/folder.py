"""The folder of one device, and files that are there whole or not at all."""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.device.ports import PortKey
from protos.digests import short


def write_json(path: Path, value: Any, *, mode: int = 0o644) -> None:
    """Writes `value` beside `path` and renames it into place, so that no reader sees half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file, indent=1, sort_keys=True)
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any]:
    """The object in `path`; `{}` if there is none or it cannot be read."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


@dataclass(frozen=True)
class Memory:
    """What a device remembers over a restart: what was wanted, how far it came, its ports."""

    desired: Mapping[str, Any] = field(default_factory=dict)
    applied_version: int = 0
    ports: Mapping[PortKey, int] = field(default_factory=dict)


class DeviceFolder:
    """`DIR/<device>/`: `agent.json` (memory), `state.json` (for people and tools), `modules/`."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.root.mkdir(parents=True, exist_ok=True)

    @property
    def state(self) -> Path:
        """The file that shows the modules of the device."""
        return self.root / "state.json"

    def module(self, name: str) -> Path:
        """The folder of one module; it is made."""
        folder = self.root / "modules" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def model(self, name: str, digest: str) -> Path:
        """Where the last layer of an image goes: one folder an image, so that two can be there."""
        return self.module(name) / "model" / short(digest)

    def keep_model(self, name: str, digest: str) -> None:
        """Deletes the models of the module's earlier images."""
        folder = self.module(name) / "model"
        for other in folder.iterdir() if folder.is_dir() else ():
            if other.name != short(digest):
                shutil.rmtree(other, ignore_errors=True)

    def remember(self, memory: Memory) -> None:
        """Keeps `memory`; only the owner may read it, for manifests can hold registry passwords."""
        ports = {f"{module}/{port}": mapped for (module, port), mapped in memory.ports.items()}
        value = {
            "desired": dict(memory.desired),
            "applied_version": memory.applied_version,
            "ports": ports,
        }
        write_json(self.root / "agent.json", value, mode=0o600)

    def recall(self) -> Memory:
        """What was remembered; an empty memory if the file is missing or damaged."""
        value = read_json(self.root / "agent.json")
        try:
            ports = {
                (key.rpartition("/")[0], int(key.rpartition("/")[2])): int(mapped)
                for key, mapped in value["ports"].items()
            }
            return Memory(dict(value["desired"]), int(value["applied_version"]), ports)
        except (KeyError, TypeError, ValueError, AttributeError):
            return Memory()
