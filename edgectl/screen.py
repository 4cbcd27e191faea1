"""What `edgectl up` shows: which process runs where, what each device does, what to do next.

One page of text made of plain data; `up` prints it on change, or keeps it on a terminal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgectl.fleet_view import DeviceRow, as_table
from edgectl.output import table
from edgectl.process_tree import ChildStatus


@dataclass(frozen=True)
class Page:
    """Everything that is shown. `devices` None: the hub does not answer at the moment."""

    home: Path
    ui_url: str | None
    hub: str
    gateway: str
    registry: str
    landing: str
    children: Sequence[ChildStatus]
    devices: Sequence[DeviceRow] | None
    model: str
    happened: Sequence[str] = ()


def processes(page: Page) -> str:
    """The processes as a table."""
    where = {
        "hub": f"https://{page.hub}, MQTT {page.gateway}:8883",
        "dagster-webserver": page.ui_url or "",
    }
    rows = [
        (c.name, c.state, c.pid or "-", c.deaths, where.get(c.name, ""), c.log.name)
        for c in page.children
    ]
    return table(("PROCESS", "STATE", "PID", "DEATHS", "WHERE", "LOG"), rows)


def places(page: Page) -> str:
    """Addresses and folders."""
    lines = [
        ("Dagster UI", page.ui_url or "not started"),
        ("IoT hub", f"https://{page.hub}"),
        ("registry", f"https://{page.registry}/v2/"),
        ("landing folder", f"{page.landing}/{page.model}"),
        ("logs", str(page.home / "logs")),
    ]
    return "\n".join(f"{name:<15} {value}" for name, value in lines)


def next_steps(page: Page) -> list[str]:
    """The commands that make sense now, most useful first."""
    devices = page.devices or []
    proven = next((row.device for row in devices if row.proven), None)
    if proven:
        return [
            f"edgectl predict {proven}",
            f"edgectl why {proven}",
            f"edgectl data sample {page.model} --seed 2 --shift distance",
        ]
    if any(row.desired for row in devices):
        return ["edgectl fleet list", "edgectl doctor"]
    return [f"edgectl data sample {page.model}", "edgectl fleet list", "edgectl demo"]


def text(page: Page) -> str:
    """The whole page."""
    fleet = "the hub does not answer" if page.devices is None else as_table(page.devices)
    steps = "\n".join(f"  {step}" for step in next_steps(page))
    happened = "\n".join(page.happened)
    parts = [
        "edge-assets is running. Ctrl-C stops everything; the next start goes on from here.",
        places(page),
        processes(page),
        fleet,
        f"Next, in another terminal:\n{steps}",
        happened,
    ]
    return "\n\n".join(part for part in parts if part)
