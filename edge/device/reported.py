"""The reported properties of `$edgeAgent`: what a device says of itself. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from edge.device.manifest import DesiredState
from edge.device.plan import UNKNOWN, DeploymentStatus
from edge.device.restart import ModuleRecord, RuntimeStatus

NEVER = "0001-01-01T00:00:00Z"  # how the agent writes a time that has not come
NOT_SIMULATED = "not simulated: modules of this device talk to the hub directly"


@dataclass(frozen=True)
class DeviceFacts:
    """What does not change while the agent runs: version, platform, and when it began."""

    version: str
    architecture: str
    operating_system: str
    runtime: str
    started: float


def utc_text(seconds: float | None) -> str:
    """Seconds since 1970 as the agent writes times; None means never."""
    if seconds is None:
        return NEVER
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def reported_document(
    desired: DesiredState | None,
    applied_version: int,
    status: DeploymentStatus,
    records: Mapping[str, ModuleRecord],
    facts: DeviceFacts,
) -> dict[str, Any]:
    """The whole document. `applied_version` is the last desired version that was carried out.

    Passwords of registries, which the runtime settings may hold, are left out.
    """
    runtime: dict[str, Any] = dict(desired.runtime) if desired else {"type": "docker"}
    settings = dict(runtime.get("settings") or {})
    settings.pop("registryCredentials", None)
    return {
        "schemaVersion": "1.1",
        "version": {"version": facts.version, "build": "simulated", "commit": ""},
        "lastDesiredVersion": applied_version,
        "lastDesiredStatus": {"code": status.code, "description": status.description},
        "runtime": {
            "type": runtime.get("type", "docker"),
            "settings": settings,
            "platform": {
                "os": facts.operating_system,
                "architecture": facts.architecture,
                "version": facts.runtime,
            },
        },
        "systemModules": {
            "edgeAgent": _edge_agent(desired, facts),
            "edgeHub": _edge_hub(desired),
        },
        "modules": {name: _module(record) for name, record in sorted(records.items())},
    }


def shut_down(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document a device leaves behind: code 406, nothing known of its modules."""
    modules = {
        name: {**module, "runtimeStatus": RuntimeStatus.UNKNOWN.value}
        for name, module in document["modules"].items()
    }
    status = {"code": UNKNOWN, "description": "Agent is not running"}
    return {**document, "lastDesiredStatus": status, "modules": modules}


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The patch that turns `old` into `new`: null removes a key, as in RFC 7396. `{}` if equal.

    Keys that begin with `$` are the hub's own and are left alone.
    """
    patch: dict[str, Any] = {key: None for key in old if key not in new and not key.startswith("$")}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            # An object that became empty has lost all its keys; one by one they are removed.
            if inner := merge_patch(before, value):
                patch[key] = inner
        elif before != value or key not in old:
            patch[key] = value
    return patch


def _module(record: ModuleRecord) -> dict[str, Any]:
    spec = record.spec
    return {
        "type": "docker",
        "status": spec.status,
        "restartPolicy": spec.restart_policy,
        "imagePullPolicy": spec.pull_policy,
        "startupOrder": spec.startup_order,
        "version": spec.version,
        "exitCode": record.exit_code,
        "statusDescription": record.description,
        "runtimeStatus": record.status.value,
        "restartCount": record.restart_count,
        "lastStartTimeUtc": utc_text(record.last_start),
        "lastExitTimeUtc": utc_text(record.last_exit),
        "lastRestartTimeUtc": utc_text(record.last_restart),
        "settings": {"createOptions": "{}", **spec.settings, "imageHash": record.digest},
        "env": {key: {"value": value} for key, value in spec.env},
    }


def _system_settings(desired: DesiredState | None, name: str) -> dict[str, Any]:
    module = desired.system.get(name, {}) if desired else {}
    settings = module.get("settings")
    settings = settings if isinstance(settings, dict) else {}
    return {
        "image": settings.get("image", ""),
        "imageHash": "",
        "createOptions": settings.get("createOptions", "{}"),
    }


def _edge_agent(desired: DesiredState | None, facts: DeviceFacts) -> dict[str, Any]:
    return {
        "type": "docker",
        "imagePullPolicy": "on-create",
        "exitCode": 0,
        "statusDescription": "simulated by edge.device",
        "runtimeStatus": RuntimeStatus.RUNNING.value,
        "lastStartTimeUtc": utc_text(facts.started),
        "lastExitTimeUtc": NEVER,
        "settings": _system_settings(desired, "edgeAgent"),
        "env": {},
    }


def _edge_hub(desired: DesiredState | None) -> dict[str, Any]:
    module = desired.system.get("edgeHub", {}) if desired else {}
    return {
        "type": "docker",
        "status": module.get("status", "running"),
        "restartPolicy": module.get("restartPolicy", "always"),
        "imagePullPolicy": module.get("imagePullPolicy", "on-create"),
        "exitCode": 0,
        "statusDescription": NOT_SIMULATED,
        "runtimeStatus": RuntimeStatus.UNKNOWN.value,
        "restartCount": 0,
        "lastStartTimeUtc": NEVER,
        "lastExitTimeUtc": NEVER,
        "lastRestartTimeUtc": NEVER,
        "settings": _system_settings(desired, "edgeHub"),
        "env": {},
    }
