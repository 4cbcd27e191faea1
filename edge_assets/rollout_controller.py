"""Carries a release through the rings: reads the hub, asks the pure core what is next, does it.

Holds no state. Whoever calls `converge` again after a crash goes on where the hub says it stood.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from edge.manifests import target_condition
from edge_assets.core.config_schema import Ring
from edge_assets.core.fleet import DeviceObservation
from edge_assets.core.rollout import (
    Decision,
    DeviceVerdict,
    Release,
    decide,
    opened_label,
    proven_label,
    refuse_untargeted,
)
from protos.errors import DeadlineExceeded, RolloutFailed

if TYPE_CHECKING:
    from resources.hub import Configuration

log = logging.getLogger(__name__)

KEPT_CONFIGURATIONS = 3
"""Configurations of one model that stay in the hub: it allows 100 in all."""


class RolloutHub(Protocol):
    """The part of `resources.hub.Hub` that a rollout needs."""

    def observe(self, model: str) -> list[DeviceObservation]:
        """The fleet as it is now."""

    def configurations(self) -> list["Configuration"]:
        """All configurations of the hub."""

    def find_configuration(self, configuration_id: str) -> "Configuration | None":
        """One of them."""

    def put_configuration(
        self,
        configuration_id: str,
        content: Mapping[str, Any],
        target_condition: str,
        priority: int,
        labels: Mapping[str, str] | None = None,
    ) -> "Configuration":
        """Creates one."""

    def update_target(
        self,
        configuration_id: str,
        target_condition: str | None = None,
        priority: int | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> "Configuration":
        """Changes its target and labels in one call."""

    def delete_configuration(self, configuration_id: str) -> bool:
        """Deletes one."""


@dataclass(frozen=True)
class Outcome:
    """How a rollout ended: every device's verdict, and what was decided on the way."""

    verdicts: tuple[DeviceVerdict, ...]
    decisions: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Pace:
    """How often the hub is asked, and when a rollout as a whole is given up (seconds)."""

    poll_seconds: float = 2.0
    deadline_seconds: float = 6 * 3600.0


def converge(
    hub: RolloutHub,
    release: Release,
    content: Mapping[str, Any],
    rings: Sequence[Ring],
    *,
    pace: Pace = Pace(),
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], None] = time.sleep,
    report: Callable[[str], None] = lambda reason: None,
) -> Outcome:
    """Brings `release` to every ring and returns when all are proven.

    Raises RolloutFailed when no device is meant for the model (then nothing was changed), or when a
    ring's gate closed (that ring is rolled back by then), and DeadlineExceeded when the whole took
    longer than `pace.deadline_seconds`; what was opened stays open then, and another call goes on.
    """
    started = clock()
    decisions: list[str] = []
    told = ""
    refuse_untargeted(release.model, hub.observe(release.model))
    _bring_to_the_top(hub, release, rings[0].name, started)
    while True:
        known = hub.find_configuration(release.configuration)
        labels = known.labels if known else None
        decision = decide(release, rings, hub.observe(release.model), labels, clock())
        # Seconds that count down are no news.
        if re.sub(r"\d+", "", decision.reason) != told:
            told = re.sub(r"\d+", "", decision.reason)
            decisions.append(decision.reason)
            log.info(decision.reason)
            report(decision.reason)
        _act(hub, release, content, decision, labels, clock())
        seconds = (clock() - started).total_seconds()
        if decision.action == "finish":
            _collect(hub, release.model)
            return Outcome(decision.verdicts, tuple(decisions), seconds)
        if decision.action == "roll back":
            raise RolloutFailed(
                f"the rollout of {release.configuration} was stopped at ring {decision.ring} and "
                "that ring rolled back",
                why=decision.reason,
                remedy="look at the device: edgectl fleet show DEVICE; release a mended image",
            )
        if seconds > pace.deadline_seconds:
            raise DeadlineExceeded(
                f"the rollout of {release.configuration} is not finished after {seconds:.0f} s",
                why=decision.reason,
                remedy="materialize the rollout again: it goes on where it is",
            )
        if decision.action == "wait":
            sleep(pace.poll_seconds)


def _bring_to_the_top(hub: RolloutHub, release: Release, ring: str, now: datetime) -> None:
    """A release over which another one was laid goes out anew: above it, from the first ring on.

    One call, so that a crash leaves no half step.
    """
    all_known = hub.configurations()
    own = [c for c in all_known if c.labels.get("edge-model") == release.model]
    known = next((c for c in own if c.id == release.configuration), None)
    if known is None or known.priority == max(c.priority for c in own):
        return
    hub.update_target(
        known.id,
        target_condition(release.model, [ring]),
        max(c.priority for c in all_known) + 1,
        {"edge-model": release.model, opened_label(ring): now.isoformat()},
    )


def _act(
    hub: RolloutHub,
    release: Release,
    content: Mapping[str, Any],
    decision: Decision,
    labels: Mapping[str, str] | None,
    now: datetime,
) -> None:
    """Does what was decided; each is one call, so that a crash leaves no half step."""
    at = now.isoformat()
    condition = target_condition(release.model, list(decision.rings)) if decision.rings else ""
    name = release.configuration
    if decision.action == "open" and labels is None:
        priorities = [known.priority for known in hub.configurations()]
        own = {"edge-model": release.model, opened_label(decision.ring): at}
        hub.put_configuration(name, content, condition, max(priorities, default=0) + 1, own)
        return
    current = dict(labels or {})
    if decision.action == "open":
        current[opened_label(decision.ring)] = at
    elif decision.action == "soak":
        current[proven_label(decision.ring)] = at
    elif decision.action == "unsoak":
        current.pop(proven_label(decision.ring), None)
    elif decision.action == "roll back":
        if labels is None:
            return
        if not decision.rings:
            hub.delete_configuration(name)
            return
        current.pop(opened_label(decision.ring), None)
        current.pop(proven_label(decision.ring), None)
    else:
        return
    hub.update_target(name, condition, labels=current)


def _collect(hub: RolloutHub, model: str) -> None:
    """Deletes the oldest configurations of the model beyond those that are kept."""
    own = [c for c in hub.configurations() if c.labels.get("edge-model") == model]
    for old in sorted(own, key=lambda known: known.priority)[:-KEPT_CONFIGURATIONS]:
        hub.delete_configuration(old.id)
