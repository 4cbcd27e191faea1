"""The one message of a tick: alerts as a subject, plain text, and data for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from edge_assets.core.alert_events import Kind, tidy
from edge_assets.core.alerts import Alert

MOST_LISTED = 30
"""Alerts that one message tells in full; chats refuse texts beyond some 28 KB."""

WORDS: dict[Kind, str] = {
    "rollout": "ROLLOUT STOPPED",
    "gate": "GATE CLOSED",
    "run": "RUN FAILED",
    "worse": "MODEL GOT WORSE",
    "drift": "DRIFT",
    "waiting": "WAITS FOR APPROVAL",
    "approved": "APPROVED",
    "test": "TEST",
}
"""How each kind is called, the most urgent first."""


@dataclass(frozen=True)
class Message:
    """What is sent: a subject of one line, the text, and the same as data for a webhook."""

    subject: str
    text: str
    data: dict[str, Any]


def compose(alerts: Sequence[Alert], environment: str, dagster_url: str | None = None) -> Message:
    """The message that tells all `alerts`, at least one, the most urgent first.

    Beyond `MOST_LISTED` they are counted by kind. With `dagster_url` each has a link to the UI.
    """
    order = list(WORDS)
    ordered = sorted(alerts, key=lambda alert: order.index(alert.newest.kind))
    listed, rest = ordered[:MOST_LISTED], ordered[MOST_LISTED:]
    count = "1 alert" if len(ordered) == 1 else f"{len(ordered)} alerts"
    blocks = [f"edge-assets, environment {environment}: {count}"]
    blocks += [_block(alert, dagster_url) for alert in listed]
    if rest:
        kinds = [alert.newest.kind for alert in rest]
        told = ", ".join(f"{kinds.count(k)} x {WORDS[k].lower()}" for k in order if k in kinds)
        blocks.append(f"And {len(rest)} more: {told}. Dagster shows them.")
    return Message(
        _subject(ordered, environment),
        "\n\n".join(blocks) + "\n",
        {
            "environment": environment,
            "alerts": [_data(alert, dagster_url) for alert in listed],
            "more": len(rest),
        },
    )


def _subject(alerts: Sequence[Alert], environment: str) -> str:
    first = alerts[0].newest
    more = f", and {len(alerts) - 1} more" if len(alerts) > 1 else ""
    said = tidy(f"{WORDS[first.kind].lower()}: {first.about}", 120)
    return f"[edge-assets {environment}] {said}{more}"


def _block(alert: Alert, dagster_url: str | None) -> str:
    event = alert.newest
    times = f", {alert.count} times since {_time(alert.since)}" if alert.count > 1 else ""
    rows = {
        "why": event.reason,
        "part": ", ".join(alert.parts),
        "do": event.remedy,
        "when": f"{_time(event.time)}{times}",
        "see": _link(alert, dagster_url),
    }
    lines = [f"{WORDS[event.kind]}  {event.about}"]
    return "\n".join(lines + [f"  {name + ':':<6}{said}" for name, said in rows.items() if said])


def _data(alert: Alert, dagster_url: str | None) -> dict[str, Any]:
    event = alert.newest
    return {
        "kind": event.kind,
        "about": event.about,
        "reason": event.reason,
        "remedy": event.remedy,
        "time": event.time.isoformat(timespec="seconds"),
        "since": alert.since.isoformat(timespec="seconds"),
        "times": alert.count,
        "partitions": list(alert.parts),
        "url": _link(alert, dagster_url),
    }


def _link(alert: Alert, dagster_url: str | None) -> str:
    return f"{dagster_url.rstrip('/')}{alert.newest.path}" if dagster_url else ""


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
