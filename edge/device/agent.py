"""The agent of one device: carries out the plan, step by step, and knows what to report."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edge.device.config import AgentConfig
from edge.device.folder import DeviceFolder, write_json
from edge.device.images import ImageShelf
from edge.device.manifest import DesiredState, ManifestError, ModuleSpec, parse_desired
from edge.device.modules import Modules
from edge.device.plan import (
    FAILED,
    UNKNOWN,
    Action,
    Adopt,
    ClearCounters,
    DeploymentStatus,
    Fetch,
    Install,
    Remove,
    Start,
    Stop,
    decide,
    deployment_status,
)
from edge.device.ports import PortKey
from edge.device.reported import reported_document
from edge.device.surroundings import Surroundings
from protos.errors import EdgeAssetsError

_log = logging.getLogger(__name__)


class Agent:
    """One device. `desire` may be called from any thread, everything else from one only."""

    def __init__(
        self, device_id: str, folder: DeviceFolder, around: Surroundings, config: AgentConfig
    ) -> None:
        self.device_id = device_id
        self._folder, self._around, self._config = folder, around, config
        self._shelf = ImageShelf(around.images, around.executor)
        self._modules = Modules(device_id, folder, around, config)
        self._lock = threading.Lock()
        self._inbox: Mapping[str, Any] | None = None
        self._seen: Mapping[str, Any] | None = None
        self._desired: DesiredState | None = None
        self._refusal: DeploymentStatus | None = None
        self._status = DeploymentStatus(UNKNOWN, "the agent has just started")
        self._memory = folder.recall()
        self._ports: dict[PortKey, int] = {}
        self._shown: Mapping[str, Any] | None = None
        around.ports.restore(device_id, self._memory.ports)
        if self._memory.desired:
            # The device goes on with what it had, whether or not the hub can be reached.
            self.desire(self._memory.desired)

    def desire(self, properties: Mapping[str, Any]) -> None:
        """Takes the desired properties of `$edgeAgent`; the next step looks at them."""
        with self._lock:
            self._inbox = properties

    def step(self) -> None:
        """Looks at everything once and does what is due. Raises nothing that a module did wrong."""
        now = self._around.clock()
        self._read_inbox()
        self._shelf.collect(now)
        self._modules.watch(now)
        if self._desired is not None:
            specs = self._desired.modules
            self._shelf.keep({(spec.name, spec.image) for spec in specs.values()})
            for action in decide(
                specs, self._modules.records, self._shelf.states(), now, self._config
            ):
                self._do(action, self._desired)
            self._settle(self._desired)
        self._show()

    def stop(self) -> None:
        """Stops every module and shows so."""
        self._modules.stop_all()
        self._show()

    def document(self) -> dict[str, Any]:
        """What the device reports."""
        return reported_document(
            self._desired,
            self._memory.applied_version,
            self._status,
            self._modules.records,
            self._around.facts,
        )

    def _read_inbox(self) -> None:
        with self._lock:
            properties, self._inbox = self._inbox, None
        if properties is None or properties == self._seen:
            return
        self._seen = properties
        try:
            desired = parse_desired(properties, require_digests=self._config.require_digests)
            ports = self._around.ports.assign(
                self.device_id,
                {
                    (spec.name, port): wanted
                    for spec in desired.modules.values()
                    for port, wanted in spec.options.ports
                },
            )
        except EdgeAssetsError as error:
            code = error.code if isinstance(error, ManifestError) else FAILED
            _log.warning("%s: the deployment is refused: %s", self.device_id, error)
            self._refusal = self._status = DeploymentStatus(code, str(error))
            return
        _log.info("%s: deployment of desired version %d", self.device_id, desired.version)
        self._refusal = None
        self._desired, self._ports = desired, ports
        self._memory = replace(self._memory, desired=properties, ports=ports)
        self._folder.remember(self._memory)

    def _do(self, action: Action, desired: DesiredState) -> None:
        _log.debug("%s: %s", self.device_id, action)
        now = self._around.clock()
        match action:
            case Fetch(spec):
                self._fetch(spec, desired)
            case Install(spec):
                image = self._shelf.get((spec.name, spec.image))
                self._modules.install(spec, image, self._ports, now)
            case Adopt(spec):
                self._modules.adopt(spec)
            case Start(name, restart):
                self._modules.start(name, self._ports, now, restart=restart)
            case Stop(name):
                self._modules.stop(name)
            case Remove(name):
                self._modules.remove(name)
            case ClearCounters(name):
                self._modules.clear_counters(name)

    def _fetch(self, spec: ModuleSpec, desired: DesiredState) -> None:
        digest = spec.image.partition("@")[2] or spec.image
        self._shelf.fetch(spec, self._folder.model(spec.name, digest), desired.credentials)

    def _settle(self, desired: DesiredState) -> None:
        if self._refusal is not None:
            return
        status = deployment_status(desired.modules, self._modules.records, self._shelf.states())
        if status is None:
            return
        self._status = status
        if self._memory.applied_version != desired.version:
            self._memory = replace(self._memory, applied_version=desired.version)
            self._folder.remember(self._memory)

    def _show(self) -> None:
        state = self._modules.state(self._ports)
        if state != self._shown:
            write_json(self._folder.state, state)
            self._shown = state
