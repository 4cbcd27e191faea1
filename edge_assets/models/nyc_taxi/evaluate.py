"""How good the model is on rows that it has not seen."""

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

from edge_assets.models.nyc_taxi.columns import TARGET
from edge_assets.models.nyc_taxi.train import predict


def evaluate(
    model: HistGradientBoostingRegressor, rows: pd.DataFrame, *, target: str = TARGET
) -> dict[str, float]:
    """`rmse`, `mae`, `median_absolute_error` in dollars, `r2`, and the number of `rows`.

    The median stays what it is when a single absurd fare ruins RMSE and R2. `r2` is NaN where all
    fares are the same, and every figure is NaN without rows; a floor closes on NaN.
    """
    actual = rows[target].to_numpy(dtype=np.float64)
    if len(actual) == 0:
        nan = float("nan")
        return {"rmse": nan, "mae": nan, "median_absolute_error": nan, "r2": nan, "rows": 0.0}
    error = predict(model, rows).astype(np.float64) - actual
    spread = float(np.sum((actual - actual.mean()) ** 2))
    return {
        "rmse": float(np.sqrt(np.mean(error**2))),
        "mae": float(np.mean(np.abs(error))),
        "median_absolute_error": float(np.median(np.abs(error))),
        "r2": 1 - float(np.sum(error**2)) / spread if spread > 0 else float("nan"),
        "rows": float(len(actual)),
    }
