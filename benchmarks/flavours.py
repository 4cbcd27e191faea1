"""How much faster the ONNX artifact answers than the library that trained the model.

    .venv/bin/python benchmarks/flavours.py

For each flavour that is installed a small model is trained, stored, loaded again and converted, as
the chain does. Then both are asked in turns, on one thread, for one row and for 1000 rows: the
library in its fastest usual way, the artifact with one array for each column, as a device has them.
A ratio is the median time of the library over that of the artifact; above 1 the
artifact is faster. The goal is that for one row, which is what devices are asked, it is at least 1.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

os.environ.update(ORT_DISABLE_TELEMETRY="1", OMP_NUM_THREADS="1", KERAS_BACKEND="torch")

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edge_assets.core.config_schema import ModelConfig
from edge_assets.edge_model import EdgeModel
from edge_assets.flavours import flavour_of
from protos.errors import ConfigurationError

SECONDS = 1.5
"""For each pair, both sides together."""
BATCHES = (1, 1000)
GOAL = 1.0
COLUMNS = 8
TRAINED = 2000


def config(flavour: str) -> ModelConfig:
    """A regression on `COLUMNS` numbers."""
    shipped = Path(__file__).parents[1] / "edge_assets" / "models" / "nyc_taxi"
    plain = EdgeModel.load(shipped).config.model_dump()
    columns = [{"name": f"x{place}", "datatype": "FP32"} for place in range(COLUMNS)]
    return ModelConfig.model_validate(
        {
            **plain,
            "name": "benchmark",
            "flavour": flavour,
            "prediction": {"asked_for": "in a benchmark", "target": "y"},
            "data": {"source": "made up", "landing": "benchmark", "columns": columns},
            "drift": {
                **plain["drift"],
                **dict.fromkeys(("categorical", "clocks", "durations", "texts", "images"), ()),
                "columns": ["x0"],
            },
        }
    )


def table(rows: int) -> tuple[pd.DataFrame, "pd.Series[float]"]:
    """Numbers, and a target that depends on them."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=(rows, COLUMNS)).astype(np.float32)
    frame = pd.DataFrame(values, columns=[f"x{place}" for place in range(COLUMNS)])
    return frame, frame["x0"] * 2 + np.sin(3 * frame["x1"]) + frame["x2"] * frame["x3"]


class Asked(NamedTuple):
    """A trained model, what makes it again without weights, and how its library is asked."""

    model: Any
    restore: Callable[[dict[str, Any]], Any] | None
    ask: Callable[[Any, pd.DataFrame], Callable[[], object]]


def _matrix(rows: pd.DataFrame) -> NDArray[np.float32]:
    return rows.to_numpy(dtype=np.float32)


def sklearn_model(rows: pd.DataFrame, y: "pd.Series[float]") -> Asked:
    """Boosted trees of scikit-learn, asked with a DataFrame."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(max_iter=100).fit(rows, y)
    return Asked(model, None, lambda model, few: lambda: model.predict(few))


def lightgbm_model(rows: pd.DataFrame, y: "pd.Series[float]") -> Asked:
    """Boosted trees of LightGBM, asked with a matrix: a DataFrame takes it twice as long."""
    import lightgbm

    model = lightgbm.LGBMRegressor(n_estimators=100, n_jobs=1, verbose=-1).fit(rows, y)

    def ask(model: Any, few: pd.DataFrame) -> Callable[[], object]:
        matrix = _matrix(few)
        return lambda: model.predict(matrix, num_threads=1)

    return Asked(model, None, ask)


def xgboost_model(rows: pd.DataFrame, y: "pd.Series[float]") -> Asked:
    """Boosted trees of XGBoost, asked in place, which is its fastest way."""
    import xgboost

    model = xgboost.XGBRegressor(n_estimators=100, n_jobs=1).fit(rows, y)

    def ask(model: Any, few: pd.DataFrame) -> Callable[[], object]:
        matrix = _matrix(few)
        return lambda: model.inplace_predict(matrix, validate_features=False)

    return Asked(model, None, ask)


def torch_model(rows: pd.DataFrame, y: "pd.Series[float]") -> Asked:
    """A network of PyTorch, asked without gradients; what it learned does not change its speed."""
    import torch

    torch.set_num_threads(1)

    def restore(meta: dict[str, Any]) -> Any:
        model = torch.nn.Sequential(
            torch.nn.Linear(COLUMNS, meta["width"]),
            torch.nn.ReLU(),
            torch.nn.Linear(meta["width"], 1),
        )
        model.meta = meta  # type: ignore[assignment]
        return model

    def ask(model: Any, few: pd.DataFrame) -> Callable[[], object]:
        matrix = torch.from_numpy(_matrix(few))

        def answer() -> object:
            with torch.no_grad():
                return model(matrix)

        return answer

    return Asked(restore({"width": 64}), restore, ask)


def keras_model(rows: pd.DataFrame, y: "pd.Series[float]") -> Asked:
    """The same network of Keras on PyTorch, asked as a function: `predict` takes far longer."""
    import keras

    layers = [keras.layers.Dense(64, activation="relu"), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((COLUMNS,)), *layers])

    def ask(model: Any, few: pd.DataFrame) -> Callable[[], object]:
        matrix = _matrix(few)
        return lambda: model(matrix, training=False)

    return Asked(model, None, ask)


MODELS: dict[str, Callable[[pd.DataFrame, "pd.Series[float]"], Asked]] = {
    "sklearn": sklearn_model,
    "lightgbm": lightgbm_model,
    "xgboost": xgboost_model,
    "torch": torch_model,
    "keras": keras_model,
}


def medians(one: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """The median seconds of each, asked in turns for `SECONDS`."""
    times: tuple[list[float], list[float]] = ([], [])
    for warm in (one, other):
        warm()
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(times[0]) < 20:
        for measured, call in zip(times, (one, other), strict=True):
            start = time.perf_counter()
            call()
            measured.append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])


def measure(name: str) -> dict[str, Any]:
    """The figures of one flavour, by the number of rows. Raises ConfigurationError without it."""
    import onnxruntime

    from edge_assets.onnx_session import feeds

    flavour, described = flavour_of(name), config(name)
    rows, y = table(TRAINED)
    made = MODELS[name](rows, y)
    model = flavour.load(flavour.dump(made.model), made.restore)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        flavour.to_onnx(model, described).SerializeToString(),
        options,
        providers=["CPUExecutionProvider"],
    )
    found = {}
    for count in BATCHES:
        few = rows.head(count)
        ((_, feed),) = feeds(described, few)
        native, onnx = medians(made.ask(model, few), partial(session.run, None, feed))
        found[f"{count} rows"] = {
            "library_us": round(native * 1e6, 1),
            "onnx_us": round(onnx * 1e6, 1),
            "ratio": round(native / onnx, 2),
        }
    return found


def main() -> None:
    """Measures and prints one JSON object."""
    found: dict[str, Any] = {}
    for name in MODELS:
        try:
            found[name] = measure(name)
        except ConfigurationError as error:
            found[name] = {"skipped": str(error)}
    ratios = [each["1 rows"]["ratio"] for each in found.values() if "skipped" not in each]
    print(json.dumps({"flavours": found, "goal": f"1 rows: ratio >= {GOAL}"}, indent=1))
    sys.exit(0 if ratios and min(ratios) >= GOAL else 1)


if __name__ == "__main__":
    main()
