"""Fits gradient-boosted trees to the fares."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from edge_assets.features.taxi_trips import trees
from edge_assets.models.nyc_taxi.columns import INPUTS, NEW_YORK, TARGET
from edge_assets.models.nyc_taxi.features import FEATURES


def train(
    rows: pd.DataFrame,
    *,
    features: Sequence[str] = FEATURES,
    target: str = TARGET,
    max_iter: int = 250,
    learning_rate: float = 0.08,
    max_leaf_nodes: int = 31,
    min_samples_leaf: int = 10,
    l2_regularization: float = 1.0,
    seed: int = 42,
    threads: int = 1,
) -> HistGradientBoostingRegressor:
    """The model fitted to `rows` (as `clean` keeps them); the same rows give the same model.

    There is no early stopping: it would hold back rows that the holdout already stands for. Least
    squares, because a bill that is far off is worse than two that are a little off. `target` is
    in dollars. The model keeps the names of its features in `feature_names_in_`.
    """
    model = HistGradientBoostingRegressor(
        loss="squared_error",
        max_iter=max_iter,
        learning_rate=learning_rate,
        max_leaf_nodes=max_leaf_nodes,
        min_samples_leaf=min_samples_leaf,
        l2_regularization=l2_regularization,
        early_stopping=False,
        random_state=seed,
    )
    return trees.fit(
        model,
        rows,
        city=NEW_YORK,
        inputs=INPUTS,
        features=features,
        target=target,
        threads=threads,
    )


def predict(
    model: HistGradientBoostingRegressor, rows: pd.DataFrame, *, threads: int = 1
) -> NDArray[np.float32]:
    """The fares of `rows` in dollars, float32 of shape (rows,)."""
    return trees.predict(model, rows, city=NEW_YORK, inputs=INPUTS, threads=threads)
