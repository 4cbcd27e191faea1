"""A hub in memory whose devices do at once what the manifest of their ring wants."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from edge_assets.core.fleet import DeviceObservation, ModuleObservation
from protos.errors import NotFound
from resources.hub import Configuration

MODEL = "nyc_taxi"


@dataclass
class FakeHub:
    """`rings` is the ring of each device; one in `serves` has another model in memory."""

    rings: dict[str, str]
    serves: dict[str, str] = field(default_factory=dict)
    known: dict[str, Configuration] = field(default_factory=dict)
    down: Exception | None = None
    tagged: bool = True

    def observe(self, model: str) -> list[DeviceObservation]:
        assert model == MODEL
        if self.down is not None:
            raise self.down
        return [self._device(name, ring) for name, ring in self.rings.items()]

    def _device(self, name: str, ring: str) -> DeviceObservation:
        now = datetime.now(UTC)
        tags = {"ring": ring, "models": {MODEL: "on"} if self.tagged else {}}
        bare = DeviceObservation(name, tags=tags, connected=True, last_seen=now)
        opened = [c for c in self.configurations() if f"ring-{ring}-opened" in c.labels]
        if not opened:
            return bare
        newest = opened[-1]
        content = newest.content["modulesContent"]
        image = content["$edgeAgent"][f"properties.desired.modules.{MODEL}"]["settings"]["image"]
        asked = content[f"{MODEL}_smoke_test"]["properties.desired"]
        served = self.serves.get(name, asked["model_digest"])
        return replace(
            bare,
            configurations={newest.id: "Applied"},
            desired_version=2,
            last_desired_version=2,
            last_desired_code=200,
            modules={MODEL: ModuleObservation(image, image, "running", "running")},
            smoke={
                "release": asked["release"],
                "served_digest": served,
                "passed": served == asked["model_digest"],
                "asked": 3,
                "within_budget": True,
                "latency_ms": {"p50": 1.0, "p95": 2.0},
                "time": now.isoformat(),
            },
        )

    def configurations(self) -> list[Configuration]:
        return sorted(self.known.values(), key=lambda known: known.priority)

    def find_configuration(self, configuration_id: str) -> Configuration | None:
        return self.known.get(configuration_id)

    def put_configuration(
        self,
        configuration_id: str,
        content: Mapping[str, Any],
        target_condition: str,
        priority: int,
        labels: Mapping[str, str] | None = None,
    ) -> Configuration:
        made = Configuration(configuration_id, content, target_condition, priority, labels or {})
        self.known[configuration_id] = made
        return made

    def update_target(
        self,
        configuration_id: str,
        target_condition: str | None = None,
        priority: int | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Configuration:
        if configuration_id not in self.known:
            raise NotFound(configuration_id)
        old = self.known[configuration_id]
        new = replace(old, target_condition=target_condition or "", labels=labels or {})
        self.known[configuration_id] = new
        return new

    def delete_configuration(self, configuration_id: str) -> bool:
        return self.known.pop(configuration_id, None) is not None
