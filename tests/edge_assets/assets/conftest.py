"""A workbench on an empty state directory: the real definitions, without hub or devices."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from edge_assets.chain import Chain
from edge_assets.factory import build_definitions, load_chains
from edge_assets.operate import Tick, failure, instance_at, materialize, tick
from protos.errors import EdgeAssetsError
from resources.platform import Platform

MODELS = Path(__file__).parents[3] / "edge_assets" / "models"
ROWS = 1200


@dataclass
class Bench:
    """The chain of one edge model on a state directory of its own."""

    home: Path
    chain: Chain
    defs: dg.Definitions
    instance: dg.DagsterInstance
    platform: Platform

    def land(self, name: str, content: bytes) -> Path:
        """Puts a delivery into the landing folder, long enough ago to be settled."""
        path = self.home / "landing" / "nyc_taxi" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (1.7e9, 1.7e9))
        return path

    def sample(self, seed: int, rows: int = ROWS, shift: str = "none") -> pd.DataFrame:
        """Synthetic trips in the public schema."""
        frame: pd.DataFrame = self.chain.function("sample")(rows, seed, shift)
        return frame

    def tick(self, sensor: str, cursor: str | None = None) -> Tick:
        """One tick of a sensor."""
        return tick(self.defs, self.instance, f"nyc_taxi_{sensor}", cursor)

    def run(self, *assets: str, **arguments: Any) -> EdgeAssetsError | None:
        """Materializes assets; the error that ended the run, None when it succeeded."""
        keys = [self.chain.key(asset) for asset in assets]
        return failure(materialize(self.defs, self.instance, keys, **arguments))

    def accept(self, name: str, frame: pd.DataFrame) -> None:
        """Lands a batch and takes it in, as sensor and daemon do."""
        self.land(name, frame.to_csv(index=False).encode())
        assert name in self.tick("new_data").partitions
        assert self.run("raw_batch", partition=name) is None

    def document(self, asset: str, partition: str | None = None) -> dict[str, Any]:
        """The newest document of an asset."""
        from edge_assets.lineage import required

        digest = required(self.instance, self.chain.key(asset), partition)
        return self.platform.artifacts.get_document(digest)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """An empty workbench with a quick training: what is tested is the chain."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    chain = load_chains(MODELS)[0]
    quick = chain.config.model_copy(update={"training": {"max_iter": 40, "seed": 1, "threads": 1}})
    monkeypatch.setattr("edge_assets.factory.load_model_config", lambda path: quick)
    platform = Platform({"EDGE_HOME": str(tmp_path)})
    defs = build_definitions(MODELS, platform)
    instance = instance_at(tmp_path)
    yield Bench(tmp_path, Chain(quick), defs, instance, platform)
    instance.dispose()
