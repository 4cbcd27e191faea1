"""Gradient-boosted trees on the features: fitted, asked and converted in one place.

Training, prediction and the ONNX artifact take their features from here and nowhere else.
"""

import copy
from collections.abc import Sequence

import numpy as np
import onnx
import pandas as pd
from numpy.typing import NDArray
from onnx import compose
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from edge_assets.features.taxi_trips.build import build
from edge_assets.features.taxi_trips.city import City
from edge_assets.features.taxi_trips.graph import MATRIX, preprocessing
from edge_assets.graphs import IR_VERSION, OPSETS, use_opsets


def fit(
    model: HistGradientBoostingRegressor,
    rows: pd.DataFrame,
    *,
    city: City,
    inputs: Sequence[str],
    features: Sequence[str],
    target: str,
    threads: int = 1,
) -> HistGradientBoostingRegressor:
    """`model`, fitted to `rows` as `clean` keeps them; it keeps the names of its features.

    More `threads` pay from about a million rows on; on fewer, where other processes want the same
    cores, the threads wait for each other many times longer than they work.
    """
    matrix = build(rows, city=city, inputs=inputs, features=features)
    with threadpool_limits(limits=threads, user_api="openmp"):
        return model.fit(matrix, rows[target].to_numpy(dtype=np.float64))


def predict(
    model: HistGradientBoostingRegressor,
    rows: pd.DataFrame,
    *,
    city: City,
    inputs: Sequence[str],
    threads: int = 1,
) -> NDArray[np.float32]:
    """The predictions for `rows`, float32 of shape (rows,)."""
    if rows.empty:  # scikit-learn refuses to answer nothing; a device answers it
        return np.empty(0, dtype=np.float32)
    matrix = build(rows, city=city, inputs=inputs, features=_features(model))
    with threadpool_limits(limits=threads, user_api="openmp"):
        answers: NDArray[np.float32] = model.predict(matrix).astype(np.float32)
    return answers


def to_onnx(
    model: HistGradientBoostingRegressor,
    *,
    city: City,
    inputs: Sequence[str],
    target: str,
    name: str,
) -> onnx.ModelProto:
    """`model` with its preprocessing as ONNX; equal models give equal bytes.

    Inputs are the columns of the dataset, each [rows, 1], int64 or float32 with NaN for an unknown
    position; the output `target` is float32 [rows, 1]. `rows` is free. Predictions differ from
    those of `predict` only by adding up in single precision.
    """
    features = _features(model)
    trees = convert_sklearn(
        _with_single_precision_thresholds(model),
        name=target,
        initial_types=[(MATRIX, FloatTensorType([None, len(features)]))],
        target_opset=OPSETS,
    )
    trees.ir_version = IR_VERSION
    use_opsets(trees)
    head = preprocessing(city=city, inputs=inputs, features=features)
    joined = compose.merge_models(
        compose.add_prefix(head, "prepare_", rename_inputs=False),
        compose.add_prefix(trees, "trees_"),
        io_map=[(f"prepare_{MATRIX}", f"trees_{MATRIX}")],
        name=name,
        producer_name="edge-assets",
    )
    _rename_output(joined, target)
    onnx.checker.check_model(joined, full_check=True)
    return joined


def _features(model: HistGradientBoostingRegressor) -> list[str]:
    return [str(name) for name in model.feature_names_in_]


def _with_single_precision_thresholds(
    model: HistGradientBoostingRegressor,
) -> HistGradientBoostingRegressor:
    """A copy whose thresholds are the next float32 at or below.

    The trees compare float32 features with float64 thresholds; ONNX has float32 for both. Rounding
    to the nearest could lift a threshold onto the next feature value, and send rows with exactly
    that value to the other side. Rounded down, `x <= threshold` is the same for every float32 x.
    """
    rounded = copy.deepcopy(model)
    for trees in rounded._predictors:
        for tree in trees:
            tree.nodes["num_threshold"] = floor32(tree.nodes["num_threshold"])
    return rounded


def floor32(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest float32 at or below each value, as float64."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    below = np.nextafter(single, np.float32(-np.inf))
    return np.where(single.astype(np.float64) > values, below, single).astype(np.float64)


def _rename_output(model: onnx.ModelProto, name: str) -> None:
    (output,) = model.graph.output
    for node in model.graph.node:
        for position, made in enumerate(node.output):
            if made == output.name:
                node.output[position] = name
    rows = model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    output.CopyFrom(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [rows, 1]))
