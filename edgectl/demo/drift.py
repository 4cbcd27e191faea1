"""The steps of change: drift, retrain."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from edgectl.demo.deliveries import land, sample
from edgectl.demo.devices import _roll_out, approve
from edgectl.demo.story import Evidence, Story, expect, wait_for
from edgectl.demo.traffic import questions, send

ROWS_OF_TRAFFIC = 480
ARRIVAL_SECONDS = 90.0


def _new_world(story: Story) -> str:
    """How the world changes in the story: the first shift that the model's sample knows."""
    shifts = story.bench.chain.config.sample.shifts
    expect(shifts, f"model.yaml of {story.model} names no shift under sample.shifts")
    return shifts[0]


def _ask_fleet(story: Story, seed: int, shift: str) -> int:
    """Sends traffic to every device, each its own rows; the number of predictions."""
    devices = story.devices()
    total = max(ROWS_OF_TRAFFIC, 2 * story.bench.chain.config.drift.min_rows)
    asked = 0
    for number, device in enumerate(devices):
        rows = questions(story.bench.chain, total // len(devices), seed + number, shift)
        asked += len(send(str((device.smoke or {})["endpoint"]), story.model, rows))
    return asked


def _collected(story: Story, since: datetime) -> int:
    platform = story.bench.platform
    lag = timedelta(seconds=platform.settings.telemetry_lag_seconds)
    now = datetime.now(UTC) + timedelta(seconds=1)
    return len(platform.telemetry.captures(story.model, since, now, lag).frame)


def _window(story: Story, seed: int, shift: str) -> dict[str, Any]:
    """Traffic of one kind, collected, closed as a window by the sensor, and judged."""
    since = datetime.now(UTC)
    asked = _ask_fleet(story, seed, shift)
    wait_for(
        f"the captures of {asked} predictions",
        lambda: _collected(story, since) >= asked,
        ARRIVAL_SECONDS,
    )
    time.sleep(story.bench.platform.settings.telemetry_lag_seconds + 1)
    ticked = story.tick("captures")
    expect(len(ticked.run_requests) == 1, f"no window was closed: {ticked.skipped}")
    window = ticked.partitions[0]
    story.must_run(["captures", "drift_report"], partition=window)
    return story.document("drift_report", window)


def _judged(report: dict[str, Any]) -> dict[str, Any]:
    return {
        "window": report["window"],
        "verdict": report["verdict"],
        "rows": report["window_rows"],
        "false alarm rate": report["false_alarm_rate"],
        "effects": {c["column"]: round(c["effect"], 3) for c in report["columns"]},
        "drifted": report["drifted"],
    }


def drift(story: Story) -> Evidence:
    """Traffic as it was learned from: no drift. Traffic of a changed world: drift, and a run."""
    control = _window(story, 1000, "none")
    expect(control["verdict"] == "no drift", f"the control got: {control['reason']}")
    quiet = story.tick("drift")
    expect(not quiet.run_requests, "the drift sensor asked for a run without drift")

    shifted = _window(story, 2000, _new_world(story))
    expect(shifted["verdict"] == "drift", f"the shifted traffic got: {shifted['reason']}")
    ticked = story.tick("drift")
    expect(len(ticked.run_requests) == 1, f"the drift sensor was silent: {ticked.skipped}")
    request = ticked.run_requests[0]
    again = story.tick("drift")
    expect(not again.run_requests, "the drift sensor asked twice for the same window")
    story.notes["drift run"] = request
    worst = shifted["columns"][0]
    return {
        "summary": f"control: {control['verdict']}; shifted: {shifted['verdict']}, "
        f"{worst['column']} by {worst['effect']:.2f} (threshold {worst['threshold']:.2f}); "
        "the sensor asked for one run",
        "control": _judged(control),
        "shifted": _judged(shifted),
        "before": quiet.skipped,
        "run key": request.run_key,
        "run tags": {k: v for k, v in request.tags.items() if not k.startswith("dagster/")},
        "again": again.skipped,
    }


def retrain(story: Story) -> Evidence:
    """The new world lands as a batch; the run that drift asked for beats the champion with it."""
    champion = story.document("release")
    land(story, "2026-03-shifted", sample(story, 3, _new_world(story)))
    ticked = story.tick("new_data")
    expect(len(ticked.run_requests) == 1, f"the new batch was not found: {ticked.skipped}")
    story.must_run(["raw_batch"], partition=ticked.partitions[0], tags=ticked.run_requests[0].tags)

    request = story.notes["drift run"]
    run = story.must_run([key.path[-1] for key in request.asset_selection], tags=request.tags)
    model, image = story.document("trained_model"), story.document("container_image")
    gate = model["gates"]["champion"]
    expect(model["champion"] == champion["model_digest"], "it was compared with another champion")
    expect(gate["passed"], gate["reason"])
    expect(image["image"] != champion["image"], "the image did not change")
    made = approve(story, "Ada Lovelace", f"drift: {gate['reason']}")
    rolled_out = _roll_out(story)
    served = {found["served_digest"] for found in rolled_out["devices"].values()}
    expect(served == {made["model_digest"]}, "devices serve another model than the new release")
    expect(made["model_digest"] != champion["model_digest"], "the model did not change")
    return {
        "summary": f"beat the champion ({gate['reason']}); release {made['number']} proven on "
        f"{len(rolled_out['devices'])} devices",
        "champion gate": gate["reason"],
        "metrics": model["metrics"],
        "run": run.run_id,
        "image": made["image"],
        "release": made["number"],
        "devices": rolled_out["devices"],
    }
