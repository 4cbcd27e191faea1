"""What the command line shows of a fleet, as pure functions of what the hub shows."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from edge.manifests import module_names
from edge_assets.core.fleet import DeviceObservation, ModuleObservation, parse_time
from edgectl.output import ago, table
from protos.digests import short

FRESH_SECONDS = 120.0
"""A smoke test that is older proves nothing about now."""

# Codes by which an agent refuses its manifest: malformed, of a schema that it does not know. Others
# pass by themselves: 406 an agent that has just started, 417 nothing deployed, 500 a long pull.
_REFUSED = (400, 412)

_DIGITS = re.compile(r"(\d+)")

HEADERS = (
    "DEVICE",
    "RING",
    "MODEL",
    "STATE",
    "LAST SEEN",
    "DESIRED",
    "REPORTED",
    "PROVEN",
    "REASON",
)


@dataclass(frozen=True)
class DeviceRow:
    """One device and one edge model: what is desired, what is reported, what is proven.

    The three are kept apart, because each can be true without the next. Images are digests cut to
    12 digits, empty for none; `proven` is the digest of the model that gave right answers.
    """

    device: str
    ring: str
    model: str
    state: str
    last_seen: datetime | None
    desired: str
    reported: str
    proven: str
    reason: str


def row(device: DeviceObservation, model: str) -> DeviceRow:
    """Reads the row of one device. `state`: offline, idle, updating, failing or running."""
    modules = [device.modules.get(name, ModuleObservation()) for name in module_names(model)]
    service = modules[0]
    proven, reason = _proven(device, model)
    state, why = _state(device, modules, bool(proven), reason)
    return DeviceRow(
        device=device.device_id,
        ring=device.ring,
        model=model,
        state=state,
        last_seen=device.last_seen,
        desired=_image(service.desired_image),
        reported=_image(service.reported_image),
        proven=proven,
        reason=why,
    )


def _image(reference: str | None) -> str:
    return short((reference or "").rpartition("@")[2])


def _proven(device: DeviceObservation, model: str) -> tuple[str, str]:
    smoke = device.smoke
    if smoke is None:
        return "", "the smoke test has not reported yet"
    if not _fresh(device):
        return "", f"the last smoke test was {ago(parse_time(smoke.get('time')))}"
    if smoke.get("passed") is True and smoke.get("within_budget") is True:
        return short(str(smoke.get("served_digest") or "")), ""
    return "", str(smoke.get("reason") or "the smoke test did not pass")


def _fresh(device: DeviceObservation) -> bool:
    asked = parse_time((device.smoke or {}).get("time"))
    return asked is not None and (datetime.now(UTC) - asked).total_seconds() <= FRESH_SECONDS


def _state(
    device: DeviceObservation, modules: Sequence[ModuleObservation], proven: bool, reason: str
) -> tuple[str, str]:
    if not device.connected:
        return "offline", f"not connected, last seen {ago(device.last_seen)}"
    if all(module.desired_image is None for module in modules):
        return "idle", ""
    code = device.last_desired_code
    if code in _REFUSED:
        return "failing", f"{code}: {device.last_desired_description}"
    broken = [m for m in modules if m.runtime_status in ("backoff", "failed", "dead", "unhealthy")]
    if broken:
        return "failing", broken[0].description or f"a module is {broken[0].runtime_status}"
    if device.last_desired_version != device.desired_version:
        return "updating", "it has not taken the newest desired properties yet"
    waiting = [
        m
        for m in modules
        if m.desired_image != m.reported_image or m.desired_status != m.runtime_status
    ]
    if waiting:
        return "updating", waiting[0].description or "a module is not running yet"
    if proven:
        return "running", ""
    return ("failing" if _fresh(device) else "updating"), reason


def natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts line-9 before line-10."""
    return [(int(part or -1), "") if part.isdigit() else (-1, part) for part in _DIGITS.split(name)]


def as_table(rows: Sequence[DeviceRow]) -> str:
    """The rows as text."""
    cells = [
        (
            r.device,
            r.ring or "-",
            r.model if r.desired or r.reported else "-",
            r.state,
            ago(r.last_seen),
            r.desired or "-",
            r.reported or "-",
            r.proven or "-",
            r.reason[:80] or "-",
        )
        for r in rows
    ]
    return table(HEADERS, cells)


def as_text(device: DeviceObservation, model: str) -> str:
    """Everything that is known of one device, for people."""
    seen = row(device, model)
    lines = [
        f"{device.device_id}  ring {seen.ring or '-'}  {seen.state}  {seen.reason}".rstrip(),
        f"  tags           {', '.join(_plainly(device.tags)) or '-'}",
        f"  last seen      {ago(device.last_seen)}",
        f"  desired        version {device.desired_version}, image {seen.desired or '-'}",
        f"  reported       version {device.last_desired_version}, image {seen.reported or '-'}, "
        f"code {device.last_desired_code} {device.last_desired_description}".rstrip(),
        f"  proven         {seen.proven or '-'}",
    ]
    for name, status in sorted(device.configurations.items()):
        lines.append(f"  configuration  {name}: {status}")
    for name, module in sorted(device.modules.items()):
        lines.append(
            f"  module         {name}: {module.runtime_status or 'not reported'}, "
            f"wanted {module.desired_status or 'gone'}, {module.restart_count} restarts, "
            f"image {_image(module.reported_image) or '-'} {module.description}".rstrip()
        )
    for told in _plainly(device.smoke or {}):
        lines.append(f"  smoke test     {told}")
    return "\n".join(lines)


def _plainly(tree: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """`name: value` of all that says something; below each other are names with dots between."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _plainly(value, f"{above}{name}.")
        elif isinstance(value, list | tuple):
            yield f"{above}{name}: {', '.join(map(str, value)) or '-'}"
        elif value != "":
            yield f"{above}{name}: {'none' if value is None else value}"


def as_data(device: DeviceObservation, model: str) -> dict[str, Any]:
    """Everything that is known of one device, for programs."""
    return {**asdict(row(device, model)), "observed": asdict(device)}
