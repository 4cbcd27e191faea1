"""The controller against a hub in memory: what it opens, rolls back, collects, and resumes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge_assets.core.config_schema import Ring
from edge_assets.core.fleet import DeviceObservation, ModuleObservation
from edge_assets.core.rollout import Release
from edge_assets.rollout_controller import KEPT_CONFIGURATIONS, Pace, converge
from protos.errors import DeadlineExceeded, NotFound, RolloutFailed
from resources.hub import Configuration

RELEASE = Release("sha256:r", "taxi-r0009", "taxi", "sha256:m", "registry/taxi@sha256:i")


def ring(name: str, **changes: Any) -> Ring:
    values = {
        "name": name,
        "proven_share": 1.0,
        "max_failed": 0.0,
        "min_sample": 1,
        "soak_seconds": 4.0,
        "deadline_seconds": 60.0,
    }
    return Ring.model_validate({**values, **changes})


RINGS = (ring("canary"), ring("broad"))


@dataclass
class World:
    """A hub, its fleet and the time: devices in an opened ring prove themselves after a while."""

    rings: dict[str, str]
    serves: dict[str, str] = field(default_factory=dict)
    known: dict[str, Configuration] = field(default_factory=dict)
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    delay: float = 6.0
    models: dict[str, str] = field(default_factory=lambda: {"taxi": "on"})
    conditions: list[str] = field(default_factory=list)

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def observe(self, model: str) -> list[DeviceObservation]:
        return [self._device(name, ring_name) for name, ring_name in self.rings.items()]

    def _device(self, name: str, ring_name: str) -> DeviceObservation:
        tags = {"ring": ring_name, "models": self.models}
        bare = DeviceObservation(name, tags=tags, last_seen=self.now)
        known = self.known.get(RELEASE.configuration)
        opened = (known.labels if known else {}).get(f"ring-{ring_name}-opened")
        if opened is None or (self.now - datetime.fromisoformat(opened)).seconds < self.delay:
            return bare
        module = ModuleObservation(RELEASE.image, RELEASE.image, "running", "running")
        smoke = {
            "release": RELEASE.digest,
            "served_digest": self.serves.get(name, RELEASE.model_digest),
            "passed": True,
            "asked": 3,
            "within_budget": True,
            "time": self.now.isoformat(),
        }
        return replace(
            bare,
            configurations={RELEASE.configuration: "Applied"},
            desired_version=2,
            last_desired_version=2,
            last_desired_code=200,
            modules={"taxi": module},
            smoke=smoke,
        )

    def configurations(self) -> list[Configuration]:
        return sorted(self.known.values(), key=lambda c: c.priority)

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
        self.conditions.append(target_condition)
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
        new = replace(
            old,
            target_condition=target_condition or "",
            labels=labels or {},
            priority=old.priority if priority is None else priority,
        )
        self.known[configuration_id] = new
        self.conditions.append(new.target_condition)
        return new

    def delete_configuration(self, configuration_id: str) -> bool:
        return self.known.pop(configuration_id, None) is not None


def run(world: World, rings: tuple[Ring, ...] = RINGS, deadline: float = 600) -> Any:
    pace = Pace(poll_seconds=2, deadline_seconds=deadline)
    return converge(world, RELEASE, {}, rings, pace=pace, clock=world.clock, sleep=world.sleep)


def test_a_good_release_reaches_every_ring_in_order() -> None:
    world = World({"line-1": "canary", "line-2": "broad"})
    outcome = run(world)
    assert {v.device for v in outcome.verdicts if v.state == "proven"} == {"line-1", "line-2"}
    assert "broad" not in world.conditions[0]
    assert "broad" in world.conditions[-1]
    assert outcome.seconds >= 4 + 2 * world.delay


def test_a_ring_that_serves_another_model_is_rolled_back() -> None:
    world = World({"line-1": "canary", "line-2": "broad"}, serves={"line-2": "sha256:old"})
    with pytest.raises(RolloutFailed, match="line-2: it serves sha256:old"):
        run(world)
    left = world.known[RELEASE.configuration]
    assert "canary" in left.target_condition
    assert "broad" not in left.target_condition
    assert "ring-broad-opened" not in left.labels


def test_a_bad_first_ring_leaves_nothing_behind() -> None:
    world = World({"line-1": "canary", "line-2": "broad"}, serves={"line-1": "sha256:old"})
    with pytest.raises(RolloutFailed):
        run(world)
    assert world.known == {}


def test_a_silent_device_does_not_hold_a_rollout_for_ever() -> None:
    world = World({"line-1": "canary"}, delay=10_000)
    with pytest.raises(RolloutFailed, match="not proven 60 s after"):
        run(world)


def test_the_whole_has_a_deadline_and_can_be_resumed() -> None:
    world = World({"line-1": "canary", "line-2": "broad"})
    with pytest.raises(DeadlineExceeded, match="goes on where it is"):
        run(world, deadline=7)
    opened = world.known[RELEASE.configuration].labels["ring-canary-opened"]
    run(world)
    assert world.known[RELEASE.configuration].labels["ring-canary-opened"] == opened


def test_a_new_release_lies_above_all_others_and_old_ones_are_collected() -> None:
    old = {
        f"taxi-r000{n}": Configuration(f"taxi-r000{n}", {}, "", n, {"edge-model": "taxi"})
        for n in range(1, 6)
    }
    other = {"base": Configuration("base", {}, "", 0), "tool": Configuration("tool", {}, "", 8)}
    world = World({"line-1": "canary"}, known={**old, **other})
    run(world)
    assert world.known[RELEASE.configuration].priority == 9
    own = [c.id for c in world.configurations() if c.labels.get("edge-model") == "taxi"]
    assert own == ["taxi-r0004", "taxi-r0005", RELEASE.configuration]
    assert len(own) == KEPT_CONFIGURATIONS
    assert {"base", "tool"} <= set(world.known)


def test_going_back_to_an_earlier_release_brings_it_to_the_top_ring_by_ring() -> None:
    world = World({"line-1": "canary", "line-2": "broad"})
    run(world)
    first = world.known[RELEASE.configuration]
    own = {"edge-model": "taxi"}
    world.known["taxi-r0010"] = Configuration("taxi-r0010", {}, "", first.priority + 1, own)
    world.known["tool"] = Configuration("tool", {}, "", first.priority + 2)
    world.now += timedelta(hours=1)
    world.conditions.clear()
    outcome = run(world)
    again = world.known[RELEASE.configuration]
    assert again.priority == first.priority + 3
    assert "broad" not in world.conditions[0]
    assert {v.state for v in outcome.verdicts} == {"proven"}
    assert again.labels["ring-canary-opened"] > first.labels["ring-canary-opened"]


def test_a_finished_rollout_that_is_asked_for_again_changes_nothing() -> None:
    world = World({"line-1": "canary", "line-2": "broad"})
    run(world)
    before = dict(world.known)
    run(world)
    assert world.known == before


@pytest.mark.parametrize("models", [{}, {"nyc": "on"}, {"taxi": "off"}])
def test_a_model_that_no_device_is_meant_for_is_refused_at_once(models: dict[str, str]) -> None:
    world = World({"c-1": "canary", "b-1": "broad"}, models=models)
    began = world.now
    with pytest.raises(RolloutFailed, match=r"none of 2 devices has the tag") as no:
        run(world)
    assert "edgectl fleet create --model taxi" in no.value.remedy
    assert (world.known, world.now) == ({}, began)


def test_a_rollout_without_devices_fails() -> None:
    with pytest.raises(RolloutFailed, match="no device"):
        run(World({"line-2": "broad"}))
