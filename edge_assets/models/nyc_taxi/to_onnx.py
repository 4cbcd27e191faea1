"""The trained model as one ONNX graph: raw columns in, the fare out."""

import onnx
from sklearn.ensemble import HistGradientBoostingRegressor

from edge_assets.features.taxi_trips import trees
from edge_assets.models.nyc_taxi.columns import INPUTS, NEW_YORK, TARGET


def to_onnx(model: HistGradientBoostingRegressor) -> onnx.ModelProto:
    """`model` with its preprocessing as ONNX: the thirteen columns in, `fare` in dollars out."""
    return trees.to_onnx(model, city=NEW_YORK, inputs=INPUTS, target=TARGET, name="nyc_taxi")
