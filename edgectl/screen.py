"""What `edgectl up` shows: which process runs where, what each device does, what to do next.

One page of text made of plain data; `up` prints it on change, or keeps it on a terminal.
"""

import shutil
import sys
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
    rows = [(c.name, c.state, c.pid or "-", c.deaths, c.log.name) for c in page.children]
    return table(("PROCESS", "STATE", "PID", "DEATHS", "LOG"), rows)


def places(page: Page) -> str:
    """Addresses and folders."""
    lines = [
        ("Dagster UI", page.ui_url or "not started"),
        ("IoT hub", f"https://{page.hub}, MQTT {page.gateway}:8883"),
        ("registry", f"https://{page.registry}/v2/"),
        ("landing folders", f"{page.landing}/MODEL"),
        ("logs", str(page.home / "logs")),
    ]
    return "\n".join(f"{name:<15} {value}" for name, value in lines)


def next_steps(page: Page) -> list[str]:
    """The commands that make sense now, most useful first."""
    devices = page.devices or []
    proven = next((row for row in devices if row.proven), None)
    if proven:
        several = len({row.model for row in devices if row.desired}) > 1
        which = f" --model {proven.model}" if several else ""
        return [
            f"edgectl predict {proven.device}{which}",
            f"edgectl why {proven.device}{which}",
            f"edgectl data sample {proven.model} --seed 2",
        ]
    if any(row.desired for row in devices):
        return ["edgectl fleet list", "edgectl doctor"]
    return [
        f"edgectl data sample {page.model}    # Dagster takes it from there, to the image",
        f"edgectl release approve {page.model} --by NAME --reason TEXT    # then it rolls out",
        "edgectl fleet list",
    ]


def fleet(page: Page, rows: int | None) -> str:
    """The devices, those in trouble first if only `rows` of them can be shown."""
    if page.devices is None:
        return "the hub does not answer"
    devices = list(page.devices)
    if rows is None or len(devices) <= rows:
        return as_table(devices)
    devices.sort(key=lambda row: (row.state in ("running", "idle"), row.device))
    left = len(devices) - rows
    return as_table(devices[:rows]) + f"\n... and {left} more: edgectl fleet list"


def text(page: Page, height: int | None = None) -> str:
    """The whole page, in at most `height` lines as long as that leaves a few devices."""
    # Without an activated environment the plain name would not be found.
    folder = "" if shutil.which("edgectl") else f"{Path(sys.executable).parent}/"
    steps = [f"  {folder}{step}" for step in next_steps(page)]
    parts = [
        "edge-assets is running. Ctrl-C stops it; the next start goes on from here.",
        places(page),
        processes(page),
        "\n".join(["Next, in another terminal:", *steps]),
        "\n".join(page.happened[-3:]),
    ]
    rows = None
    if height is not None:
        used = sum(part.count("\n") + 1 for part in parts if part)
        rows = max(height - used - 3, 3)  # three: headers, "... more", the prompt
    parts.insert(3, fleet(page, rows))
    return ("\n" if height is not None else "\n\n").join(part for part in parts if part)
