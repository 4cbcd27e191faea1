"""The command `edgectl demo`."""

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from edge_assets.core.folders import model_folder
from edgectl.fleet import parse_rings
from edgectl.output import json_option, progress, table
from protos.errors import EdgeAssetsError


@click.command(
    epilog="\b\nExamples:\n"
    "  edgectl demo\n"
    "  edgectl demo --model tooling\n"
    "  edgectl demo --json > demo.json"
)
@click.option(
    "--rings",
    callback=parse_rings,
    default="canary=1,early=2,broad=3",
    show_default=True,
    help="Devices in each ring.",
)
@click.option("--model", default="nyc_taxi", show_default=True, help="The edge model.")
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Empty folder for the state; default a temporary one, removed after a success.",
)
@click.option("--keep", is_flag=True, help="Keep the state after a success as well.")
@json_option
def demo(model: str, rings: dict[str, int], home: Path | None, keep: bool, as_json: bool) -> int:
    """Tell the whole story once: data, model, image, approval, rollout, drift, retraining.

    Uses the local hub, registry and simulated devices, for real; exits 0 only if every step was
    verified.
    """
    model_folder(model)  # refused here, before anything is started
    started = time.monotonic()
    folder = home or Path(tempfile.mkdtemp(prefix="edge-demo-"))
    if folder.exists() and any(folder.iterdir()):
        raise click.UsageError(f"{folder} is not empty; the demo begins from nothing")
    steps = _tell(folder, model, rings)
    ok = len(steps) == _count() and all(step["ok"] for step in steps)
    outcome = {"ok": ok, "seconds": round(time.monotonic() - started, 1), "steps": steps}
    if as_json:
        click.echo(json.dumps(outcome, indent=2, default=str))
    else:
        click.echo(_table(outcome))
    if ok and not keep and home is None:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        progress(f"The state is in {folder}; logs are in {folder / 'logs'}")
    return 0 if ok else 1


def _count() -> int:
    from edgectl.demo.steps import STEPS

    return len(STEPS)


def _tell(folder: Path, model: str, rings: dict[str, int]) -> list[dict[str, Any]]:
    """Starts hub and fleet, tells the story, and stops them again."""
    from dataclasses import asdict

    from edgectl.chain import open_workbench
    from edgectl.demo.steps import STEPS
    from edgectl.demo.story import Story, tell
    from edgectl.seeding import planned_fleet
    from edgectl.supervisor import Supervisor
    from resources.platform import Platform

    devices = planned_fleet(rings, [model])
    started = time.monotonic()
    progress(f"starting the local hub and {len(devices)} devices in {folder}")
    try:
        with Supervisor(folder, dagster=False, devices=devices, say=progress) as up:
            progress(f"started in {time.monotonic() - started:.1f} s")
            environment = {**up.environment, **_secrets(folder)}
            bench = open_workbench(model, Platform(environment))
            story = Story(bench, folder, environment, progress)
            return [asdict(step) for step in tell(story, STEPS)]
    except EdgeAssetsError as error:
        print(str(error), file=sys.stderr)  # noqa: T201
        seconds = round(time.monotonic() - started, 2)
        evidence = {"error": str(error), "kind": type(error).__name__}
        return [{"name": "start", "ok": False, "seconds": seconds, "evidence": evidence}]


def _secrets(folder: Path) -> dict[str, str]:
    """The keys that the supervisor made for this state directory."""
    from resources.settings import read_env_file

    return read_env_file(folder / "local.env")


def _table(outcome: dict[str, Any]) -> str:
    """The closing table: one line a step, with the evidence that matters most."""
    rows = [
        (
            step["name"],
            "ok" if step["ok"] else "FAILED",
            f"{step['seconds']:.1f}",
            step["evidence"].get("summary") or step["evidence"].get("error", ""),
        )
        for step in outcome["steps"]
    ]
    end = "Every step was verified" if outcome["ok"] else "NOT every step was verified"
    return table(("step", "", "s", "evidence"), rows) + f"\n{end}, in {outcome['seconds']:.0f} s."
