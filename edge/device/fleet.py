"""Many simulated devices in one process, over one folder."""

import contextlib
import fcntl
import logging
import os
import platform
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import IO

from edge.device.config import AgentConfig
from edge.device.device import Device
from edge.device.folder import DeviceFolder, read_json, write_json
from edge.device.identity import HubIdentities
from edge.device.images import RegistryImages
from edge.device.keys import derive_device_key, module_connection_string
from edge.device.launch import HubAddress
from edge.device.ports import PortBook
from edge.device.processes import end_leftovers
from edge.device.reported import DeviceFacts
from edge.device.sdk_client import SdkTwinClient, TwinClient
from edge.device.surroundings import Surroundings
from edge.runtime import Runtime
from protos.errors import ConfigurationError

EDGE_AGENT = "$edgeAgent"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_PULLS_AT_ONCE = 2
_STOP_SECONDS = 9.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FleetSettings:
    """Which devices, where, and at which hub. `group_key` is a secret and is not shown."""

    state: Path
    devices: Sequence[str]
    hub: HubAddress
    group_key: str

    def __repr__(self) -> str:
        return f"FleetSettings(state={self.state}, devices={list(self.devices)}, hub={self.hub})"


class Fleet:
    """The devices of `settings`, in `settings.state/<device>`. Use `running_fleet`."""

    def __init__(self, settings: FleetSettings, runtime: Runtime, config: AgentConfig) -> None:
        self._settings, self._runtime, self._config = settings, runtime, config
        self._root = settings.state.absolute()
        self._executor = ThreadPoolExecutor(_PULLS_AT_ONCE, thread_name_prefix="pull")
        self._ca_pem = settings.hub.ca.read_text() if settings.hub.ca is not None else ""
        self._facts = _facts(runtime)
        self._images = RegistryImages(
            self._root / ".store",
            {settings.hub.host: settings.hub.ca} if settings.hub.ca is not None else {},
        )
        self._ports = PortBook()
        self._devices: dict[str, Device] = {}
        self._shown: dict[str, object] = {}

    def start(self) -> None:
        """Clears what an earlier run left, starts all devices, writes `fleet.json`."""
        folders = {name: DeviceFolder(self._root / name) for name in self._settings.devices}
        end_leftovers(
            self._root,
            [
                (int(module["pid"]), str(module.get("born", "")))
                for folder in folders.values()
                for module in read_json(folder.state).values()
                if isinstance(module, dict) and isinstance(module.get("pid"), int)
            ],
        )
        for name, folder in folders.items():
            # All ports are taken up before the first device asks for a new one.
            self._ports.restore(name, folder.recall().ports)
        for name, folder in folders.items():
            self._devices[name] = self._device(name, folder)
        for device in self._devices.values():
            device.start()
        self.show()

    def show(self) -> None:
        """Writes `fleet.json` if it would say something new."""
        value: dict[str, object] = {
            "pid": os.getpid(),
            "started": self._facts.started,
            "rung": self._runtime.rung,
            "isolation": self._runtime.isolation,
            "image_bytes_verified": self._runtime.image_bytes_verified,
            "devices": {
                name: {"folder": str(self._root / name), "connected": device.connected()}
                for name, device in self._devices.items()
            },
        }
        if value != self._shown:
            write_json(self._root / "fleet.json", value)
            self._shown = value

    def stop(self) -> None:
        """Stops all devices at once, each within its deadline, and removes `fleet.json`."""
        threads = [
            threading.Thread(target=device.stop, name=f"stop-{name}", daemon=True)
            for name, device in self._devices.items()
        ]
        deadline = time.monotonic() + _STOP_SECONDS
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._executor.shutdown(wait=False, cancel_futures=True)
        # Whoever did not stop when asked is not left behind.
        end_leftovers(self._root, [], grace_seconds=0.0)
        self._ports.close()
        (self._root / "fleet.json").unlink(missing_ok=True)

    def _device(self, name: str, folder: DeviceFolder) -> Device:
        hub = self._settings.hub
        key = derive_device_key(self._settings.group_key, name)
        identities = HubIdentities(hub.host, name, key, ca=hub.ca)
        around = Surroundings(
            runtime=self._runtime,
            images=self._images,
            identities=identities,
            ports=self._ports,
            executor=self._executor,
            hub=hub,
            facts=self._facts,
        )
        return Device(name, folder, around, self._connector(name, identities), self._config)

    def _connector(self, name: str, identities: HubIdentities) -> Callable[[], TwinClient]:
        hub = self._settings.hub

        def connect() -> TwinClient:
            key = identities.module_key(EDGE_AGENT)
            text = module_connection_string(hub.host, hub.gateway, name, EDGE_AGENT, key)
            return SdkTwinClient(text, self._ca_pem)

        return connect


@contextlib.contextmanager
def running_fleet(
    settings: FleetSettings, runtime: Runtime, config: AgentConfig
) -> Iterator[Fleet]:
    """The fleet, started; it is stopped on leaving.

    Raises ConfigurationError when another fleet runs over the same folder, a name is no name for a
    device, or modules would have a network of their own: hub, registry and neighbours listen on the
    loopback addresses of this machine.
    """
    for name in settings.devices:
        if not _NAME.fullmatch(name):
            raise ConfigurationError(f"{name!r} is no name for a device")
    if not settings.devices or not runtime.shares_network:
        raise ConfigurationError(
            "the fleet cannot run",
            why=f"{runtime.rung} separates networks" if settings.devices else "it has no devices",
        )
    settings.state.mkdir(parents=True, exist_ok=True)
    with _alone(settings.state):
        fleet = Fleet(settings, runtime, config)
        try:
            fleet.start()
            yield fleet
        finally:
            fleet.stop()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Holds the folder's lock. Without it a second fleet would end the first one's modules."""
    with (folder / ".lock").open("w") as file:
        _lock(file, folder)
        yield


def _lock(file: IO[str], folder: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise ConfigurationError(
            f"another fleet runs in {folder}", remedy="stop it, or choose another folder"
        ) from None


def _facts(runtime: Runtime) -> DeviceFacts:
    try:
        version = metadata.version("edge-assets")
    except metadata.PackageNotFoundError:
        version = "0"
    return DeviceFacts(
        version=version,
        architecture=platform.machine(),
        operating_system=platform.system().lower(),
        runtime=f"{runtime.rung}: {runtime.isolation}",
        started=time.time(),
    )
