"""Real probes in real processes, with tiny counts: nothing is said about how quick they are."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference_service.runtime_options import DEFAULT_RUNTIME, parse_runtime
from inference_service.tune import questions
from inference_service.tune.candidates import AS_BUILT, Candidate
from inference_service.tune.choose import Policy
from inference_service.tune.machine import usable_cores
from inference_service.tune.measurement import Round
from inference_service.tune.probe import Job
from inference_service.tune.runner import Effort, measure, run_probe
from inference_service.tune.subject import read_subject
from inference_service.tune.tuning import tune
from protos.digests import digest_bytes
from protos.errors import ConfigurationError, EdgeAssetsError, IntegrityError, ParityFailed
from tests.inference_service.models import echo_model, taxi_model

TINY = Effort(rounds=2, runs=5, batch_rows=4, seconds=0.1, deadline_seconds=60)
CORE = usable_cores()[:1]


def add_golden(folder: Path, fare: float = 5.5, **more: Any) -> None:
    digest = json.loads((folder / "model.json").read_bytes())["digest"]
    request = {
        "inputs": {"distance": [1.0], "passengers": [1]},
        "outputs": {"fare": [fare]},
    }
    golden = {
        "model_digest": digest,
        "tolerance": {"absolute": 0.01, "relative": 0},
        "latency_budget_ms": 50,
        "requests": [request],
        **more,
    }
    (folder / "golden.json").write_text(json.dumps(golden))


def test_a_model_is_tuned_and_all_is_recorded(tmp_path: Path) -> None:
    folder = taxi_model(tmp_path)
    add_golden(folder)
    said: list[str] = []
    made = tune(read_subject(folder), CORE, Policy(), TINY, said.append)
    record = json.loads(json.dumps(made.record, allow_nan=False))
    names = [entry["candidate"] for entry in record["candidates"]]
    assert names[0] == "default"
    assert record["choice"]["candidate"] in names
    assert parse_runtime(record["choice"]["runtime"]) == made.choice.runtime
    assert record["model"]["digest"] == digest_bytes((folder / "model.onnx").read_bytes())
    assert record["machine"]["cores"] == CORE
    assert record["questions"] == {"from": "golden.json", "count": 1}
    assert record["tolerance"]["absolute"] == 0.01
    for entry in record["candidates"]:
        assert entry["rounds"] == 2
        assert entry["largest_difference"] <= 1e-5
        assert 0 < entry["p50_ms"] <= entry["p95_ms"]
        assert entry["batch_p50_ms"] > 0
        assert entry["verdict"]
    assert len(said) == 2 * len(names)


def test_a_probe_takes_text_and_every_datatype(tmp_path: Path) -> None:
    folder = echo_model(tmp_path)
    made = tune(read_subject(folder), CORE, Policy(), TINY, lambda _: None)
    assert made.record["questions"]["from"] == "made up"
    assert not any(m.refused for m in made.measurements)


def test_other_answers_are_refused_with_the_largest_difference(tmp_path: Path) -> None:
    subject = read_subject(taxi_model(tmp_path / "a"))
    other = taxi_model(tmp_path / "b", per_mile=900.0) / "model.onnx"
    tried = [Candidate("default", DEFAULT_RUNTIME), Candidate("other", DEFAULT_RUNTIME, "other")]
    graphs = {AS_BUILT: subject.model, "other": other}
    good, bad = measure(subject, tried, graphs, CORE, TINY, lambda _: None)
    assert not good.refused
    assert len(good.rounds) == 2
    assert bad.refused.startswith("the largest difference is ")
    assert bad.largest_difference is not None
    assert bad.largest_difference > 1
    assert len(bad.rounds) == 1, "a refused candidate is not measured again"
    same = {AS_BUILT: subject.model, "other": subject.model}
    assert not any(m.refused for m in measure(subject, tried, same, CORE, TINY, lambda _: None))


def test_a_candidate_that_fails_is_refused_and_the_others_go_on(tmp_path: Path) -> None:
    subject = read_subject(taxi_model(tmp_path))
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    tried = [Candidate("default", DEFAULT_RUNTIME), Candidate("broken", DEFAULT_RUNTIME, "broken")]
    graphs = {AS_BUILT: subject.model, "broken": tmp_path / "broken.onnx"}
    good, broken = measure(subject, tried, graphs, CORE, TINY, lambda _: None)
    assert len(good.rounds) == 2
    assert "the model cannot be opened" in broken.refused
    with pytest.raises(ConfigurationError, match="cannot be measured"):
        measure(subject, tried[1:], graphs, CORE, TINY, lambda _: None)


def test_a_model_that_misses_its_golden_answers_is_not_tuned(tmp_path: Path) -> None:
    folder = taxi_model(tmp_path)
    add_golden(folder, fare=99.0)
    with pytest.raises(ParityFailed, match="golden answers: the largest difference is 93"):
        tune(read_subject(folder), CORE, Policy(), TINY, lambda _: None)


def test_a_probe_has_a_deadline_and_its_own_cores(tmp_path: Path) -> None:
    subject = read_subject(taxi_model(tmp_path))
    questions.save(tmp_path / "q.npz", subject.questions)
    files = str(subject.model), DEFAULT_RUNTIME.as_json(), str(tmp_path / "q.npz")
    job = Job(*files, str(tmp_path / "a.npz"), ("fare",), tuple(CORE), 5, None, 0.1)
    before = os.sched_getaffinity(0)
    measured = run_probe(job, 60)
    assert isinstance(measured, Round)
    assert measured.batch_p50_ms is None
    assert os.sched_getaffinity(0) == before
    nowhere = run_probe(dataclasses.replace(job, cores=(4095,)), 60)
    assert isinstance(nowhere, str)
    assert "OSError" in nowhere
    assert run_probe(job, 0.001) == "it took longer than 0.001 s"


def test_a_folder_that_is_not_sound_is_refused(tmp_path: Path) -> None:
    folder = taxi_model(tmp_path / "m")
    add_golden(folder)
    read_subject(folder)
    wrong: list[dict[str, Any]] = [
        {"model_digest": "sha256:" + "0" * 64},
        {"requests": []},
        {"requests": [{"inputs": {"distance": [1]}, "outputs": {"fare": [5.5]}}]},
        {"requests": [{"inputs": {"distance": [1], "passengers": [1]}, "outputs": {"tip": [1]}}]},
        {"tolerance": {"absolute": -1}},
    ]
    for more in wrong:
        add_golden(folder, **more)
        with pytest.raises(EdgeAssetsError, match=r"golden\.json"):
            read_subject(folder)
    (folder / "golden.json").write_text("{")
    with pytest.raises(ConfigurationError, match=r"golden\.json"):
        read_subject(folder)
    (folder / "golden.json").unlink()
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(IntegrityError):
        read_subject(folder)
    shutil.rmtree(folder)
    with pytest.raises(EdgeAssetsError, match=r"model\.json cannot be read"):
        read_subject(folder)


def test_calibration_rows_come_after_the_golden_ones(tmp_path: Path) -> None:
    folder = taxi_model(tmp_path)
    add_golden(folder)
    rows = {"distance": np.ones((3, 1), "f4"), "passengers": np.ones((3, 1), "i8")}
    np.savez(tmp_path / "rows.npz", allow_pickle=False, **rows)
    subject = read_subject(folder, tmp_path / "rows.npz", tolerance=0.5, agreement=0.9)
    assert (len(subject.questions), len(subject.golden_answers)) == (4, 1)
    assert subject.origin == "golden.json and rows.npz"
    assert (subject.tolerance.absolute, subject.tolerance.agreement) == (0.5, 0.9)
    assert subject.real
    assert not read_subject(echo_model(tmp_path / "e")).real


def run_module(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "inference_service.tune", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_device_prints_its_record(tmp_path: Path) -> None:
    folder = taxi_model(tmp_path)
    few = ("--cores", str(CORE[0]), "--rounds", "1", "--runs", "5")
    done = run_module("--model", str(folder), *few)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["machine"]["cores"] == CORE
    assert "round 1 of 1: default" in done.stderr
    done = run_module("--model", str(tmp_path / "none"), *few)
    assert (done.returncode, done.stdout) == (1, "")
    assert "model.json cannot be read" in done.stderr
    done = run_module("--model", str(folder), "--max-memory", "1", *few)
    assert (done.returncode, done.stdout) == (3, "")


def test_the_device_needs_nothing_but_onnxruntime_and_numpy(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom inference_service.tune.__main__ import main\n"
        "import inference_service.tune.probe\n"
        "heavy = {'onnx', 'grpc', 'google', 'click', 'edge_assets'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
