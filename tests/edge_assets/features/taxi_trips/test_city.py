from dataclasses import FrozenInstanceError
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from edge_assets.features.taxi_trips.city import MILES_PER_DEGREE, City
from tests.edge_assets.features.taxi_trips.cities import CITIES, Trips

GOOD: dict[str, Any] = {
    "name": "Somewhere",
    "zone": "UTC",
    "middle_latitude": 1.0,
    "longitude": (-1.0, 1.0),
    "latitude": (0.5, 1.5),
}


def test_a_city_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        City(**GOOD).name = "Elsewhere"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"longitude": (1.0, -1.0)}, "bound no city"),
        ({"longitude": (-181.0, 1.0)}, "bound no city"),
        ({"latitude": (0.5, 91.0)}, "bound no city"),
        ({"latitude": (float("nan"), 1.5)}, "bound no city"),
        ({"middle_latitude": 2.0}, "not within its bounds"),
        ({"units_per_degree": 0.0}, "has to have a length"),
    ],
)
def test_what_is_no_city(change: dict[str, Any], told: str) -> None:
    assert City(**GOOD).units_per_degree == MILES_PER_DEGREE
    with pytest.raises(ValueError, match=f"Somewhere: .*{told}"):
        City(**{**GOOD, **change})


@pytest.mark.parametrize("trips", CITIES, ids=str)
def test_the_cosine_is_good_enough_all_over_the_city(trips: Trips) -> None:
    city = trips.city
    latitudes = np.linspace(*city.latitude, 1000)
    told = city.cosine + city.cosine_slope * (latitudes - city.middle_latitude)
    assert np.abs(told - np.cos(np.radians(latitudes))).max() < 1e-5


@pytest.mark.parametrize("trips", CITIES, ids=str)
def test_its_clock_is_known(trips: Trips) -> None:
    assert ZoneInfo(trips.city.zone).key == trips.city.zone


def test_only_one_of_them_lies_on_the_zero_meridian() -> None:
    assert [trips.model for trips in CITIES if trips.city.on_the_zero_meridian] == ["london_taxi"]
