"""What the trees see of a trip through London: the features of `taxi_trips`, for its columns."""

from collections.abc import Sequence

import pandas as pd

from edge_assets.features.taxi_trips.build import build as build_features
from edge_assets.features.taxi_trips.build import feature_names
from edge_assets.models.london_taxi.columns import INPUTS, LONDON

FEATURES = feature_names(INPUTS)
"""Names of all features, in the order of the matrix that the trees get by default."""


def build(rows: pd.DataFrame, *, features: Sequence[str] = FEATURES) -> pd.DataFrame:
    """The `features` of `rows` (columns as `clean` keeps them), float32, with the same index.

    Distances are in miles. Raises ValueError when a name in `features` is none of `FEATURES`.
    """
    return build_features(rows, city=LONDON, inputs=INPUTS, features=features)
