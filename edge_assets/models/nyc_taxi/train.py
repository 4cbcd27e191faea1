"""Fits gradient-boosted trees to the fares."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from edge_assets.models.nyc_taxi.columns import TARGET
from edge_assets.models.nyc_taxi.features import FEATURES, build


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

    More `threads` pay from about a million rows on; on fewer, where other processes want the same
    cores, the threads wait for each other many times longer than they work.
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
    with threadpool_limits(limits=threads, user_api="openmp"):
        return model.fit(build(rows, features=features), rows[target].to_numpy(dtype=np.float64))


def predict(
    model: HistGradientBoostingRegressor, rows: pd.DataFrame, *, threads: int = 1
) -> NDArray[np.float32]:
    """The fares of `rows` in dollars, float32 of shape (rows,)."""
    matrix = build(rows, features=[str(name) for name in model.feature_names_in_])
    with threadpool_limits(limits=threads, user_api="openmp"):
        fares: NDArray[np.float32] = model.predict(matrix).astype(np.float32)
    return fares
