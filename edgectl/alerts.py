"""`edgectl alerts`: whether people can be told."""

from datetime import UTC, datetime
from typing import Any

import click

from edgectl.output import emit, json_option, table
from protos.errors import ConfigurationError, EdgeAssetsError


@click.group()
def alerts() -> None:
    """Try how people are told."""


@alerts.command(epilog="\b\nExamples:\n  edgectl alerts test\n  edgectl alerts test --json")
@json_option
def test(as_json: bool) -> None:
    """Send one test message by every channel that is configured.

    Each channel is tried, whatever happened to the others; the first error ends the command.
    """
    from edge_assets.core.alert_events import Event
    from edge_assets.core.alert_text import compose
    from edge_assets.core.alerts import Alert
    from resources.alerts import HOW_TO
    from resources.platform import Platform

    platform = Platform()
    channels, settings = platform.alerts, platform.settings
    if not channels:
        raise ConfigurationError("nobody is told", why="no channel is configured", remedy=HOW_TO)
    said, remedy = "somebody tried how people are told", "nothing"
    event = Event(0, "test", "edgectl alerts test", said, remedy, datetime.now(UTC))
    message = compose([Alert.first(event)], settings.environment, settings.dagster_url)
    results: list[dict[str, Any]] = []
    errors: list[EdgeAssetsError] = []
    for channel in channels:
        found: dict[str, Any] = {"channel": channel.name, "sent": False, "remarks": []}
        try:
            found["remarks"] = channel.send(message)
            found["sent"] = True
        except EdgeAssetsError as error:
            errors.append(error)
            found["remarks"] = [error.why or error.what]
        results.append(found)
    rows = [
        (r["channel"], "yes" if r["sent"] else "no", "; ".join(r["remarks"]) or "-")
        for r in results
    ]
    emit(results, as_json, lambda: table(("channel", "sent", "remark"), rows))
    if errors:
        raise errors[0]
