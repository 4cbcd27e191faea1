"""The real assets of London, from a delivery to the ONNX artifact, with its real training."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from edge_assets.assets.feature_set import key_of
from edge_assets.chain import Chain
from edge_assets.edge_model import EdgeModel
from edge_assets.factory import build_definitions
from edge_assets.lineage import required
from edge_assets.operate import Tick, failure, instance_at, materialize, tick
from protos.errors import EdgeAssetsError
from resources.platform import Platform


class Bench:
    """The chain of London on a state directory of its own."""

    def __init__(self, home: Path, model: EdgeModel) -> None:
        self.landing = home / "landing" / "london_taxi"
        self.landing.mkdir(parents=True)
        self.chain = Chain(model)
        self.platform = Platform({"EDGE_HOME": str(home), "EDGE_REGISTRY": "localhost:5000"})
        self.defs = build_definitions([model.folder], self.platform)
        self.instance = instance_at(home)

    def run(self, *keys: dg.AssetKey, **arguments: Any) -> EdgeAssetsError | None:
        return failure(materialize(self.defs, self.instance, list(keys), **arguments))

    def land(self, name: str, content: bytes) -> Tick:
        """Puts a delivery into the landing folder, and lets the sensor see it."""
        file = self.landing / name
        file.write_bytes(content)
        os.utime(file, (1.7e9, 1.7e9))
        return tick(self.defs, self.instance, "london_taxi_new_data", None)

    def document(self, asset: str) -> dict[str, Any]:
        digest = required(self.instance, self.chain.key(asset))
        return self.platform.artifacts.get_document(digest)


@pytest.fixture
def bench(
    tmp_path: Path, blank: Path, london: EdgeModel, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    shutil.copytree(blank, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    made = Bench(tmp_path, london)
    yield made
    made.instance.dispose()


def test_a_delivery_becomes_an_artifact_past_every_gate(bench: Bench, london: EdgeModel) -> None:
    raw = london.sample_rows(2500, 21, "none")
    assert bench.land("june.csv", raw.to_csv(index=False).encode()).partitions == ("june.csv",)
    assert bench.run(bench.chain.key("raw_batch"), partition="june.csv") is None
    steps = ("dataset", "trained_model", "onnx_model")
    keys = [bench.chain.key(step) for step in steps]
    assert bench.run(key_of("taxi_trips"), *keys) is None
    for step in steps:
        gates = bench.document(step)["gates"]
        assert gates, step
        assert all(gate["passed"] for gate in gates.values()), gates
    features = required(bench.instance, key_of("taxi_trips"))
    assert bench.document("dataset")["inputs"]["features"] == features
    assert bench.document("onnx_model")["bytes"] < london.config.budget.model_bytes


def test_an_export_in_the_schema_of_new_york_is_quarantined(bench: Bench) -> None:
    ticked = bench.land("wrong.csv", b"vendorID,tripDistance,fareAmount\n1,2.0,9.5\n")
    assert ticked.partitions == ()
    assert "wrong.csv lacks columns: there is no journey_start" in str(ticked.skipped)
    assert not (bench.landing / "wrong.csv").exists()
