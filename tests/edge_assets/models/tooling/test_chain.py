"""The chain itself makes of deliveries what a device serves, typed contract included."""

import os
import shutil
from pathlib import Path

import dagster as dg
import pytest

from edge_assets.chain import Chain
from edge_assets.edge_model import EdgeModel
from edge_assets.factory import build_definitions
from edge_assets.lineage import required
from edge_assets.operate import failure, instance_at, materialize, tick
from inference_service.contracts import load_contract
from inference_service.description import parse_description
from resources.platform import Platform
from tests.edge_assets.bench import REGISTRY

ASSETS = ("dataset", "trained_model", "onnx_model")


def test_from_deliveries_to_the_served_folder(
    tooling: EdgeModel, tmp_path: Path, blank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(blank, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    chain = Chain(tooling)
    platform = Platform({"EDGE_HOME": str(tmp_path), "EDGE_REGISTRY": REGISTRY})
    definitions = build_definitions([tooling.folder], platform)
    instance = instance_at(tmp_path)
    try:
        for place in (1, 2):
            landed = tmp_path / "landing" / "tooling" / f"{place}.csv"
            landed.parent.mkdir(parents=True, exist_ok=True)
            tooling.sample(1000, place, "none").to_csv(landed, index=False)
            os.utime(landed, (1.7e9, 1.7e9))
        partitions = tick(definitions, instance, "tooling_new_data", None).partitions
        assert sorted(partitions) == ["1.csv", "2.csv"]
        for name in partitions:
            _run(definitions, instance, chain, ["raw_batch"], name)
        _run(definitions, instance, chain, ASSETS)
        trained, onnx = (
            platform.artifacts.get_document(required(instance, chain.key(asset)))
            for asset in ASSETS[1:]
        )
        assert trained["metrics"]["accuracy"] > 0.86
        assert all(
            gate["passed"] for document in (trained, onnx) for gate in document["gates"].values()
        )
        assert {
            "model.onnx",
            "model.json",
            "golden.json",
            "contract.proto",
            "contract.binpb",
        } == set(onnx["files"])
        for name, digest in onnx["files"].items():
            (tmp_path / name).write_bytes(platform.artifacts.get_bytes(digest))
        description = parse_description((tmp_path / "model.json").read_bytes())
        contract = load_contract(tmp_path, description)
        assert contract is not None
        assert list(contract.methods) == ["/tooling.Inference/GetRecommendation"]
    finally:
        instance.dispose()


def _run(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    chain: Chain,
    assets: list[str] | tuple[str, ...],
    partition: str | None = None,
) -> None:
    keys = [chain.key(asset) for asset in assets]
    error = failure(materialize(definitions, instance, keys, partition=partition))
    assert error is None, error
