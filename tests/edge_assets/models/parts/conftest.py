"""The edge model `parts` with a short training: trained once for all tests."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from edge_assets.chain import Chain
from edge_assets.core.config_schema import Floor
from edge_assets.core.folders import SHIPPED
from edge_assets.core.holdout import Split, split
from edge_assets.edge_model import EdgeModel
from edge_assets.factory import build_definitions
from edge_assets.models.parts.sample import sample
from edge_assets.onnx_session import run
from edge_assets.operate import Tick, instance_at, tick
from resources.platform import Platform
from tests.edge_assets.bench import REGISTRY, Bench

os.environ["KERAS_BACKEND"] = "torch"
FOLDER = SHIPPED / "parts"
QUICK = {"epochs": 20, "filters": 12, "learning_rate": 0.004}

collect_ignore = [] if find_spec("keras") else ["test_train.py", "test_chain.py"]


class Trained(NamedTuple):
    """A model that learned from a delivery, its artifact, and what was held out."""

    edge_model: EdgeModel
    model: Any
    onnx: bytes
    rows: Split

    def asked(self, rows: pd.DataFrame) -> dict[str, np.ndarray[Any, Any]]:
        """What the artifact answers."""
        return dict(run(self.edge_model.config, self.onnx, rows))


def quick() -> EdgeModel:
    """The edge model with few epochs, and floors that a model of so little data reaches."""
    loaded = EdgeModel.load(FOLDER)
    changes = {
        "training": {**loaded.config.training, **QUICK},
        "floors": {"accuracy": Floor(min=0.85), "rows": Floor(min=50)},
    }
    return EdgeModel(loaded.config.model_copy(update=changes), FOLDER)


@pytest.fixture(scope="session")
def trained() -> Trained:
    edge_model = quick()
    rows = edge_model.prepare(edge_model.sample_rows(900, 1, "none")).kept
    parts = split(rows, columns=["image"], share=0.2, seed=42)
    model = edge_model.train(parts.train)
    return Trained(edge_model, model, edge_model.to_onnx(model), parts)


class PartsBench(Bench):
    """A workbench whose deliveries are folders."""

    def deliver(self, name: str, files: dict[str, bytes], settled: bool = True) -> Path:
        """Puts a folder into the landing folder, by default long enough ago to be settled."""
        folder = self.home / "landing" / "parts" / name
        for path, content in files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        if settled:
            for each in (folder, *folder.rglob("*")):
                os.utime(each, (1.7e9, 1.7e9))
        return folder

    def look(self) -> Tick:
        """One tick of the sensor for new data."""
        return tick(self.defs, self.instance, "parts_new_data", None)


@contextmanager
def opened(home: Path, blank: Path) -> Iterator[PartsBench]:
    """An empty workbench with the edge model `parts`."""
    shutil.copytree(blank, home, dirs_exist_ok=True)
    model = quick()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        patch.setattr("edge_assets.factory.EdgeModel.load", lambda folder: model)
        platform = Platform({"EDGE_HOME": str(home), "EDGE_REGISTRY": REGISTRY})
        definitions = build_definitions([FOLDER], platform)
        bench = PartsBench(home, Chain(model), definitions, instance_at(home), platform)
        try:
            yield bench
        finally:
            bench.instance.dispose()


@pytest.fixture
def parts_bench(tmp_path: Path, blank: Path) -> Iterator[PartsBench]:
    with opened(tmp_path, blank) as bench:
        yield bench


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory, blank: Path, trained: Trained
) -> Iterator[PartsBench]:
    """A workbench on which the real assets have made a model; it was trained before."""
    with (
        opened(tmp_path_factory.mktemp("made"), blank) as bench,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(EdgeModel, "train", lambda self, rows: trained.model)
        bench.deliver("monday", sample(500, 1))
        bench.look()
        assert bench.run("raw_batch", partition="monday") is None
        for asset in ("dataset", "trained_model", "onnx_model"):
            failed = bench.run(asset)
            assert failed is None, failed
        yield bench
