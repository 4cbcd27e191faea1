"""The whole story on a small fleet, as a user starts it: the real hub, registry and devices."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

STEPS = [
    "ingest",
    "train",
    "image",
    "gate",
    "rollout",
    "predict",
    "drift",
    "retrain",
    "stop bad",
]


@pytest.mark.alone
@pytest.mark.timeout(420)
def test_the_demo_verifies_every_step(tmp_path: Path) -> None:
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "edgectl", "demo", "--json"),
            *("--home", str(tmp_path / "home"), "--rings", "canary=1,early=0,broad=1"),
        ],
        env={k: v for k, v in os.environ.items() if not k.startswith(("EDGE_", "DAGSTER_"))},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:] + ended.stdout[-3000:]
    story = json.loads(ended.stdout)
    assert story["ok"] is True
    assert [step["name"] for step in story["steps"]] == STEPS
    assert all(step["ok"] for step in story["steps"])
    evidence = {step["name"]: step["evidence"] for step in story["steps"]}

    assert evidence["train"]["rows in"] > evidence["train"]["rows kept"]
    assert evidence["image"]["rung"] in ("engine", "sandbox", "loader", "host python")
    assert "nothing is approved" in evidence["gate"]["rollout by automation"]
    assert set(evidence["rollout"]["devices"]) == {"line-1", "line-2"}
    first = {d["served_digest"] for d in evidence["rollout"]["devices"].values()}
    second = {d["served_digest"] for d in evidence["retrain"]["devices"].values()}
    assert first == {evidence["train"]["onnx"]}
    assert len(second) == 1
    assert first != second
    assert evidence["drift"]["control"]["verdict"] == "no drift"
    assert evidence["drift"]["shifted"]["verdict"] == "drift"
    assert evidence["stop bad"]["scrambled labels"]["not made"] == ["container_image", "onnx_model"]
    assert evidence["stop bad"]["corrupted file"]["served"] is None
