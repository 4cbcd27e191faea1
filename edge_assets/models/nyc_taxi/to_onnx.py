"""The trained model as one ONNX graph: raw columns in, the fare out."""

import copy

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import compose
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import HistGradientBoostingRegressor

from edge_assets.models.nyc_taxi.columns import TARGET
from edge_assets.models.nyc_taxi.graph import IR_VERSION, MATRIX, OPSETS, preprocessing


def to_onnx(model: HistGradientBoostingRegressor) -> onnx.ModelProto:
    """`model` with its preprocessing as ONNX; equal models give equal bytes.

    Inputs are the thirteen columns of the dataset, each [rows, 1], int64 or float32 with NaN for
    an unknown position; the output `fare` is float32 [rows, 1], in dollars. `rows` is free.
    Predictions differ from those of `train.predict` only by adding up in single precision.
    """
    names = [str(name) for name in model.feature_names_in_]
    trees = convert_sklearn(
        _with_single_precision_thresholds(model),
        name="fare",
        initial_types=[(MATRIX, FloatTensorType([None, len(names)]))],
        target_opset=OPSETS,
    )
    trees.ir_version = IR_VERSION
    _use_opsets(trees)
    head = compose.add_prefix(preprocessing(names), "prepare_", rename_inputs=False)
    joined = compose.merge_models(
        head,
        compose.add_prefix(trees, "trees_"),
        io_map=[(f"prepare_{MATRIX}", f"trees_{MATRIX}")],
        name="nyc_taxi",
        producer_name="edge-assets",
    )
    _rename_output(joined, TARGET)
    onnx.checker.check_model(joined, full_check=True)
    return joined


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
            tree.nodes["num_threshold"] = _floor32(tree.nodes["num_threshold"])
    return rounded


def _floor32(values: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    below = np.nextafter(single, np.float32(-np.inf))
    return np.where(single.astype(np.float64) > values, below, single).astype(np.float64)


def _use_opsets(model: onnx.ModelProto) -> None:
    """The converter writes the lowest opsets that do; joining asks for equal ones on both sides."""
    del model.opset_import[:]
    model.opset_import.extend(
        onnx.helper.make_opsetid(domain, version) for domain, version in OPSETS.items()
    )


def _rename_output(model: onnx.ModelProto, name: str) -> None:
    (output,) = model.graph.output
    for node in model.graph.node:
        for position, made in enumerate(node.output):
            if made == output.name:
                node.output[position] = name
    rows = model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    output.CopyFrom(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [rows, 1]))
