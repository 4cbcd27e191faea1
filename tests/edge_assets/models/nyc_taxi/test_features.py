import numpy as np
import pandas as pd
import pytest

from edge_assets.core.holdout import Split
from edge_assets.models.nyc_taxi.features import FEATURES, build


def test_features_of_a_trip(tables: Split) -> None:
    row = tables.train.head(1).assign(
        pickup_datetime=1451692799,  # Friday 2016-01-01 23:59:59
        dropoff_datetime=1451692799 + 600,
        distance=np.float32(3.0),
        pickup_longitude=np.float32(np.nan),
    )
    made = build(row).iloc[0]
    assert made["pickup_weekday"] == 4
    assert (made["pickup_hour"], made["pickup_minute"], made["pickup_second"]) == (23, 59, 59)
    assert (made["dropoff_weekday"], made["dropoff_monthday"]) == (5, 2)
    assert made["duration"] == 600
    assert made["speed"] == pytest.approx(18.0)
    assert np.isnan(made["straight_distance"])
    assert np.isnan(made["detour"])


def test_all_are_float32_and_chosen_by_name(tables: Split) -> None:
    made = build(tables.train)
    assert list(made.columns) == list(FEATURES)
    assert {str(dtype) for dtype in made.dtypes} == {"float32"}
    assert made.index.equals(tables.train.index)
    few = build(tables.train, features=["speed", "distance"])
    pd.testing.assert_frame_equal(few, made[["speed", "distance"]])


def test_a_feature_that_is_none_is_refused(tables: Split) -> None:
    with pytest.raises(ValueError, match="no such feature: tip"):
        build(tables.train, features=["tip"])


def test_a_ride_that_ends_before_it_begins_has_no_negative_duration(tables: Split) -> None:
    row = tables.train.head(1)
    made = build(row.assign(dropoff_datetime=row["pickup_datetime"] - 5))
    assert made["duration"].tolist() == [0.0]
    assert np.isfinite(made["speed"]).all()
