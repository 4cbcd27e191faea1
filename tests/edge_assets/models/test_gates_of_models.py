"""Of every shipped edge model: its chain makes an artifact of its sample, and each gate can close.

Trained is twice for each: once as it is shipped, and once, shortly, on labels in disorder.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edge_assets.core.config_data import PROBABILITIES
from edge_assets.edge_model import EdgeModel
from edge_assets.onnx_session import run
from edge_assets.operate import failure
from protos.errors import GateClosed
from sensors.drift import RETRAINED
from tests.edge_assets.bench import Bench, opened_bench
from tests.edge_assets.models.gates_helpers import (
    FOLDERS,
    batch_of,
    change,
    model_of_its_own,
    skip_without_its_flavour,
    verdicts,
)
from tests.edge_assets.models.proven_helpers import (
    Proven,
    draw_nothing,
    judge_window,
    pretend_release_of,
    run_chain,
)

GATES = (
    "usable_rows",
    "one_preparation",
    "leakage",
    "metric_floors",
    "champion",
    "parity",
    "model_size",
)


@pytest.fixture(scope="module", params=FOLDERS)
def proven(
    request: pytest.FixtureRequest, blank: Path, tmp_path_factory: pytest.TempPathFactory
) -> Proven:
    """A chain in the good case."""
    name = str(request.param)
    skip_without_its_flavour(model_of_its_own(name))
    return run_chain(name, blank, tmp_path_factory.mktemp(name))


@pytest.fixture(scope="module")
def misled(proven: Proven, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Proven:
    """A chain whose labels say nothing."""
    return run_chain(proven.name, blank, tmp_path_factory.mktemp("misled"), mislead=True)


@pytest.fixture
def bench(proven: Proven, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """After the good case; whoever trains on its dataset again gets the same model.

    No image is built or pushed, not even behind a gate that should be closed.
    """

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("an image was built behind a closed gate")

    assert proven.error is None, proven.error
    draw_nothing(monkeypatch)
    monkeypatch.setattr("resources.images.builder.build_image", never)
    monkeypatch.setattr(EdgeModel, "train", lambda *_: proven.trained)
    model = model_of_its_own(proven.name)
    with opened_bench(tmp_path, proven.home, monkeypatch, model) as opened:
        yield opened


def refuse(bench: Bench, made: str, gate: str, behind: str) -> str:
    """The gate of `made` closes, it alone, and what lies behind is refused; its reason."""
    before = bench.newest(behind)
    made_again = bench.materialize(made)
    judged = verdicts(made_again)
    assert [name for name, passed in judged.items() if not passed] == [gate]
    reason: str = bench.document(made)["gates"][gate]["reason"]
    closed = failure(made_again)
    assert isinstance(closed, GateClosed), closed
    assert f"the gate {bench.chain.name}/{made}: {gate} is closed: {reason}" in str(closed)
    later = bench.run(behind)
    assert isinstance(later, GateClosed), later
    assert f"the gate '{gate}' of its {made} is closed: {reason}" in str(later)
    assert bench.newest(behind) == before
    return reason


def answers_of(model: EdgeModel, proven: Proven, rows: pd.DataFrame) -> dict[str, Any]:
    """What the released artifact answers."""
    return dict(run(model.config, proven.onnx, rows))


def test_a_delivery_becomes_an_artifact_past_every_gate(proven: Proven) -> None:
    model = model_of_its_own(proven.name)
    assert proven.error is None, proven.error
    assert proven.asked == (batch_of(model, "first"),)
    classes = ("every_class",) if model.config.prediction.classes else ()
    assert proven.gates == dict.fromkeys((*GATES, *classes), True)
    stored = [gate for made in proven.documents.values() for gate in made["gates"].items()]
    assert [name for name, gate in stored if not gate["passed"]] == []
    assert {name for name, _ in stored} == {*GATES, *classes} - {"usable_rows", "one_preparation"}
    metrics = proven.documents["trained_model"]["metrics"]
    for name, floor in model.config.floors.items():
        low = -math.inf if floor.min is None else floor.min
        high = math.inf if floor.max is None else floor.max
        assert low <= metrics[name] <= high, name
    assert proven.documents["onnx_model"]["bytes"] == len(proven.onnx)


def test_labels_without_meaning_miss_the_floors(
    misled: Proven, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(misled.error, GateClosed), misled.error
    assert [name for name, passed in misled.gates.items() if not passed] == ["metric_floors"]
    made = misled.documents["trained_model"]
    missed = made["gates"]["metric_floors"]["reason"]
    assert f"{misled.name}/trained_model: metric_floors is closed: {missed}" in str(misled.error)
    assert "rows is" not in missed, "they are enough, and say nothing"
    assert "onnx_model" not in misled.documents
    model = model_of_its_own(misled.name)
    with opened_bench(tmp_path, misled.home, monkeypatch, model) as bench:
        later = bench.run("onnx_model")
        assert isinstance(later, GateClosed), later
        assert f"the gate 'metric_floors' of its trained_model is closed: {missed}" in str(later)
        assert bench.newest("onnx_model") is None


def test_as_good_as_the_champion_is_not_better(
    bench: Bench, proven: Proven, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives the champion's answers, to the last digit."""
    champion = bench.document("release")["model_digest"]
    bench.train_with(said="otherwise")
    monkeypatch.setattr(EdgeModel, "predict", lambda own, _, rows: answers_of(own, proven, rows))
    reason = refuse(bench, "trained_model", "champion", "onnx_model")
    assert bench.document("trained_model")["champion"] == champion
    assert reason.startswith("the gain is 0.00%, but only above 0.00% with ")


def test_better_by_less_than_rounding_is_not_better(
    bench: Bench, proven: Proven, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The champion answers in single precision, a candidate often in double."""

    def closer(own: EdgeModel, _: Any, rows: pd.DataFrame) -> dict[str, Any]:
        told = answers_of(own, proven, rows)
        classes, target = own.config.prediction.classes, own.config.prediction.target
        name = PROBABILITIES if classes else target
        actual = rows[target].to_numpy().reshape(-1, 1)
        truth = actual == np.array([classes], dtype=actual.dtype) if classes else actual
        return {**told, name: told[name] + 1e-8 * (truth - told[name].astype(np.float64))}

    bench.train_with(said="otherwise")
    monkeypatch.setattr(EdgeModel, "predict", closer)
    refuse(bench, "trained_model", "champion", "onnx_model")


def test_better_than_the_champion_replaces_it(bench: Bench, misled: Proven) -> None:
    champion = pretend_release_of(bench, misled)
    assert bench.run("trained_model") is None
    made = bench.document("trained_model")
    assert made["champion"] == champion
    assert made["gates"]["champion"]["passed"]
    assert "smaller, with" in made["gates"]["champion"]["reason"]


def test_an_artifact_of_another_training_is_refused(
    bench: Bench, misled: Proven, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EdgeModel, "to_onnx", lambda *_: misled.onnx)
    reason = refuse(bench, "onnx_model", "parity", "container_image")
    assert "largest" in reason


def test_an_artifact_beyond_the_budget_is_refused(
    bench: Bench, proven: Proven, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EdgeModel, "to_onnx", lambda *_: proven.onnx)
    change(bench, budget={"model_bytes": 10})
    reason = refuse(bench, "onnx_model", "model_size", "container_image")
    assert reason == f"{len(proven.onnx)} of 10 bytes"


def test_a_shift_of_the_world_asks_for_one_training(bench: Bench, proven: Proven) -> None:
    config = bench.chain.config
    assert config.sample.shifts, "its sample knows no shift"
    rows, shift = 3 * config.drift.min_rows // 2, config.sample.shifts[0]

    def judged(number: int, shift: str) -> dict[str, Any]:
        seen = bench.cleaned(number + 2, rows, shift)
        judgement = judge_window(bench, number, proven.onnx, seen)
        document = bench.document("drift_report")
        assert document["window_rows"] == len(seen) >= config.drift.min_rows
        assert verdicts(judgement) == {"drift": document["verdict"] != "drift"}
        return document

    assert judged(1, "none")["verdict"] == "no drift"
    calm = bench.tick("drift")
    assert calm.run_requests == []
    assert calm.skipped.endswith(": no drift")

    drifted = judged(2, shift)
    assert drifted["verdict"] == "drift", drifted["reason"]
    (asked,) = bench.tick("drift", calm.cursor).run_requests
    assert asked.asset_selection == [bench.chain.key(asset) for asset in RETRAINED]
    assert asked.tags["window"] == drifted["window"]
    assert asked.tags["drift-column"] in drifted["drifted"]
    again = bench.tick("drift", bench.tick("drift", calm.cursor).cursor)
    assert again.run_requests == []
    assert "asked for already" in again.skipped
