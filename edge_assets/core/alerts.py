"""When people are told: repeats of the same thing are held back, counted, and told later at once.

The first event of a thing is told at once. What follows within the cool-down is held, and told as
one alert when it has passed. So nothing is lost, and one thing makes one alert a cool-down at most.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from edge_assets.core.alert_events import Event

MOST_REMEMBERED = 100
"""Things that are held back at once; the memory is kept in a sensor's cursor."""

MOST_PARTS = 10
"""Partitions that one alert names: the last ones."""

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Alert:
    """One thing that happened `count` times since `since` (UTC); `newest` is the last time."""

    newest: Event
    count: int
    since: datetime
    parts: tuple[str, ...] = ()

    @classmethod
    def first(cls, event: Event) -> "Alert":
        """What happened once."""
        return cls(event, 1, event.time, (event.part,) if event.part else ())

    def plus(self, event: Event) -> "Alert":
        """The same, and once more."""
        parts = self.parts
        if event.part and event.part not in parts:
            parts = (*parts, event.part)[-MOST_PARTS:]
        return Alert(event, self.count + 1, self.since, parts)


@dataclass(frozen=True)
class Told:
    """A thing that was told at `at` (UTC), and what was held back since."""

    at: datetime
    held: Alert | None = None


@dataclass(frozen=True)
class Memory:
    """What one channel knows: the place in the event log up to which it looked, and what it told.

    `told` goes by the keys of events.
    """

    after: int
    told: Mapping[str, Told] = field(default_factory=dict)


def decide(
    memory: Memory, events: Sequence[Event], upto: int, now: datetime, cooldown_seconds: float
) -> tuple[list[Alert], Memory]:
    """What is told now of `events`, which reach up to `upto`, and what is remembered after it.

    Every event is counted in exactly one alert, of now or of later; but repeats of what is told
    once within the cool-down are dropped.
    """
    told, alerts = dict(memory.told), list[Alert]()
    cooldown = timedelta(seconds=cooldown_seconds)
    for event in events:
        if event.id <= memory.after:
            continue
        known = told.get(event.key)
        if known is None:
            told[event.key] = Told(_NEVER, Alert.first(event))
        elif not event.once:
            held = known.held.plus(event) if known.held else Alert.first(event)
            told[event.key] = replace(known, held=held)
    for key, known in list(told.items()):
        # What was told later than now is no rest: a clock was set back.
        if known.at <= now < known.at + cooldown:
            continue
        del told[key]
        if known.held:
            alerts.append(known.held)
            told[key] = Told(now)
    for key in sorted(told, key=lambda key: told[key].at)[: max(len(told) - MOST_REMEMBERED, 0)]:
        forgotten = told.pop(key).held
        if forgotten:
            alerts.append(forgotten)
    return alerts, Memory(max(memory.after, upto), told)
