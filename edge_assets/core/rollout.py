"""The decisions of a rollout, as pure functions of what the hub shows.

The controller keeps no state: which rings are open and since when stands in the labels of the
release's configuration in the hub, what devices run stands in their twins. `decide` looks at both
and says the one next step and why; called again after a crash it goes on from there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from edge_assets.core.config_schema import Ring
from edge_assets.core.fleet import DeviceObservation, ModuleObservation
from protos.errors import RolloutFailed


@dataclass(frozen=True)
class Release:
    """What a rollout brings to devices: the digests that must be found running there."""

    digest: str
    configuration: str
    model: str
    model_digest: str
    image: str
    """The reference that devices pull, `registry/name@sha256:...`."""
    modules: Mapping[str, str] = field(default_factory=dict)
    """Those that come with the model, by their name on devices, with their references."""


@dataclass(frozen=True)
class DeviceVerdict:
    """What is known of one device, in one of three words, and why."""

    device: str
    ring: str
    state: Literal["proven", "pending", "failed"]
    reason: str


@dataclass(frozen=True)
class Decision:
    """The next step of a rollout.

    `open` creates the configuration or widens it to `rings`; `soak` notes that `ring` reached its
    share at `at`, `unsoak` that it lost it; `wait` changes nothing; `roll back` narrows to `rings`
    (none: the configuration is deleted); `finish` ends the rollout.
    """

    action: Literal["open", "soak", "unsoak", "wait", "roll back", "finish"]
    rings: tuple[str, ...]
    ring: str
    reason: str
    verdicts: tuple[DeviceVerdict, ...] = field(default=(), repr=False)


def opened_label(ring: str) -> str:
    """The configuration's label that says since when a ring is open (UTC, ISO 8601)."""
    return f"ring-{ring}-opened"


def proven_label(ring: str) -> str:
    """The configuration's label that says since when a ring's share is proven."""
    return f"ring-{ring}-proven"


State = Literal["proven", "pending", "failed"]


def _parse(time: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(time).replace("Z", "+00:00"))
    except ValueError:
        return None


def _judge_agent(device: DeviceObservation, configuration: str) -> tuple[State, str]:
    """What the hub and the device's agent say about the configuration."""
    applied = device.configurations.get(configuration, "not targeted")
    if applied != "Applied":
        return "pending", f"the hub has not applied the release to it yet ({applied})"
    if device.last_desired_version != device.desired_version:
        return "pending", "it has not taken the newest desired properties yet"
    code, description = device.last_desired_code, device.last_desired_description
    if code in (400, 412):
        return "failed", f"it refused the manifest ({code}): {description}"
    if code != 200:
        # 406 (just started), 417 and 500 (a long pull) pass; the deadline decides.
        return "pending", f"its agent says {code}: {description}"
    return "proven", ""


def _judge_module(name: str, module: ModuleObservation) -> tuple[State, str]:
    """Whether a module runs as desired."""
    if module.reported_image is None:
        return "pending", f"module {name} is not reported yet"
    if module.reported_image != module.desired_image:
        return "pending", f"module {name} still runs another image"
    if module.runtime_status in ("failed", "dead"):
        return "failed", f"module {name} is {module.runtime_status}: {module.description}"
    if module.runtime_status != module.desired_status:
        return "pending", f"module {name} is {module.runtime_status or 'not started'}"
    return "proven", ""


def _judge_smoke_test(
    smoke: Mapping[str, object] | None,
    release: Release,
    started: datetime | None,
    opened: datetime,
    now: datetime,
    fresh_seconds: float,
) -> tuple[State, str]:
    """What the device's own smoke test proves about the release.

    A report from before the service `started` (both by the device's clock) tells of the service
    that ran before it: while modules are exchanged, the new question may meet the old model.
    """
    if not smoke or smoke.get("release") != release.digest:
        return "pending", "the smoke test has not asked this release yet"
    asked = _parse(smoke.get("time"))
    if asked is None or asked < opened:
        return "pending", "the smoke test has not run since the ring opened"
    if started is not None and asked < started:
        return "pending", "the smoke test has not asked since the service started"
    age = (now - asked).total_seconds()
    if age > fresh_seconds:
        return "pending", f"the last smoke test is {age:.0f} s old"
    if smoke.get("served_digest") is None:
        # A service that is still starting serves nothing yet; the deadline decides.
        return "pending", f"smoke test: {smoke.get('reason') or 'no model is served'}"
    if smoke.get("served_digest") != release.model_digest:
        return "failed", f"it serves {smoke.get('served_digest')}, not the released model"
    if not smoke.get("passed") or not smoke.get("within_budget"):
        return "failed", f"smoke test: {smoke.get('reason') or 'failed'}"
    return "proven", "serves the released digest, golden answers right, within budget"


def judge_device(
    device: DeviceObservation,
    release: Release,
    policy: Ring,
    opened: datetime,
    now: datetime,
    fresh_seconds: float = 120.0,
) -> DeviceVerdict:
    """Judges one device against one release: `proven`, `pending` or `failed`, with the reason.

    Proven means all of: the hub applied the configuration, the device took the newest desired
    properties with code 200, every module of the model runs from the desired image, and the smoke
    test, asked after the ring opened and not older than `fresh_seconds`, found the released model
    in memory, right golden answers and latencies within the budget.
    """
    state, reason = _judge_agent(device, release.configuration)
    names = {release.model, f"{release.model}_smoke_test", f"{release.model}_captures"}
    names |= release.modules.keys()
    own = {name: module for name, module in device.modules.items() if name in names}
    if state == "proven":
        for name in sorted(own):
            state, reason = _judge_module(name, own[name])
            if state != "proven":
                break
    for name, image in release.modules.items() if state == "proven" else ():
        if name not in own or own[name].reported_image != image:
            state, reason = "pending", f"the released image of module {name} does not run there"
    served = own.get(release.model)
    if state == "proven" and (served is None or served.reported_image != release.image):
        state, reason = "pending", "the released image does not run there"
    if state == "proven":
        started = served.started if served else None
        state, reason = _judge_smoke_test(
            device.smoke, release, started, opened, now, fresh_seconds
        )
    if state == "pending" and now - opened > timedelta(seconds=policy.deadline_seconds):
        limit = policy.deadline_seconds
        state, reason = "failed", f"not proven {limit:.0f} s after the ring opened: {reason}"
    return DeviceVerdict(device.device_id, policy.name, state, reason)


def refuse_untargeted(model: str, fleet: Sequence[DeviceObservation]) -> None:
    """Raises RolloutFailed when no device of a fleet is meant for the model.

    Deployments go by the tag `models.<model>`: without it the hub targets nobody, and a rollout
    would wait for its deadline.
    """
    if not fleet or any(is_meant_for(model, device) for device in fleet):
        return
    raise RolloutFailed(
        f"the rollout of {model} was not started",
        why=f"none of {len(fleet)} devices has the tag models.{model}: on, so the hub would give "
        "it to nobody",
        remedy=f"give devices the tag: edgectl fleet create --model {model} does, of the local "
        "fleet; then materialize the rollout again: edgectl rollout start " + model,
    )


def is_meant_for(model: str, device: DeviceObservation) -> bool:
    """Whether the device has the tag by which releases of the model reach it."""
    models = device.tags.get("models")
    return isinstance(models, Mapping) and models.get(model) == "on"


def decide(
    release: Release,
    rings: Sequence[Ring],
    fleet: Sequence[DeviceObservation],
    labels: Mapping[str, str] | None,
    now: datetime,
) -> Decision:
    """The next step of the rollout of `release`.

    `labels` are those of its configuration in the hub, None when there is none yet. Rings are
    opened in the order of `rings`; ring n+1 never opens before the gate of ring n did.
    """
    names = [ring.name for ring in rings]
    by_ring = {name: [d for d in fleet if d.ring == name] for name in names}
    if labels is None:
        if not by_ring[names[0]]:
            reason = f"the first ring '{names[0]}' has no device: nothing could be learned there"
            return Decision("roll back", (), names[0], reason)
        return Decision("open", (names[0],), names[0], f"opens the first ring, {names[0]}")

    verdicts: list[DeviceVerdict] = []
    for position, policy in enumerate(rings):
        devices = by_ring[policy.name]
        opened = _parse(labels.get(opened_label(policy.name)))
        upto = tuple(names[: position + 1])
        if opened is None:
            return Decision("open", upto, policy.name, f"opens ring {policy.name}", tuple(verdicts))
        judged = [judge_device(d, release, policy, opened, now) for d in devices]
        verdicts += judged
        step = _decide_ring(policy, judged, _parse(labels.get(proven_label(policy.name))), now)
        if step is not None:
            action, reason = step
            kept = tuple(names[:position]) if action == "roll back" else upto
            return Decision(action, kept, policy.name, reason, tuple(verdicts))
    return Decision("finish", tuple(names), names[-1], "every ring is proven", tuple(verdicts))


def _decide_ring(
    policy: Ring, judged: Sequence[DeviceVerdict], soaking: datetime | None, now: datetime
) -> tuple[Literal["soak", "unsoak", "wait", "roll back"], str] | None:
    """The step that one open ring needs; None when its gate is open."""
    total = len(judged)
    if total == 0:
        return None  # an empty ring behind a proven one holds nothing back
    proven = sum(v.state == "proven" for v in judged)
    failed = [v for v in judged if v.state == "failed"]
    judged_enough = proven + len(failed) >= min(policy.min_sample, total)
    if failed and judged_enough and len(failed) / total > policy.max_failed:
        return "roll back", (
            f"{len(failed)} of {total} devices of ring {policy.name} failed and at most "
            f"{policy.max_failed:.0%} may; {failed[0].device}: {failed[0].reason}"
        )
    if proven / total < policy.proven_share:
        if proven + len(failed) == total:
            return "roll back", (
                f"{proven} of {total} devices of ring {policy.name} are proven and none is "
                f"pending; {policy.proven_share:.0%} must be"
            )
        waiting = next(v for v in judged if v.state == "pending")
        if soaking is not None:
            return (
                "unsoak",
                f"ring {policy.name} lost its share: {waiting.device}: {waiting.reason}",
            )
        return "wait", (
            f"ring {policy.name}: {proven} of {total} proven; {waiting.device}: {waiting.reason}"
        )
    if soaking is None:
        return "soak", f"ring {policy.name}: {proven} of {total} proven"
    left = policy.soak_seconds - (now - soaking).total_seconds()
    if left > 0:
        return "wait", f"ring {policy.name} is proven and soaks for another {left:.0f} s"
    return None
