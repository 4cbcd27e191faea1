import calendar
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assets.core.holdout import Split
from edge_assets.models.nyc_taxi.features import FEATURES, build, clock, straight_distance

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)))
def test_the_calendar_is_that_of_the_standard_library(moment: datetime) -> None:
    seconds = (moment.replace(tzinfo=UTC, microsecond=0) - EPOCH) // timedelta(seconds=1)
    parts = {name: int(values[0]) for name, values in clock(np.array([seconds])).items()}
    assert parts == {
        "weekday": calendar.weekday(moment.year, moment.month, moment.day),
        "month": moment.month,
        "monthday": moment.day,
        "hour": moment.hour,
        "minute": moment.minute,
        "second": moment.second,
    }


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


def test_the_plane_is_as_good_as_the_sphere_within_the_city() -> None:
    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(-74.09, -73.72, (2, 5000)), rng.uniform(40.53, 40.88, (2, 5000))
    lon, lat = lon.astype(np.float32), lat.astype(np.float32)
    a, b = np.radians(lat.astype(float))
    lambda_a, lambda_b = np.radians(lon.astype(float))
    haversine = (
        np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin((lambda_b - lambda_a) / 2) ** 2
    )
    sphere = 2 * 3958.7613 * np.arcsin(np.sqrt(haversine))
    plane = straight_distance(lon[0], lat[0], lon[1], lat[1])
    assert plane.dtype == np.float32
    assert np.abs(plane - sphere).max() < 1e-3
    assert (np.abs(plane - sphere) / sphere).max() < 1e-4


def test_a_ride_that_ends_before_it_begins_has_no_negative_duration(tables: Split) -> None:
    row = tables.train.head(1)
    made = build(row.assign(dropoff_datetime=row["pickup_datetime"] - 5))
    assert made["duration"].tolist() == [0.0]
    assert np.isfinite(made["speed"]).all()
