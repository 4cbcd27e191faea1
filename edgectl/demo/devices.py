"""The steps on devices: gate, rollout, predict."""

import json
import subprocess
import sys
from typing import Any

import dagster as dg

from edge_assets.operate import failure
from edgectl.demo.story import Evidence, NotAsExpected, Story, expect
from edgectl.demo.traffic import questions, send, served_digest
from protos.errors import ApprovalMissing

COMMAND_SECONDS = 120.0


def edgectl(story: Story, *arguments: str) -> Any:
    """Runs the real command with `--json` on this story's state; its answer."""
    ended = subprocess.run(
        [sys.executable, "-m", "edgectl", *arguments, "--json"],
        env=story.child_environment(),
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    if ended.returncode != 0:
        raise NotAsExpected(
            f"edgectl {' '.join(arguments)} ended with {ended.returncode}",
            why=ended.stderr.strip()[-2000:],
        )
    return json.loads(ended.stdout)


def gate(story: Story) -> Evidence:
    """Nothing is deployed without an approval, whoever asks; then a person approves."""
    deployed = [d.device_id for d in story.devices() if story.model in d.modules]
    expect(not deployed, f"the model is on devices before any approval: {deployed}")

    refused = failure(story.run(["rollout"], tags={"trigger": "automation"}))
    expect(isinstance(refused, ApprovalMissing), f"automation was not refused: {refused}")
    try:
        story.run(["release"], tags={"trigger": "automation"})
    except dg.DagsterInvalidConfigError as error:
        release_refused = type(error).__name__
    else:
        raise NotAsExpected("a release was made without an approver")
    expect(
        not any(story.model in d.modules for d in story.devices()),
        "a refused rollout reached a device",
    )
    made = approve(story, "Ada Lovelace", "first release: floors and parity are fine")
    return {
        "summary": f"refused without approval; then release {made['number']} approved by "
        f"{made['approver']}",
        "rollout by automation": str(refused),
        "release by automation": release_refused,
        "release": made["number"],
        "approver": made["approver"],
        "image": made["image"],
    }


def approve(story: Story, by: str, reason: str) -> dict[str, Any]:
    """Approves the newest image with the real command."""
    made = edgectl(story, "release", "approve", story.model, "--by", by, "--reason", reason)
    expect(isinstance(made, dict), "edgectl release approve answered no release")
    return dict(made)


def rollout(story: Story) -> Evidence:
    """Every device in every ring is proven; asked at the service as well, not only reported."""
    return _roll_out(story)


def _roll_out(story: Story) -> Evidence:
    story.must_run(["rollout"], tags={"trigger": "demo"})
    release, made = story.document("release"), story.document("rollout")
    devices = {}
    for device in story.devices():
        smoke = dict(device.smoke or {})
        served = served_digest(str(smoke["endpoint"]), story.model)
        expect(
            served == smoke.get("served_digest") == release["model_digest"],
            f"{device.device_id} serves {served or 'nothing'}, not {release['model_digest']}",
        )
        expect(smoke["passed"] and smoke["within_budget"], f"{device.device_id}: {smoke}")
        devices[device.device_id] = {
            "ring": device.ring,
            "served_digest": served,
            "golden": f"{smoke['right']} of {smoke['asked']} right",
            "latency_ms": smoke["latency_ms"],
        }
    proven = {name for names in made["proven"].values() for name in names}
    expect(proven == set(devices), f"not proven: {sorted(set(devices) - proven)}")
    ticked = story.tick("fleet")
    expect(ticked.events == len(devices), f"{ticked.events} deployments were recorded")
    slowest = max(found["latency_ms"]["p95"] for found in devices.values())
    return {
        "summary": f"{len(devices)} of {len(devices)} devices proven on "
        f"{release['model_digest'][:19]}, slowest p95 {slowest:.1f} ms",
        "configuration": made["configuration"],
        "devices": devices,
    }


def predict(story: Story) -> Evidence:
    """A client asks a device, and `edgectl why` follows the answer back to the raw batches."""
    chain = story.bench.chain
    device = story.devices()[0]
    rows = questions(chain, 1, 99, "none")
    endpoint = str((device.smoke or {})["endpoint"])
    answer = send(endpoint, story.model, rows)[0][0]
    links = edgectl(story, "why", device.device_id)
    kinds = [link["kind"] for link in links]
    expected = ["device", "release", "container_image", "onnx_model", "trained_model", "dataset"]
    expect(kinds[: len(expected)] == expected, f"the chain is {kinds}")
    expect(kinds.count("raw_batch") == 2, f"the chain ends in {kinds}")
    batches = {
        story.document("raw_batch", name)["content"]
        for name in story.document("dataset")["batches"]
    }
    found = {link["digest"] for link in links if link["kind"] == "raw_batch"}
    expect(found == batches, "the chain does not end in the digests of the delivered batches")
    return {
        "summary": f"{device.device_id} says: {chain.config.prediction.target} {_said(answer)}; "
        f"why: {' -> '.join(expected)} -> {len(batches)} batches",
        "prediction": answer,
        "device": device.device_id,
        "endpoint": endpoint,
        "why": links,
    }


def _said(answer: Any) -> str:
    return f"{answer:.2f}" if isinstance(answer, float) else str(answer)
