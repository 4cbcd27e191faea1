"""`edgectl model tune` on small folders and on an edge model's artifact, with tiny counts."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from edgectl.model import tune
from inference_service.description import parse_description
from inference_service.runtime_options import parse_runtime
from inference_service.tune.choose import FIGURES
from inference_service.tune.subject import read_subject
from protos.digests import digest_bytes
from tests.edge_assets.bench import Bench, make_blank, opened_bench
from tests.edge_assets.tuning import halvable
from tests.edge_assets.tuning.networks import calibration, network
from tests.inference_service.models import taxi_model

from .conftest import Runner

FEW = ("--cores", "0", "--rounds", "1", "--runs", "5")


def test_a_folder_is_tuned_beside_itself(tmp_path: Path, edgectl: Runner) -> None:
    folder = taxi_model(tmp_path / "taxi")
    done = edgectl("model", "tune", str(folder), *FEW)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].split() == ["candidate", "p50", "p95", "batch", "cpu", "load", "MB", "verdict"]
    assert any(line.startswith("default ") for line in lines)
    assert lines[-1] == f"folder  {tmp_path / 'taxi-tuned'}"
    assert "round 1 of 1: prepared" in done.err
    recorded = json.loads((tmp_path / "taxi-tuned" / "tuning.json").read_bytes())
    made = parse_description((tmp_path / "taxi-tuned" / "model.json").read_bytes())
    assert made.runtime.as_json() == recorded["choice"]["runtime"]
    assert made.digest == digest_bytes((tmp_path / "taxi-tuned" / "model.onnx").read_bytes())
    assert "runtime" not in json.loads((folder / "model.json").read_bytes())


def test_json_is_the_record(tmp_path: Path, edgectl: Runner) -> None:
    folder = taxi_model(tmp_path / "taxi")
    done = edgectl("model", "tune", str(folder), "--in-place", "--json", *FEW)
    assert done.code == 0, done.err
    assert done.json["folder"] == str(folder)
    assert done.json["candidates"][0]["candidate"] == "default"
    assert "runtime" in json.loads((folder / "model.json").read_bytes())


def test_8_bits_are_tried_when_asked_for(tmp_path: Path, edgectl: Runner) -> None:
    folder, rows = network(tmp_path / "net"), calibration(tmp_path / "rows.npz")
    options = ("--int8", "--calibration", str(rows), "--json", *FEW)
    done = edgectl("model", "tune", str(folder), "--tolerance", "1e-9", *options)
    assert done.code == 0, done.err
    verdicts = {entry["candidate"]: entry["verdict"] for entry in done.json["candidates"]}
    assert verdicts["int8"].startswith("refused: the largest difference is ")
    loose = ("--tolerance", "0.05", "--out", str(tmp_path / "loose"))
    done = edgectl("model", "tune", str(folder), *loose, *options)
    verdicts = {entry["candidate"]: entry["verdict"] for entry in done.json["candidates"]}
    assert not verdicts["int8"].startswith("refused")
    done = edgectl("model", "tune", str(folder), "--out", str(tmp_path / "plain"), "--json", *FEW)
    assert "int8" not in {entry["candidate"] for entry in done.json["candidates"]}


def test_8_bits_need_rows(tmp_path: Path, edgectl: Runner) -> None:
    done = edgectl("model", "tune", str(network(tmp_path / "net")), "--int8", *FEW)
    assert (done.code, done.out) == (2, "")
    assert "--calibration FILE.npz" in done.err
    assert not (tmp_path / "net-tuned").exists()


def test_16_bits_are_tried_when_asked_for(tmp_path: Path, edgectl: Runner) -> None:
    folder, rows = halvable.regression(tmp_path / "net"), halvable.calibration(tmp_path / "r.npz")
    options = ("--fp16", "--for", "size", "--calibration", str(rows), *FEW)
    done = edgectl("model", "tune", str(folder), "--tolerance", "1e-9", "--json", *options)
    assert done.code == 0, done.err
    assert done.json["choice"]["candidate"] != "fp16"
    (entry,) = [e for e in done.json["candidates"] if e["candidate"] == "fp16"]
    assert entry["verdict"].startswith("refused: with every value rounded, the largest difference")
    assert done.json["fp16"]["bytes_after"] == entry["model_bytes"]
    made = tmp_path / "small"
    loose = ("--tolerance", "0.01", "--out", str(made))
    done = edgectl("model", "tune", str(folder), *loose, *options)
    assert done.code == 0, done.err
    (line,) = [line for line in done.out.splitlines() if "largest difference" in line]
    size, before = ((path / "model.onnx").stat().st_size for path in (made, folder))
    assert line.startswith(f"fp16  {size} of {before} bytes ({size / before:.0%}), ")
    assert line.endswith(" times the default's")
    assert "chosen  fp16: size of the file is " in done.out
    record = json.loads((made / "tuning.json").read_bytes())
    assert (record["fp16"]["nodes"], record["fp16"]["left"]) == (5, {})
    assert read_subject(made).description.digest == record["tuned_digest"]


def test_what_cannot_be_of_16_bits_is_told(tmp_path: Path, edgectl: Runner) -> None:
    done = edgectl("model", "tune", str(taxi_model(tmp_path / "taxi")), "--fp16", *FEW)
    assert (done.code, done.out) == (2, "")
    assert "cannot be made of float16" in done.err
    large = halvable.regression(tmp_path / "large", weigh=1e6)
    done = edgectl("model", "tune", str(large), "--fp16", *FEW)
    assert (done.code, done.out) == (3, "")
    assert "float16 holds 6e-08 to 65504" in done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["large", "taxi"]


def test_what_fits_no_budget_is_refused(tmp_path: Path, edgectl: Runner) -> None:
    folder = str(taxi_model(tmp_path / "taxi"))
    done = edgectl("model", "tune", folder, "--max-model", "10", *FEW)
    assert (done.code, done.out) == (3, "")
    assert "no candidate fits" in done.err
    assert not (tmp_path / "taxi-tuned").exists()
    assert edgectl("model", "tune", folder, "--max-model", "100000", *FEW).code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("taxi", "--out", "taken"), "is there already"),
        (("taxi", "--in-place", "--out", "new"), "--in-place changes a model folder"),
        (("nowhere/at-all",), "there is no model folder"),
        (("taxi", "--cores", "4000"), "the cores are '4000'"),
        (("taxi", "--for", "luck"), "luck"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_measured(
    tmp_path: Path,
    edgectl: Runner,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    taxi_model(tmp_path / "taxi")
    (tmp_path / "taken").mkdir()
    done = edgectl("model", "tune", *arguments)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert "round 1" not in done.err


@pytest.fixture
def bench(tmp_path: Path, clean: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    level = logging.getLogger("dagster").level
    monkeypatch.setenv("DAGSTER_HOME", "")
    with opened_bench(tmp_path, make_blank(tmp_path / "blank"), monkeypatch) as opened:
        for module in ("edgectl.chain", "resources.platform"):
            monkeypatch.setattr(f"{module}.Platform", lambda: opened.platform)
        yield opened
    logging.getLogger("dagster").setLevel(level)


def test_the_newest_artifact_of_an_edge_model_is_tuned(
    bench: Bench, tmp_path: Path, edgectl: Runner
) -> None:
    folder, store = taxi_model(tmp_path / "built"), bench.platform.artifacts
    files = {path.name: store.put_bytes(path.read_bytes()) for path in folder.iterdir()}
    bench.pretend("onnx_model", {"files": files})
    out = tmp_path / "tuned"
    done = edgectl("model", "tune", "nyc_taxi", "--out", str(out), *FEW)
    assert done.code == 0, done.err
    record = json.loads((out / "tuning.json").read_bytes())
    assert record["policy"]["memory_bytes"] == bench.chain.config.device.memory_bytes
    assert "runtime: {intra_op_threads: " in done.err
    (line,) = [line for line in done.err.splitlines() if "runtime: {" in line]
    told = yaml.safe_load(line.strip())
    assert parse_runtime(told["runtime"]).as_json() == record["choice"]["runtime"]
    done = edgectl("model", "tune", "nyc_taxi", "--in-place", *FEW)
    assert (done.code, done.out) == (2, "")
    assert edgectl("model", "tune", "unknown_model", *FEW).code == 2


def test_the_objectives_are_those_of_the_core() -> None:
    (objective,) = [p for p in tune.params if p.name == "objective"]
    assert isinstance(objective.type, click.Choice)
    assert list(objective.type.choices) == list(FIGURES)
    assert "Example" in (tune.epilog or "")
