"""The modules of one device: their records and the processes behind them."""

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from edge.device.config import AgentConfig
from edge.device.folder import DeviceFolder
from edge.device.launch import process_spec
from edge.device.manifest import ModuleSpec
from edge.device.ports import PortKey
from edge.device.processes import birth
from edge.device.restart import ModuleRecord, RuntimeStatus, exited
from edge.device.substitution import endpoints
from edge.device.surroundings import Surroundings
from edge.oci import UnpackedImage
from edge.runtime import Process

COULD_NOT_START = 128  # as the engine reports a container that never began
_log = logging.getLogger(__name__)


@dataclass
class _Live:
    """What belongs to a module besides its record: its image, its process if it has one."""

    image: UnpackedImage
    process: Process | None = None
    pid: int = 0
    born: str = ""


class Modules:
    """Starts, watches and stops the processes of one device. Not for use by two threads."""

    def __init__(
        self, device_id: str, folder: DeviceFolder, around: Surroundings, config: AgentConfig
    ) -> None:
        self._device, self._folder, self._around, self._config = device_id, folder, around, config
        self._live: dict[str, _Live] = {}
        self.records: dict[str, ModuleRecord] = {}

    def watch(self, now: float) -> None:
        """Takes note of the processes that have ended."""
        for name, live in self._live.items():
            code = live.process.poll() if live.process is not None else None
            if code is None:
                continue
            live.process = None
            self.records[name] = exited(self.records[name], code, now, self._config)
            _log.warning("%s/%s: %s", self._device, name, self.records[name].description)

    def install(
        self, spec: ModuleSpec, image: UnpackedImage, ports: Mapping[PortKey, int], now: float
    ) -> None:
        """Puts `spec` in place of what the module was, and starts it if it shall run."""
        self._end_process(spec.name)
        self._live[spec.name] = _Live(image)
        self.records[spec.name] = ModuleRecord(spec, digest=image.digest)
        self._folder.keep_model(spec.name, image.digest)
        if spec.status == "running":
            self.start(spec.name, ports, now, restart=False)

    def adopt(self, spec: ModuleSpec) -> None:
        """Takes over what of `spec` needs no new process."""
        self.records[spec.name] = replace(self.records[spec.name], spec=spec)

    def start(self, name: str, ports: Mapping[PortKey, int], now: float, *, restart: bool) -> None:
        """Starts the process of a module; if that fails, the module backs off as after an exit."""
        record, live = self.records[name], self._live[name]
        if restart:
            record = replace(record, restart_count=record.restart_count + 1, last_restart=now)
        try:
            key = self._around.identities.module_key(name)
            runtime = self._around.runtime
            live.process = runtime.start(
                process_spec(
                    self._device,
                    record.spec,
                    live.image,
                    key,
                    ports,
                    self._folder,
                    self._around.hub,
                    runtime,
                )
            )
        except Exception as error:
            # Whatever it was, this module backs off, and the others are still looked after.
            _log.warning("%s/%s: cannot be started: %s", self._device, name, error)
            self.records[name] = exited(
                record, COULD_NOT_START, now, self._config, error=f"cannot be started: {error}"
            )
            return
        self.records[name] = replace(
            record,
            status=RuntimeStatus.RUNNING,
            last_start=now,
            description="running",
            start_error="",
        )

    def stop(self, name: str) -> None:
        """Stops the process and keeps the module."""
        code = self._end_process(name)
        record = self.records[name]
        self.records[name] = replace(
            record,
            status=RuntimeStatus.STOPPED,
            exit_code=record.exit_code if code is None else code,
            last_exit=record.last_exit if code is None else self._around.clock(),
            description="stopped",
            start_error="",
        )

    def remove(self, name: str) -> None:
        """Stops the process and forgets the module; its log stays."""
        self._end_process(name)
        self._folder.keep_model(name, "")
        del self._live[name], self.records[name]

    def clear_counters(self, name: str) -> None:
        """Forgets how often the module was restarted."""
        self.records[name] = replace(self.records[name], restart_count=0)

    def stop_all(self) -> None:
        """Stops all processes at the same time."""
        running = [name for name, live in self._live.items() if live.process is not None]
        if running:
            with ThreadPoolExecutor(len(running)) as pool:
                list(pool.map(self.stop, running))

    def state(self, ports: Mapping[PortKey, int]) -> dict[str, Any]:
        """What `state.json` shows: each module's image, model folder, endpoints, process."""
        return {name: self._module_state(name, ports) for name in sorted(self.records)}

    def _module_state(self, name: str, ports: Mapping[PortKey, int]) -> dict[str, Any]:
        record, live = self.records[name], self._live[name]
        runtime = self._around.runtime
        model = live.image.model
        pid = live.process.pid if live.process is not None else None
        if pid is not None and pid != live.pid:
            # In a container the process itself appears a moment after the command that makes it.
            live.pid, live.born = pid, birth(pid)
        return {
            "image": record.spec.image,
            "digest": record.digest,
            "model": str(model) if model is not None else None,
            "endpoint": endpoints(name, ports),
            "pid": pid,
            "born": live.born if pid is not None else "",
            "rung": runtime.rung,
            "isolation": runtime.isolation,
            "status": record.status.value,
            "description": record.description,
            "exit_code": record.exit_code,
            "restart_count": record.restart_count,
            "log": str(self._folder.module(name) / "log"),
        }

    def _end_process(self, name: str) -> int | None:
        live = self._live.get(name)
        if live is None or live.process is None:
            return None
        code = live.process.stop(self._config.stop_grace_seconds)
        live.process = None
        return code
