"""`edgectl doctor`: problem, cause, remedy."""

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click

from edgectl import checks
from edgectl.checks import Finding
from edgectl.output import emit, json_option
from protos.errors import EdgeAssetsError

_MARKS = {"ok": "ok     ", "warning": "warning", "problem": "PROBLEM"}


@click.command(epilog="\b\nExamples:\n  edgectl doctor\n  edgectl doctor --json")
@json_option
def doctor(as_json: bool) -> int:
    """Find what is wrong here and how to mend it.

    Exit code 0 when there is no problem (warnings may be), else 1.
    """
    findings = examine()
    emit([asdict(finding) for finding in findings], as_json, lambda: as_text(findings))
    return 1 if any(finding.state == "problem" for finding in findings) else 0


def examine() -> list[Finding]:
    """Asks everything. A check that fails by itself is a problem, not the end."""
    from resources.settings import load_settings

    local: list[Callable[[], Finding]] = [checks.python_version, checks.packages]
    try:
        settings = load_settings()
    except EdgeAssetsError as error:
        finding = Finding("settings", "problem", error.what, error.why, error.remedy)
        return [*map(_guarded, local), finding]
    home = settings.home
    findings = [*map(_guarded, local), Finding("settings", "ok", settings.environment)]
    findings += checks.models()
    asked: list[Callable[[], Finding]] = [
        lambda: checks.state_folder(home),
        lambda: checks.disk(home),
        lambda: checks.alerts(settings),
    ]
    if settings.environment == "local":
        asked += [
            checks.mqtt_port,
            checks.runtime,
            lambda: checks.supervisor(home),
            lambda: checks.dagster(ui_port(home)),
        ]
    started = settings.environment != "local" or settings.hub_connection_string is not None
    if started:
        asked += [lambda: checks.hub(settings), lambda: checks.registry(settings)]
    return [*findings, *map(_guarded, asked)]


def ui_port(home: Path) -> int:
    """Where `edgectl up` said that it put Dagster's UI; 3000 when it said nothing."""
    try:
        return int((home / "ui.port").read_text())
    except (OSError, ValueError):
        return 3000


def _guarded(check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except Exception as error:
        if os.environ.get("EDGE_DEBUG"):
            raise
        name = getattr(check, "__name__", "check").strip("<>")
        return Finding(
            name, "problem", "the check failed", f"{type(error).__name__}: {error}", "EDGE_DEBUG=1"
        )


def as_text(findings: list[Finding]) -> str:
    """One line a check, and cause and remedy below those that are not ok."""
    lines = []
    for finding in findings:
        lines.append(f"{_MARKS[finding.state]}  {finding.check:<12}  {finding.found}")
        if finding.cause:
            lines.append(f"         cause:  {finding.cause}")
        if finding.remedy:
            lines.append(f"         remedy: {finding.remedy}")
    return "\n".join(lines)
