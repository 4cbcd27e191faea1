"""The last step: what must not pass is stopped."""

import json
import os
import signal
from collections.abc import Collection
from pathlib import Path
from typing import Any

import dagster as dg

from edge_assets.operate import failure
from edgectl.demo.deliveries import land, scrambled
from edgectl.demo.story import Evidence, Story, expect, wait_for
from edgectl.demo.traffic import served_digest
from protos.errors import GateClosed

DETECTED_SECONDS = 90.0


def stop_bad(story: Story) -> Evidence:
    """Scrambled labels are stopped by a gate; a corrupted model is not served."""
    scrambled = _scrambled_labels(story)
    corrupted = _corrupted_file(story)
    return {
        "summary": f"scrambled labels stopped by {scrambled['stopped by']}; corrupted file on "
        f"{corrupted['device']} detected and not served",
        "scrambled labels": scrambled,
        "corrupted file": corrupted,
    }


def _scrambled_labels(story: Story) -> dict[str, Any]:
    """A batch whose answers belong to other rows lands; training on it must not get through.

    Which gate stops it is up to the model: where the target is weak, a candidate may gain more on
    the scrambled rows themselves than it loses on the others, and the champion gate be open.
    """
    before = story.document("container_image")["image"]
    land(story, "2026-04-scrambled", scrambled(story, 4))
    ticked = story.tick("new_data")
    expect(len(ticked.run_requests) == 1, f"the batch was not found: {ticked.skipped}")
    story.must_run(["raw_batch"], partition=ticked.partitions[0])
    run = story.run(["dataset", "trained_model", "onnx_model", "container_image"])
    stopped = failure(run)
    expect(isinstance(stopped, GateClosed), f"the candidate was not stopped: {stopped}")
    expect(story.document("container_image")["image"] == before, "an image was built of it")
    events = run.get_asset_materialization_events()
    made = {event.asset_key.path[-1] for event in events if event.asset_key}
    closed = closed_gates(run)
    expect(closed, f"no gate was closed: {stopped}")
    return {
        "stopped by": " and ".join(f"the gate {name}" for name in closed),
        "reason": "; ".join(closed.values()),
        **_champion_said(story, made),
        "not made": sorted({"onnx_model", "container_image"} - made),
    }


def closed_gates(run: dg.ExecuteInProcessResult) -> dict[str, str]:
    """The reasons of the gates that were closed in a run, by `<name> of <asset>`."""
    return {
        f"{check.check_name} of {check.asset_key.path[-1]}": str(
            check.metadata["reason"].value if "reason" in check.metadata else "no reason given"
        )
        for check in run.get_asset_check_evaluations()
        if check.blocking and not check.passed
    }


def _champion_said(story: Story, made: Collection[str]) -> dict[str, str]:
    """What the champion gate said, where the candidate came as far as to it."""
    if "trained_model" not in made:
        return {}
    verdict = story.document("trained_model")["gates"]["champion"]
    return {"champion gate": f"{'open' if verdict['passed'] else 'closed'}: {verdict['reason']}"}


def _corrupted_file(story: Story) -> dict[str, Any]:
    """One bit of the model file flips on one device, and its service starts again."""
    device = story.devices()[-1]
    endpoint = str((device.smoke or {})["endpoint"])
    state = _state(story, device.device_id)
    path = Path(state["model"]) / "model.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    os.kill(int(state["pid"]), signal.SIGKILL)

    hub, module = story.bench.platform.hub, f"{story.model}_smoke_test"

    def detected() -> dict[str, Any] | None:
        # Until the service is back nobody answers at all; that is no detection.
        answer = hub.invoke_method(device.device_id, module, "smokeTest", {})
        found = dict(answer.payload)
        return found if answer.status == 412 and "its digest" in found["reason"] else None

    smoke = wait_for("the device to detect the corrupted model", detected, DETECTED_SECONDS, 1.0)
    expect(served_digest(endpoint, story.model) == "", "the corrupted model is served")
    ticked = story.tick("fleet")
    return {
        "device": device.device_id,
        "detected by": "the digest check of the inference service at load",
        "reason": smoke["reason"],
        "served": None,
        "events recorded": ticked.events,
    }


def _state(story: Story, device: str) -> dict[str, Any]:
    """What the simulated device says of the model's module in its own state file."""
    path = story.home / "devices" / device / "state.json"
    modules = json.loads(path.read_text())
    return dict(modules.get("modules", modules)[story.model])
