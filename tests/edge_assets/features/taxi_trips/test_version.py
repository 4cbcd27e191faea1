"""What each version of the features is worth: nobody changes it without saying so."""

import hashlib

import numpy as np
import pytest

from edge_assets.features.taxi_trips import VERSION
from edge_assets.features.taxi_trips.build import build
from tests.edge_assets.features.taxi_trips.cities import CITIES, Trips, any_row

VALUES = {
    ("1", "nyc_taxi"): "2e2f4d77cbb42d10",
    ("1", "london_taxi"): "7f6f6531169afb62",
}
"""The digest of the names and values of all features of the trips below."""


def fingerprint(trips: Trips) -> str:
    rng = np.random.default_rng(7)
    digest = hashlib.sha256()
    for _ in range(50):
        start = int(rng.integers(1_400_000_000, 1_600_000_000))
        row = any_row(
            trips.inputs,
            pickup_datetime=start,
            dropoff_datetime=start + int(rng.integers(30, 7200)),
            distance=float(rng.uniform(0.1, 40)),
            pickup_longitude=float(rng.uniform(*trips.city.longitude)),
            pickup_latitude=float(rng.uniform(*trips.city.latitude)),
            dropoff_longitude=float(rng.uniform(*trips.city.longitude)),
            dropoff_latitude=float(rng.uniform(*trips.city.latitude)),
        )
        made = build(row, city=trips.city, inputs=trips.inputs)
        digest.update(",".join(made.columns).encode() + made.to_numpy().tobytes())
    return digest.hexdigest()[:16]


@pytest.mark.parametrize("trips", CITIES, ids=str)
def test_features_with_other_values_need_another_version(trips: Trips) -> None:
    assert fingerprint(trips) == VALUES.get((VERSION, trips.model)), (
        "if this is meant: raise VERSION, add its values here, and let every model.yaml that uses "
        "the features ask for it"
    )
