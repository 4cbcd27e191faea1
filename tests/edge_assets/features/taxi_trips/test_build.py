import calendar
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assets.features.taxi_trips.build import (
    CLOCK,
    MEASURES,
    build,
    clock,
    feature_names,
    straight_distance,
)
from edge_assets.features.taxi_trips.columns import REQUIRED
from tests.edge_assets.features.taxi_trips.cities import CITIES, Trips

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


@pytest.mark.parametrize("trips", CITIES, ids=str)
def test_the_plane_is_as_good_as_the_sphere_within_the_city(trips: Trips) -> None:
    city, rng = trips.city, np.random.default_rng(0)
    lon = rng.uniform(*city.longitude, (2, 5000)).astype(np.float32)
    lat = rng.uniform(*city.latitude, (2, 5000)).astype(np.float32)
    a, b = np.radians(lat.astype(float))
    lambda_a, lambda_b = np.radians(lon.astype(float))
    haversine = (
        np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin((lambda_b - lambda_a) / 2) ** 2
    )
    sphere = 2 * 3958.7613 * np.arcsin(np.sqrt(haversine))
    plane = straight_distance(lon[0], lat[0], lon[1], lat[1], city=city)
    assert plane.dtype == np.float32
    assert np.abs(plane - sphere).max() < 2e-3
    assert (np.abs(plane - sphere) / sphere).max() < 1e-4


@pytest.mark.parametrize("trips", CITIES, ids=str)
def test_the_unit_of_distances_is_that_of_the_city(trips: Trips) -> None:
    rows = trips.rows(20)
    miles = build(rows, city=trips.city, inputs=trips.inputs)["straight_distance"]
    kilometres = build(rows, city=trips.in_kilometres(), inputs=trips.inputs)["straight_distance"]
    np.testing.assert_allclose(kilometres, miles * 1.609344, rtol=1e-6)


def test_names_begin_with_what_the_trip_itself_says() -> None:
    names = feature_names(("meter", *REQUIRED))
    assert names[:2] == ("meter", "distance")
    assert names[-4:] == MEASURES
    assert len(names) == 1 + 5 + 2 * len(CLOCK) + 4
    assert not {name for name in names if name.endswith("datetime")}


@pytest.mark.parametrize("gone", REQUIRED)
def test_a_column_that_features_are_made_of_cannot_be_missing(gone: str) -> None:
    with pytest.raises(ValueError, match=f"trips need the columns {gone}"):
        feature_names([name for name in REQUIRED if name != gone])
