"""The tuned folder: complete, with its own digest, and readable by the service."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_assets.core.config import load_model_config
from edge_assets.core.config_schema import Runtime
from edge_assets.core.model_folder import model_json
from edge_assets.tuning.folders import tuned_description, tuned_golden, write_tuned
from inference_service.description import parse_description
from inference_service.runtime_options import DEFAULT_RUNTIME, RuntimeOptions
from inference_service.tune.choose import Choice
from inference_service.tune.subject import read_subject
from inference_service.tune.tuning import Tuning
from protos.digests import digest_bytes
from protos.errors import ConfigurationError, Unavailable
from protos.golden import Golden
from tests.inference_service.models import taxi_model

OPTIONS = RuntimeOptions(intra_op_threads=2, memory_arena=False)
TUNING = Tuning(
    (),
    Choice("2 threads", OPTIONS, "it is quicker", {}),
    {"choice": {"why": "it is quicker"}, "tolerance": {"absolute": 0.5, "relative": 0.25}},
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = taxi_model(tmp_path / "taxi")
    request = {"inputs": {"distance": [1], "passengers": [1]}, "outputs": {"fare": [5.5]}}
    golden = {
        "model_digest": json.loads((folder / "model.json").read_bytes())["digest"],
        "tolerance": {"absolute": 0.01, "relative": 0},
        "latency_budget_ms": 50,
        "requests": [request],
    }
    (folder / "golden.json").write_text(json.dumps(golden))
    return folder


def described(folder: Path) -> Any:
    return parse_description((folder / "model.json").read_bytes())


def test_the_same_graph_keeps_its_digest(source: Path, tmp_path: Path) -> None:
    before = (source / "golden.json").read_bytes()
    write_tuned(source, tmp_path / "tuned", source / "model.onnx", TUNING)
    made = described(tmp_path / "tuned")
    assert made.runtime == OPTIONS
    assert made == replace(described(source), runtime=OPTIONS)
    assert (tmp_path / "tuned" / "golden.json").read_bytes() == before
    recorded = json.loads((tmp_path / "tuned" / "tuning.json").read_bytes())
    assert recorded["tuned_digest"] == made.digest
    assert recorded["choice"]["why"] == "it is quicker"
    assert described(source).runtime == DEFAULT_RUNTIME, "the source was not touched"


def test_a_new_graph_has_a_new_digest_everywhere(source: Path, tmp_path: Path) -> None:
    graph = taxi_model(tmp_path / "other", per_mile=2.51) / "model.onnx"
    write_tuned(source, tmp_path / "tuned", graph, TUNING)
    made, digest = described(tmp_path / "tuned"), digest_bytes(graph.read_bytes())
    assert (made.digest, made.version) == (digest, digest.removeprefix("sha256:")[:12])
    golden = Golden.load(tmp_path / "tuned" / "golden.json")
    assert golden.model_digest == digest
    assert (golden.tolerance.absolute, golden.tolerance.relative) == (0.5, 0.25)
    read_subject(tmp_path / "tuned")  # digests fit


def test_in_place_the_folder_itself_changes(source: Path, tmp_path: Path) -> None:
    graph = taxi_model(tmp_path / "other", per_mile=2.51) / "model.onnx"
    write_tuned(source, source, graph, TUNING)
    assert read_subject(source).description.runtime == OPTIONS
    assert sorted(path.name for path in source.iterdir()) == [
        "golden.json",
        "model.json",
        "model.onnx",
        "tuning.json",
    ]


def test_another_folder_is_never_overwritten(source: Path, tmp_path: Path) -> None:
    (tmp_path / "tuned").mkdir()
    with pytest.raises(ConfigurationError, match="there already"):
        write_tuned(source, tmp_path / "tuned", source / "model.onnx", TUNING)
    assert list((tmp_path / "tuned").iterdir()) == []


def test_a_folder_that_cannot_be_written_leaves_nothing(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable, match="was not written"):
        write_tuned(source, tmp_path / "file" / "tuned", source / "model.onnx", TUNING)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taxi"]


def test_other_fields_are_kept() -> None:
    before = {"name": "m", "digest": "sha256:" + "a" * 64, "version": "aaa", "licence": "x"}
    same = tuned_description(before, {"batching": False}, before["digest"])
    assert same == {**before, "runtime": {"batching": False}}
    assert tuned_golden({"requests": [1]}, "d", 0.1, 0.2)["requests"] == [1]


def test_model_yaml_hands_the_options_on() -> None:
    path = Path(__file__).parents[3] / "edge_assets" / "models" / "nyc_taxi" / "model.yaml"
    config, digest = load_model_config(path), "sha256:" + "a1" * 32
    chosen = Runtime(intra_op_threads=2, memory_arena=False)
    tuned = config.model_copy(update={"runtime": chosen})
    read = parse_description(json.dumps(model_json(tuned, digest)).encode())
    assert read.runtime == OPTIONS
    if config.runtime is None:
        assert "runtime" not in model_json(config, digest)
