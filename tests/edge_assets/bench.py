"""A workbench on an empty state directory: the real definitions, without devices.

What a test is not about can be stored as a document (`pretend`) instead of being made.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from edge_assets.chain import Chain
from edge_assets.core.folders import SHIPPED
from edge_assets.edge_model import EdgeModel
from edge_assets.factory import build_definitions
from edge_assets.frames import put_frame
from edge_assets.lineage import DOCUMENT, gate, newest, required
from edge_assets.operate import Tick, failure, instance_at, materialize, tick
from protos.digests import digest_bytes
from protos.errors import EdgeAssetsError
from resources.platform import Platform

FOLDER = SHIPPED / "nyc_taxi"
ROWS = 1200
QUICK = {"max_iter": 40, "seed": 1, "threads": 1}
REGISTRY = "localhost:5000"
OPEN = {"open": gate(True, "as it should be")}


@dataclass
class Bench:
    """The chain of one edge model on a state directory of its own."""

    home: Path
    chain: Chain
    defs: dg.Definitions
    instance: dg.DagsterInstance
    platform: Platform

    def land(self, name: str, content: bytes | Mapping[str, bytes]) -> Path:
        """Puts a delivery, a file or a folder, where it belongs; long enough ago to be settled."""
        path = self.home / "landing" / self.chain.config.data.landing / name
        files = {"": content} if isinstance(content, bytes) else content
        for below, part in files.items():
            (path / below).parent.mkdir(parents=True, exist_ok=True)
            (path / below).write_bytes(part)
        for each in (path, *path.rglob("*")):
            os.utime(each, (1.7e9, 1.7e9))
        return path

    def sample(self, seed: int, rows: int = ROWS, shift: str = "none") -> pd.DataFrame:
        """Made-up raw rows, of nyc_taxi trips in the public schema."""
        return self.chain.model.sample_rows(rows, seed, shift)

    def cleaned(self, seed: int, rows: int = ROWS, shift: str = "none") -> pd.DataFrame:
        """The same as the columns of the dataset."""
        return self.chain.model.prepare(self.sample(seed, rows, shift)).kept

    def tick(self, sensor: str, cursor: str | None = None) -> Tick:
        """One tick of a sensor."""
        return tick(self.defs, self.instance, f"{self.chain.name}_{sensor}", cursor)

    def materialize(self, *assets: str, **arguments: Any) -> dg.ExecuteInProcessResult:
        """Materializes assets in one run."""
        keys = [self.chain.key(asset) for asset in assets]
        return materialize(self.defs, self.instance, keys, **arguments)

    def run(self, *assets: str, **arguments: Any) -> EdgeAssetsError | None:
        """As `materialize`; the error that ended the run, None when it succeeded."""
        return failure(self.materialize(*assets, **arguments))

    def accept(self, name: str, made: pd.DataFrame | bytes | Mapping[str, bytes]) -> None:
        """Lands a batch and takes it in, as sensor and daemon do."""
        self.land(
            name, made.to_csv(index=False).encode() if isinstance(made, pd.DataFrame) else made
        )
        assert name in self.tick("new_data").partitions
        assert self.run("raw_batch", partition=name) is None

    def train_with(self, **changes: Any) -> None:
        """Other training parameters from now on."""
        training = self.chain.config.training
        assert isinstance(training, dict)
        training.update(changes)

    def newest(self, asset: str, partition: str | None = None) -> str | None:
        """The digest of the newest document of an asset."""
        return newest(self.instance, self.chain.key(asset), partition)

    def document(self, asset: str, partition: str | None = None) -> dict[str, Any]:
        """The newest document of an asset."""
        digest = required(self.instance, self.chain.key(asset), partition)
        return self.platform.artifacts.get_document(digest)

    def replace(self, name: str, adapter: object) -> None:
        """Puts an adapter in the place of the one that the platform would make."""
        self.platform.__dict__[name] = adapter

    def pretend(self, asset: str, document: Mapping[str, Any], partition: str | None = None) -> str:
        """Stores a document and tells Dagster that the asset was materialized; its digest."""
        known = {"kind": asset, "model": self.chain.name, "inputs": {}, "gates": OPEN}
        digest = self.platform.artifacts.put_document({**known, **document})
        self.instance.report_runless_asset_event(
            dg.AssetMaterialization(
                self.chain.key(asset), partition=partition, metadata={DOCUMENT: digest}
            )
        )
        return digest

    def pretend_image(
        self, name: str = "one", gates: Mapping[str, Any] = OPEN, train: str = "", bad: str = ""
    ) -> str:
        """A chain of documents up to an image; the gates of the asset `bad` are `gates`."""

        def open_or(asset: str) -> Mapping[str, Any]:
            return gates if asset == bad else OPEN

        batch = self.pretend(
            "raw_batch",
            {"batch": f"{name}.csv", "content": digest_of(name), "rows_in": 9, "rows_kept": 8},
            f"{name}.csv",
        )
        dataset = self.pretend(
            "dataset",
            {
                "inputs": {"raw_batch": [batch]},
                "batches": [f"{name}.csv"],
                "train": train,
                "holdout": train,
                "rows": {"train": 6, "holdout": 2},
                "gates": open_or("dataset"),
            },
        )
        trained = self.pretend(
            "trained_model",
            {
                "inputs": {"dataset": dataset},
                "metrics": {"rmse": 2.5},
                "estimator": digest_of(f"{name} estimator"),
                "gates": open_or("trained_model"),
            },
        )
        onnx = self.pretend(
            "onnx_model",
            {
                "inputs": {"trained_model": trained},
                "onnx": model_of(name),
                "gates": {"parity": gate(True, "all rows agree"), **open_or("onnx_model")},
            },
        )
        return self.pretend(
            "container_image",
            {
                "inputs": {"onnx_model": onnx},
                "image": image_of(name),
                "smoke_test_image": digest_of(f"{name} smoke test image"),
                "architecture": "amd64",
                "gates": open_or("container_image"),
            },
        )

    def approve(self, name: str = "one", **changes: str) -> EdgeAssetsError | None:
        """Releases the newest image by the real asset, by default as one does it right."""
        decision = {
            "approver": "Ada",
            "decision": "approve",
            "reason": "good",
            "image_digest": image_of(name),
        }
        return self.run("release", config={**decision, **changes})

    def release(self, name: str = "one", train: pd.DataFrame | None = None) -> str:
        """A release of pretended documents; `train` are the rows that it learned from."""
        rows = "" if train is None else put_frame(self.platform.artifacts, train)
        image = self.pretend_image(name, train=rows)
        previous = self.newest("release")
        number = self.document("release")["number"] + 1 if previous else 1
        return self.pretend(
            "release",
            {
                "number": number,
                "inputs": {"container_image": image},
                "previous": previous,
                "image": image_of(name),
                "smoke_test_image": digest_of(f"{name} smoke test image"),
                "model_digest": model_of(name),
                "approver": "Ada",
                "reason": "good",
                "time": "2026-01-01T00:00:00+00:00",
            },
        )


def digest_of(name: str) -> str:
    """The digest of something that is never opened."""
    return digest_bytes(name.encode())


def image_of(name: str) -> str:
    """The digest of a pretended image."""
    return digest_of(f"{name} image")


def model_of(name: str) -> str:
    """The digest of a pretended ONNX artifact."""
    return digest_of(f"{name} onnx")


def make_blank(home: Path) -> Path:
    """A home with an empty Dagster instance: a copy of it opens ten times as fast as a new one."""
    instance = instance_at(home)
    instance.all_asset_keys()
    instance.dispose()
    return home


def quick() -> EdgeModel:
    """The edge model of most tests with a quick training: what they are about is the chain."""
    loaded = EdgeModel.load(FOLDER)
    return EdgeModel(loaded.config.model_copy(update={"training": dict(QUICK)}), FOLDER)


@contextmanager
def opened_bench(
    home: Path, blank: Path, monkeypatch: pytest.MonkeyPatch, model: EdgeModel | None = None
) -> Iterator[Bench]:
    """A workbench with quick rollouts, of `quick` by default. `home` starts as a copy of `blank`,
    which may be the home of another bench as well: then its history goes on.
    """
    shutil.copytree(blank, home, dirs_exist_ok=True)
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))
    load, own = EdgeModel.load, model or quick()
    monkeypatch.setattr(EdgeModel, "load", lambda path: own if path == own.folder else load(path))
    platform = Platform({"EDGE_HOME": str(home), "EDGE_REGISTRY": REGISTRY})
    hasty = {"rollout_poll_seconds": 0.01, "soak_seconds_at_most": 0.0}
    definitions = build_definitions([own.folder], platform)
    bench = Bench(home, Chain(own), definitions, instance_at(home), platform)
    bench.replace("settings", platform.settings.model_copy(update=hasty))
    try:
        yield bench
    finally:
        bench.instance.dispose()
