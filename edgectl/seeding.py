"""Makes the hub know a fleet: devices with their keys and tags, and the deployment below all."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from edge.device.keys import derive_device_key
from edge.manifests import BASE_CONFIGURATION, BASE_PRIORITY, BASE_TARGET, base_deployment
from edge_assets.core.config import load_model_config
from edge_assets.core.folders import model_folders, survey
from protos.digests import digest_json, short
from protos.errors import EdgeAssetsError

DEFAULT_RINGS = {"canary": 1, "early": 2, "broad": 3}
"""Devices in each ring of the local fleet: few see a release first, most see it last."""

_SITES = ("north", "south")


@dataclass(frozen=True)
class DeviceSeed:
    """A device to be made: its ring, its site and the edge models that are meant for it."""

    id: str
    ring: str
    site: str
    models: tuple[str, ...] = field(default_factory=tuple)

    @property
    def tags(self) -> dict[str, Any]:
        """The device twin's tags. They do not change afterwards: rollouts go by them."""
        return {
            "ring": self.ring,
            "site": self.site,
            "models": dict.fromkeys(self.models, "on"),
        }


class FleetHub(Protocol):
    """The part of the hub that seeding needs."""

    def create_device(self, device_id: str, key: str, tags: Mapping[str, Any]) -> bool:
        """Makes a device be there; True if it is new."""
        ...

    def put_configuration(
        self,
        configuration_id: str,
        content: Mapping[str, Any],
        target_condition: str,
        priority: int,
        labels: Mapping[str, str] | None = None,
    ) -> object:
        """Makes a configuration be there."""
        ...

    def configurations(self) -> Sequence[Any]:
        """All configurations."""
        ...

    def delete_configuration(self, configuration_id: str) -> bool:
        """Makes a configuration not be there."""
        ...


def known_models() -> list[str]:
    """The names of all edge models."""
    return list(model_folders())


def make_landing_folders(landing: Path) -> None:
    """A folder for the deliveries of each edge model below `landing`, so that nobody must make it;
    none for a model that cannot be loaded."""
    for folder in survey()[0].values():
        with suppress(EdgeAssetsError):
            config = load_model_config(folder / "model.yaml")
            (landing / config.data.landing).mkdir(parents=True, exist_ok=True)


def planned_fleet(
    rings: Mapping[str, int], models: Sequence[str], prefix: str = "line"
) -> list[DeviceSeed]:
    """`line-1`, `line-2`, ... in the order of the rings, spread over the sites in turn."""
    ring_of = [ring for ring, count in rings.items() for _ in range(count)]
    return [
        DeviceSeed(f"{prefix}-{number}", ring, _SITES[number % len(_SITES)], tuple(models))
        for number, ring in enumerate(ring_of, start=1)
    ]


def seed_fleet(hub: FleetHub, fleet_key: str, devices: Sequence[DeviceSeed]) -> list[str]:
    """Makes the devices and the base deployment be there; returns the ids that are new.

    Safe to repeat. `fleet_key` is the group key in base64, from which each device's key is derived.
    """
    new = [
        device.id
        for device in devices
        if hub.create_device(device.id, derive_device_key(fleet_key, device.id), device.tags)
    ]
    content = base_deployment()
    base = f"{BASE_CONFIGURATION}-{short(digest_json(content))}"
    hub.put_configuration(base, content, BASE_TARGET, BASE_PRIORITY, {"edge-assets": "base"})
    for other in hub.configurations():
        if other.id.startswith(BASE_CONFIGURATION) and other.id != base:
            hub.delete_configuration(other.id)
    return new
