"""What the hub shows of a fleet, as plain data, and the reading of it out of twins.

A device is known by three twins: its own (tags), that of `$edgeAgent` (which configurations were
applied, desired and reported modules) and that of the model's smoke test (what it really serves).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

EDGE_AGENT = "$edgeAgent"


@dataclass(frozen=True)
class Twin:
    """A device twin (`module_id` None) or a module twin, as the hub keeps it."""

    device_id: str
    module_id: str | None = None
    tags: Mapping[str, Any] = field(default_factory=dict)
    desired: Mapping[str, Any] = field(default_factory=dict)
    reported: Mapping[str, Any] = field(default_factory=dict)
    configurations: Mapping[str, str] = field(default_factory=dict)
    """Status of each configuration that targets it: `Applied` or `Targeted`."""
    connected: bool = False
    last_activity: datetime | None = None


@dataclass(frozen=True)
class ModuleObservation:
    """One module on a device: what is wanted of it and what the device says about it.

    `desired_image` is None for a module that the device still reports but should no longer run,
    `reported_image` is None for one that it does not report yet.
    """

    desired_image: str | None = None
    reported_image: str | None = None
    desired_status: str | None = None
    runtime_status: str | None = None
    restart_count: int = 0
    exit_code: int | None = None
    description: str = ""
    started: datetime | None = None
    """When its process last started, by the device's clock."""


@dataclass(frozen=True)
class DeviceObservation:
    """One device as the hub shows it now. Times are UTC, on the hub's clock."""

    device_id: str
    tags: Mapping[str, Any] = field(default_factory=dict)
    connected: bool = False
    last_seen: datetime | None = None
    configurations: Mapping[str, str] = field(default_factory=dict)
    desired_version: int | None = None
    last_desired_version: int | None = None
    last_desired_code: int | None = None
    last_desired_description: str = ""
    modules: Mapping[str, ModuleObservation] = field(default_factory=dict)
    smoke: Mapping[str, Any] | None = None
    """What `<model>_smoke_test` reported as `smoke_test`; None when it never did."""

    @property
    def ring(self) -> str:
        """The ring it belongs to by its tag; empty when it has none."""
        return str(self.tags.get("ring", ""))


def parse_time(text: object) -> datetime | None:
    """`text` (ISO 8601) as UTC; None when it is no time or the hub's word for never (year 1)."""
    try:
        time = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    if time.year == 1:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _observe_module(desired: Mapping[str, Any], reported: Mapping[str, Any]) -> ModuleObservation:
    return ModuleObservation(
        desired_image=_text(_mapping(desired.get("settings")).get("image")),
        reported_image=_text(_mapping(reported.get("settings")).get("image")),
        desired_status=_text(desired.get("status")),
        runtime_status=_text(reported.get("runtimeStatus")),
        restart_count=_integer(reported.get("restartCount")) or 0,
        exit_code=_integer(reported.get("exitCode")),
        description=_text(reported.get("statusDescription")) or "",
        started=parse_time(reported.get("lastStartTimeUtc")),
    )


def _last_seen(twins: Iterable[Twin]) -> datetime | None:
    """The latest sign of life by the hub's clock; a device's own clock may be wrong."""
    times = []
    for twin in twins:
        updated = parse_time(_mapping(twin.reported.get("$metadata")).get("$lastUpdated"))
        times += [time for time in (twin.last_activity, updated) if time is not None]
    return max(times, default=None)


def observe_device(device: Twin, agent: Twin | None, smoke_test: Twin | None) -> DeviceObservation:
    """Reads one device out of its twins. Damaged reports read as absent, never as success."""
    agent = agent or Twin(device.device_id, EDGE_AGENT)
    status = _mapping(agent.reported.get("lastDesiredStatus"))
    desired = _mapping(agent.desired.get("modules"))
    reported = _mapping(agent.reported.get("modules"))
    modules = {
        name: _observe_module(_mapping(desired.get(name)), _mapping(reported.get(name)))
        for name in sorted({*desired, *reported})
    }
    asked = smoke_test.reported.get("smoke_test") if smoke_test else None
    return DeviceObservation(
        device_id=device.device_id,
        tags=device.tags,
        # The agent holds the connection of an edge device; its device twin's state says little.
        connected=agent.connected,
        last_seen=_last_seen([twin for twin in (device, agent, smoke_test) if twin]),
        configurations=agent.configurations,
        desired_version=_integer(agent.desired.get("$version")),
        last_desired_version=_integer(agent.reported.get("lastDesiredVersion")),
        last_desired_code=_integer(status.get("code")),
        last_desired_description=_text(status.get("description")) or "",
        modules=modules,
        smoke=asked if isinstance(asked, Mapping) else None,
    )


def observe_fleet(
    devices: Iterable[Twin], agents: Iterable[Twin], smoke_tests: Iterable[Twin]
) -> list[DeviceObservation]:
    """Joins the three kinds of twins by device, ordered by device id."""
    agent_of = {twin.device_id: twin for twin in agents}
    smoke_test_of = {twin.device_id: twin for twin in smoke_tests}
    return [
        observe_device(twin, agent_of.get(twin.device_id), smoke_test_of.get(twin.device_id))
        for twin in sorted(devices, key=lambda twin: twin.device_id)
    ]
