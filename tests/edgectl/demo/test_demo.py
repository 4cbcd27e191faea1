"""The whole story on a small fleet, as a user starts it: the real hub, registry and devices."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_wine

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


def _demo(home: Path, *options: str, **variables: str) -> dict[str, Any]:
    """The story that a demo on two devices tells."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("EDGE_", "DAGSTER_"))}
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "edgectl", "demo", "--json", "--home", str(home)),
            *("--rings", "canary=1,early=0,broad=1", *options),
        ],
        env=own | variables,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:] + ended.stdout[-3000:]
    story: dict[str, Any] = json.loads(ended.stdout)
    assert story["ok"] is True
    assert [step["name"] for step in story["steps"]] == STEPS
    assert all(step["ok"] for step in story["steps"])
    return {step["name"]: step["evidence"] for step in story["steps"]}


@pytest.mark.alone
@pytest.mark.timeout(420)
def test_the_demo_verifies_every_step(tmp_path: Path) -> None:
    evidence = _demo(tmp_path / "home")

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


@pytest.mark.alone
@pytest.mark.timeout(420)
def test_a_table_never_seen_before_ends_in_proven_deployments(tmp_path: Path) -> None:
    table = tmp_path / "wine.csv"
    load_wine(as_frame=True).frame.sample(frac=1, random_state=1).to_csv(table, index=False)
    made = subprocess.run(
        [
            *(sys.executable, "-m", "edgectl", "model", "new", "wine", "--from", str(table)),
            *("--target", "target", "--folder", str(tmp_path / "models")),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    folder = tmp_path / "models" / "wine"
    evidence = _demo(tmp_path / "home", "--model", "wine", EDGE_MODELS=str(folder))
    served = {d["served_digest"] for d in evidence["rollout"]["devices"].values()}
    assert served == {evidence["train"]["onnx"]}
    assert evidence["drift"]["shifted"]["verdict"] == "drift"
    again = {d["served_digest"] for d in evidence["retrain"]["devices"].values()}
    assert len(again) == 1
    assert again != served
