"""One trained model and its rows for all tests of this folder."""

import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from edge_assets.core.holdout import Split, split
from edge_assets.models.nyc_taxi.columns import INPUTS
from edge_assets.models.nyc_taxi.prepare import clean, standardise
from edge_assets.models.nyc_taxi.sample import Shift, sample
from edge_assets.models.nyc_taxi.train import train


def trips(rows: int, seed: int, shift: Shift = "none") -> pd.DataFrame:
    return clean(standardise(sample(rows, seed, shift))).kept


@pytest.fixture(scope="session")
def tables() -> Split:
    return split(trips(6500, 1), columns=INPUTS, share=0.2, seed=42)


@pytest.fixture(scope="session")
def shifted() -> Split:
    return split(trips(3000, 2, "distance"), columns=INPUTS, share=0.3, seed=42)


@pytest.fixture(scope="session")
def model(tables: Split) -> HistGradientBoostingRegressor:
    return train(tables.train)
