"""One trained model and its rows for all tests of this folder."""

import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from edge_assets.core.folders import SHIPPED
from edge_assets.core.holdout import Split, split
from edge_assets.edge_model import EdgeModel
from edge_assets.models.london_taxi.columns import INPUTS
from edge_assets.models.london_taxi.sample import Shift
from edge_assets.models.london_taxi.train import train

EDGE_MODEL = EdgeModel.load(SHIPPED / "london_taxi")


def trips(rows: int, seed: int, shift: Shift = "none") -> pd.DataFrame:
    """Synthetic trips as the factory keeps them: prepared, and checked against the schema."""
    return EDGE_MODEL.prepare(EDGE_MODEL.sample_rows(rows, seed, shift)).kept


@pytest.fixture(scope="session")
def london() -> EdgeModel:
    return EDGE_MODEL


@pytest.fixture(scope="session")
def tables() -> Split:
    return split(trips(5000, 1), columns=INPUTS, share=0.2, seed=42)


@pytest.fixture(scope="session")
def shifted() -> Split:
    return split(trips(4000, 2, "distance"), columns=INPUTS, share=0.2, seed=42)


@pytest.fixture(scope="session")
def model(tables: Split) -> HistGradientBoostingRegressor:
    return train(tables.train)
