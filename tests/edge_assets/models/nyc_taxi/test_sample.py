from typing import cast

import pandas as pd
import pytest

from edge_assets.models.nyc_taxi.prepare import clean, standardise
from edge_assets.models.nyc_taxi.sample import Shift, sample


def _kept(shift: Shift = "none", rows: int = 4000, seed: int = 3) -> pd.DataFrame:
    return clean(standardise(sample(rows, seed, shift))).kept


def test_the_same_seed_gives_the_same_rows_and_another_others() -> None:
    pd.testing.assert_frame_equal(sample(50, 1), sample(50, 1))
    assert not sample(50, 1).equals(sample(50, 2))


def test_it_has_the_public_columns() -> None:
    raw = sample(10, 1)
    assert len(raw.columns) == 23
    assert {"vendorID", "lpepPickupDatetime", "fareAmount", "tipAmount"} <= set(raw.columns)
    assert len(raw) == 10


def test_trips_are_believable() -> None:
    trips = _kept()
    duration = trips["dropoff_datetime"] - trips["pickup_datetime"]
    assert 1.2 < trips["distance"].median() < 2.5
    assert 5 < duration.median() / 60 < 15
    assert 7 < trips["fare"].median() < 11
    assert (trips["fare"] >= 2.5).all()
    flat = trips[trips["rate_code"] == 2]
    assert 10 < len(flat) < 120
    assert (flat["fare"] == 52.0).all()


def test_the_distance_is_longer_after_the_shift_and_hours_are_the_same() -> None:
    usual, longer = _kept(), _kept("distance")
    assert 1.8 < longer["distance"].median() / usual["distance"].median() < 3.2
    assert abs(_night(longer) - _night(usual)) < 0.05


def test_the_hours_are_others_after_the_shift_and_the_distance_is_the_same() -> None:
    usual, later = _kept(), _kept("hours")
    assert _night(usual) < 0.2
    assert _night(later) > 0.6
    assert 0.9 < later["distance"].median() / usual["distance"].median() < 1.1


def _night(trips: pd.DataFrame) -> float:
    return float((trips["pickup_datetime"] % 86_400 // 3600 < 6).mean())


def test_pickups_are_in_the_days_that_were_asked_for() -> None:
    trips = clean(standardise(sample(500, 1, start="2016-02-28", days=3))).kept
    days = pd.to_datetime(trips["pickup_datetime"], unit="s").dt.strftime("%m-%d")
    assert set(days) == {"02-28", "02-29", "03-01"}


def test_the_share_of_broken_rows_is_an_argument() -> None:
    assert len(clean(standardise(sample(2000, 1, bad_share=0.0))).set_aside) == 0
    broken = clean(standardise(sample(2000, 1, bad_share=1.0)))
    assert len(broken.kept) < 20
    assert len(broken.reasons) == 9


def test_some_positions_are_unknown_and_kept() -> None:
    trips = _kept()
    assert 0 < trips["pickup_longitude"].isna().sum() < 60


def test_no_rows() -> None:
    assert sample(0, 1).empty


@pytest.mark.parametrize(
    "arguments", [{"rows": -1}, {"rows": 1, "days": 0}, {"rows": 1, "bad_share": 1.1}]
)
def test_refuses_arguments_out_of_range(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        sample(**{"seed": 1, **arguments})  # type: ignore[arg-type]


def test_refuses_an_unknown_shift() -> None:
    with pytest.raises(ValueError, match="none of"):
        sample(1, 1, cast("Shift", "weather"))
