"""One trained network, its rows and its ONNX artifact for all tests of this folder."""

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from edge_assets.core.holdout import Split, split
from edge_assets.edge_model import EdgeModel
from edge_assets.models import compliance

if TYPE_CHECKING:
    from edge_assets.models.compliance.network import ComplianceNet

EDGE_MODEL = EdgeModel.load(Path(compliance.__file__).parent)
NEEDS_TORCH = "torch is not installed: pip install -e '.[deep]'"


def made_up(rows: int, seed: int, shift: str = "none") -> pd.DataFrame:
    return EDGE_MODEL.prepare(EDGE_MODEL.sample_rows(rows, seed, shift)).kept


def divided(rows: pd.DataFrame) -> Split:
    holdout = EDGE_MODEL.config.holdout
    return split(rows, columns=["description"], share=holdout.share, seed=holdout.seed)


@pytest.fixture(scope="session")
def edge_model() -> EdgeModel:
    return EDGE_MODEL


@pytest.fixture(scope="session")
def tables() -> Split:
    return divided(made_up(15_000, 1))


@pytest.fixture(scope="session")
def shifted() -> Split:
    return divided(made_up(3000, 2, "supplier"))


@pytest.fixture(scope="session")
def model(tables: Split, tmp_path_factory: pytest.TempPathFactory) -> "ComplianceNet":
    """As a candidate is trained: minutes, so once for all processes of a run."""
    pytest.importorskip("torch", reason=NEEDS_TORCH)
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    with (shared / "compliance.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stored = shared / "compliance.bin"
        if not stored.exists():
            stored.write_bytes(EDGE_MODEL.dump(EDGE_MODEL.train(tables.train)))
    trained: ComplianceNet = EDGE_MODEL.load_trained(stored.read_bytes())
    return trained


@pytest.fixture(scope="session")
def small(tables: Split) -> "ComplianceNet":
    """Hardly trained: for what is not about accuracy."""
    pytest.importorskip("torch", reason=NEEDS_TORCH)
    from edge_assets.models.compliance.train import train

    return train(tables.train.head(600), epochs=2, augment=0)


@pytest.fixture(scope="session")
def artifact(model: "ComplianceNet") -> bytes:
    pytest.importorskip("onnxscript", reason=NEEDS_TORCH)
    return EDGE_MODEL.to_onnx(model)
