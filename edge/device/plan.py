"""Desired state, what is there, and the time: what to do next. Pure.

A module is replaced only when its new image is on the device; until then the old one keeps running
and is looked after as before. What did not change is not touched.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from edge.device.config import AgentConfig, cool_off
from edge.device.manifest import LAST_TO_START, ModuleSpec
from edge.device.restart import ModuleRecord, RuntimeStatus, counters_clear, restart_due

SUCCESSFUL = 200
UNKNOWN = 406
FAILED = 500
_DESCRIPTION_LIMIT = 1000


class ImageStatus(StrEnum):
    """How far an image is on its way to the device."""

    PULLING = "pulling"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True)
class ImageState:
    """One image of one module: `attempts` counts the pulls that failed, the last at `failed_at`."""

    status: ImageStatus
    attempts: int = 0
    failed_at: float = 0.0
    reason: str = ""


ImageKey = tuple[str, str]  # module, image


@dataclass(frozen=True)
class Fetch:
    """Pull and unpack the image of `spec`."""

    spec: ModuleSpec


@dataclass(frozen=True)
class Install:
    """Take `spec` in place of what the module was; stop the old process, start the new one."""

    spec: ModuleSpec


@dataclass(frozen=True)
class Adopt:
    """Remember `spec`, which differs only in policy; the process is not touched."""

    spec: ModuleSpec


@dataclass(frozen=True)
class Start:
    """Start the module's process; `restart` counts as one more restart."""

    name: str
    restart: bool


@dataclass(frozen=True)
class Stop:
    """Stop the process and keep the module."""

    name: str


@dataclass(frozen=True)
class Remove:
    """Stop the process and forget the module."""

    name: str


@dataclass(frozen=True)
class ClearCounters:
    """Forget the restarts of a module that has been healthy for long."""

    name: str


Action = Fetch | Install | Adopt | Start | Stop | Remove | ClearCounters


@dataclass(frozen=True)
class DeploymentStatus:
    """`lastDesiredStatus` of the report."""

    code: int
    description: str = ""


def decide(
    modules: Mapping[str, ModuleSpec],
    records: Mapping[str, ModuleRecord],
    images: Mapping[ImageKey, ImageState],
    now: float,
    config: AgentConfig,
) -> list[Action]:
    """The actions that bring `records` nearer to `modules`, in the order to do them.

    What left goes first, which frees ports; the rest follows by startupOrder, then by name. An
    image whose pull has failed holds up nobody but its own module.
    """
    actions: list[Action] = [Remove(name) for name in sorted(records) if name not in modules]
    held = LAST_TO_START + 1  # modules that start after one whose image is on its way wait for it
    for spec in sorted(modules.values(), key=lambda spec: (spec.startup_order, spec.name)):
        record = records.get(spec.name)
        if record is None or record.spec.definition != spec.definition:
            image = images.get((spec.name, spec.image))
            if image is not None and image.status is ImageStatus.READY:
                if spec.startup_order <= held:
                    actions.append(Install(spec))
                    continue
            elif image is None or not image.reason:
                held = min(held, spec.startup_order)
            if _pull_due(image, now, config):
                actions.append(Fetch(spec))
            if record is not None:
                actions += _look_after(record, record.spec.status, now, config)
            continue
        if record.spec != spec:
            actions.append(Adopt(spec))
        actions += _look_after(record, spec.status, now, config)
    return actions


def _pull_due(image: ImageState | None, now: float, config: AgentConfig) -> bool:
    if image is None:
        return True
    if image.status is not ImageStatus.FAILED:
        return False
    elapsed = now - image.failed_at
    return elapsed < 0 or elapsed >= cool_off(max(image.attempts - 1, 0), config)


def _look_after(record: ModuleRecord, status: str, now: float, config: AgentConfig) -> list[Action]:
    name = record.spec.name
    if status == "stopped":
        idle = record.status is RuntimeStatus.STOPPED
        return [] if idle else [Stop(name)]
    if record.spec.status == "stopped" and record.status is RuntimeStatus.STOPPED:
        return [Start(name, restart=False)]
    if restart_due(record, now, config):
        return [Start(name, restart=True)]
    if counters_clear(record, now, config):
        return [ClearCounters(name)]
    return []


def deployment_status(
    modules: Mapping[str, ModuleSpec],
    records: Mapping[str, ModuleRecord],
    images: Mapping[ImageKey, ImageState],
) -> DeploymentStatus | None:
    """How the deployment went, or None while it is still under way.

    500 with every reason when an image cannot be had or a module cannot be started; 200 when each
    module is what it should be. A module that started and exited later does not make a deployment
    fail: its own runtimeStatus tells.
    """
    reasons, pending = [], False
    for name, spec in sorted(modules.items()):
        record = records.get(name)
        if record is None or record.spec.definition != spec.definition:
            image = images.get((name, spec.image))
            if image is not None and image.reason:
                reasons.append(f"{name}: {image.reason}")
            else:
                pending = True
        elif record.start_error:
            reasons.append(f"{name}: {record.start_error}")
    if reasons:
        return DeploymentStatus(FAILED, "; ".join(reasons)[:_DESCRIPTION_LIMIT])
    if pending or any(name not in modules for name in records):
        return None
    return DeploymentStatus(SUCCESSFUL)
