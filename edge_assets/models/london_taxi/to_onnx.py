"""The trained model as one ONNX graph: raw columns in, the fare out."""

import onnx
from sklearn.ensemble import HistGradientBoostingRegressor

from edge_assets.features.taxi_trips import trees
from edge_assets.models.london_taxi.columns import INPUTS, LONDON, TARGET


def to_onnx(model: HistGradientBoostingRegressor) -> onnx.ModelProto:
    """`model` with its preprocessing as ONNX: the ten columns in, `fare` in pounds out."""
    return trees.to_onnx(model, city=LONDON, inputs=INPUTS, target=TARGET, name="london_taxi")
