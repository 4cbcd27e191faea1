"""Brings the merge to the devices: identities, desired properties and statuses in `$edgeAgent`."""

from collections.abc import Mapping, Sequence

from edge.local_hub.errors import HubError
from edge.local_hub.identities import IOT_EDGE, SYSTEM_MODULES, Identities
from edge.local_hub.merge import AGENT, Layer, equal_priorities, merge
from edge.local_hub.state import State
from edge.local_hub.target_condition import TargetCondition, parse_target_condition
from edge.local_hub.twin_registry import TwinRegistry
from edge.local_hub.values import Doc, Json


class Deployer:
    """Evaluates every configuration for every IoT Edge device.

    The real hub does so at creation and then every five minutes; here it happens at once, within
    the transaction of each change of configurations, devices or tags. So a change with an
    impossible outcome (two layers of one priority on a device, a twin over its size) is refused as
    a whole, with HubError.
    """

    def __init__(self, state: State, identities: Identities, twins: TwinRegistry) -> None:
        self._state = state
        self._identities = identities
        self._twins = twins

    def evaluate(self, devices: Sequence[str] | None = None) -> None:
        """Applies the merge to these devices (None: all); writes only what differs."""
        layers = self._layers()
        for device in self._identities.devices() if devices is None else devices:
            identity = self._identities.find(device)
            if identity is not None and identity["iotEdge"]:
                self._evaluate_device(device, layers)

    def apply_content(self, device: str, content: Mapping[str, Mapping[str, Json]]) -> None:
        """Applies one full content to one device, as `applyConfigurationContent` does.

        Raises HubError 400 if the content is no full deployment or the device no IoT Edge device.
        A configuration that matches the device wins at the next evaluation.
        """
        layer = Layer("", 0, "", content)
        if not layer.is_base or not self._identities.get(device)["iotEdge"]:
            raise HubError(
                400, "ArgumentInvalid", "a full deployment for an IoT Edge device needed"
            )
        merged = merge([layer])
        if merged.desired is not None:
            self._apply(device, merged.desired)

    def _layers(self) -> list[tuple[Layer, TargetCondition]]:
        found: list[tuple[Layer, TargetCondition]] = []
        for name in self._state.documents.owners("configuration"):
            stored = self._state.documents.get("configuration", name)
            if stored is not None:
                content = stored["content"]["modulesContent"]
                layer = Layer(name, stored["priority"], stored["createdTimeUtc"], content)
                found.append((layer, parse_target_condition(stored["targetCondition"])))
        return found

    def _evaluate_device(self, device: str, layers: list[tuple[Layer, TargetCondition]]) -> None:
        row: Doc = {
            "deviceId": device,
            "tags": self._twins.get(device)["tags"],
            "capabilities": {"iotEdge": True},
        }
        candidates = [layer for layer, condition in layers if condition.matches(row)]
        clash = equal_priorities(candidates)
        if clash:
            raise HubError(
                409,
                "ConfigurationPriorityConflict",
                f"the layered configurations {clash[0]} and {clash[1]} have the same priority and "
                f"would meet on device {device}; the real hub would apply them in no certain order",
            )
        merged = merge(candidates)
        self._twins.set_configurations(device, AGENT, merged.statuses)
        if merged.desired is not None:
            self._apply(device, merged.desired)

    def _apply(self, device: str, desired: Mapping[str, Doc]) -> None:
        wanted = desired.get(AGENT, {}).get("modules") or {}
        existing = set(self._identities.modules(device))
        for module in sorted(existing - set(wanted) - set(SYSTEM_MODULES)):
            if self._identities.get(device, module)["managedBy"] == IOT_EDGE:
                self._identities.delete(device, module, None)
        for module in sorted(set(wanted) - existing):
            self._identities.put(device, module, {"managedBy": IOT_EDGE}, None)
        for module, properties in desired.items():
            if self._identities.find(device, module) is not None:
                self._twins.set_desired(device, module, properties)
