"""`edgectl up`: everything on this machine, under one supervisor."""

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgectl.models import first_model
from edgectl.output import progress
from edgectl.seeding import DEFAULT_RINGS, known_models, planned_fleet
from protos.errors import ConfigurationError, EdgeAssetsError

if TYPE_CHECKING:
    from edgectl.fleet_view import DeviceRow
    from edgectl.screen import Page
    from edgectl.supervisor import Supervisor

_FLEET_SECONDS = 5.0
_EVENTS_SHOWN = 6


@click.command(
    epilog="\b\nExamples:\n  edgectl up\n  edgectl up --no-dagster\n"
    "  EDGE_HOME=/tmp/other edgectl up"
)
@click.option("--dagster/--no-dagster", default=True, help="Run Dagster too.", show_default=True)
@click.option("--plain", is_flag=True, help="Lines instead of a screen, as without a terminal.")
def up(dagster: bool, plain: bool) -> None:
    """Run everything here: hub, registry, fleet, Dagster. Ctrl-C ends it.

    All state is below EDGE_HOME (.edge); the next start goes on where this one was. Models of your
    own are found where EDGE_MODELS says.
    """
    from edgectl.supervisor import Supervisor

    name = os.environ.get("EDGE_ENVIRONMENT") or "local"
    if name != "local":
        raise ConfigurationError(
            f"nothing is started for the environment '{name}'",
            why="`edgectl up` runs the local environment; the others run in Azure",
            remedy="unset EDGE_ENVIRONMENT",
        )
    home = Path(os.environ.get("EDGE_HOME") or ".edge")
    happened: deque[str] = deque(maxlen=_EVENTS_SHOWN)
    quiet = threading.Event()

    def say(line: str) -> None:
        happened.append(f"{time.strftime('%H:%M:%S')}  {line}")
        if not quiet.is_set():
            progress(line)

    seeds = planned_fleet(DEFAULT_RINGS, known_models())
    with Supervisor(home, dagster, seeds, say=say) as running:
        happened.clear()
        # Ctrl-C is how this ends: no error, whenever it comes.
        with suppress(KeyboardInterrupt), Fleet(running) as fleet:
            if plain or not sys.stdout.isatty():
                _lines(running, fleet)
            else:
                quiet.set()
                _screen(running, lambda: page_of(running, fleet, tuple(happened)))
                quiet.clear()


class Fleet:
    """Looks at the fleet from a thread of its own, so that a slow hub never stops the screen."""

    def __init__(self, running: "Supervisor") -> None:
        self.models: list[str] = []
        self.rows: list[DeviceRow] | None = []
        self._running = running
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name="fleet-view", daemon=True)

    def __enter__(self) -> "Fleet":
        self._ask()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join(1.0)

    def _look(self) -> None:
        while not self._stop.wait(_FLEET_SECONDS):
            self._ask()

    def _ask(self) -> None:
        from edgectl.fleet_view import natural, row

        try:
            self.models = self._running.deployed()
            rows = [
                row(device, model)
                for model in self.models or [first_model(known_models())]
                for device in self._running.observe(model)
            ]
        except EdgeAssetsError:
            self.rows = None
        else:
            self.rows = sorted(rows, key=lambda row: natural(row.device))


def page_of(running: "Supervisor", fleet: Fleet, happened: tuple[str, ...]) -> "Page":
    """The page as it is now."""
    from edgectl.screen import Page

    variables = running.environment
    return Page(
        home=running.home,
        ui_url=running.ui_url,
        hub=running.hub_host,
        gateway=variables["EDGE_HUB_GATEWAY"],
        registry=variables["EDGE_REGISTRY"],
        landing=running.landing,
        children=running.status(),
        devices=fleet.rows,
        model=first_model(fleet.models or known_models()),
        happened=happened,
    )


def _lines(running: "Supervisor", fleet: Fleet) -> None:
    """Without a terminal: the page once, then a line for each device that changes."""
    from edgectl.screen import text

    click.echo(text(page_of(running, fleet, ())))
    shown = {(row.device, row.model): row.state for row in fleet.rows or []}

    def show() -> None:
        for row in fleet.rows or []:
            if shown.get((row.device, row.model)) != row.state:
                shown[row.device, row.model] = row.state
                click.echo(f"{row.device}: {row.model} {row.state} {row.reason}".rstrip())

    running.serve(show)


def _screen(running: "Supervisor", page: "Callable[[], Page]") -> None:
    """On a terminal: the page, kept up to date in place."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from edgectl.screen import text

    console = Console()  # honours NO_COLOR

    def render() -> Text:
        shown = Text(text(page(), console.height), no_wrap=True, overflow="ellipsis")
        for words, style in _STYLES.items():
            shown.highlight_words(words.split(), style)
        return shown

    with Live(render(), console=console, auto_refresh=False, screen=False) as live:
        running.serve(lambda: live.update(render(), refresh=True))


_STYLES = {
    "running": "green",
    "failing restarting offline": "red",
    "updating starting": "yellow",
    "PROCESS STATE PID DEATHS LOG DEVICE RING DESIRED REPORTED PROVEN REASON": "bold",
}
