from typing import cast

import numpy as np
import pandas as pd
import pytest

from edge_assets.core.prepared import Prepared
from edge_assets.models.london_taxi.prepare import prepare
from edge_assets.models.london_taxi.sample import Shift, sample
from edge_assets.models.london_taxi.sample_meter import MINIMUM, fare_of, tariff_of


def _made(shift: Shift = "none", rows: int = 4000, seed: int = 3) -> Prepared:
    return prepare(sample(rows, seed, shift))


def _seconds(moment: str) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.array([int(pd.Timestamp(moment).timestamp())], dtype=np.int64)


@pytest.mark.parametrize(
    ("moment", "tariff"),
    [
        ("2017-06-05 05:00:00", 1),  # a Monday
        ("2017-06-05 19:59:59", 1),
        ("2017-06-05 20:00:00", 2),
        ("2017-06-05 21:59:59", 2),
        ("2017-06-05 22:00:00", 3),
        ("2017-06-06 04:59:59", 3),
        ("2017-06-09 19:59:59", 1),  # Friday
        ("2017-06-10 12:00:00", 2),  # Saturday
        ("2017-06-11 21:59:59", 2),  # Sunday
        ("2017-06-11 22:00:00", 3),
        ("2017-08-28 12:00:00", 3),  # a bank holiday
        ("2017-12-25 12:00:00", 3),
    ],
)
def test_the_tariff_goes_by_hour_weekday_and_holiday(moment: str, tariff: int) -> None:
    assert tariff_of(_seconds(moment)).tolist() == [tariff]


def _fare(tariff: int, miles: float, slow_seconds: float = 0.0) -> float:
    one = np.array([tariff])
    return float(fare_of(one, np.array([miles]), np.array([slow_seconds]), np.zeros(1))[0])


def test_the_meter_begins_with_the_minimum_and_counts_twenty_pence() -> None:
    assert _fare(1, 0.1) == MINIMUM
    assert _fare(1, 234.7 / 1609.344) == MINIMUM  # the first two units
    assert _fare(1, 352.3 / 1609.344) == pytest.approx(MINIMUM + 0.2)
    assert _fare(1, 0.1, slow_seconds=3600) == pytest.approx(28.57 + MINIMUM, abs=0.6)


def test_dearer_tariffs_and_the_rate_beyond_six_miles() -> None:
    near = [_fare(tariff, 4.0) for tariff in (1, 2, 3)]
    assert near == sorted(near)
    assert len(set(near)) == 3
    # tariffs 1 and 2 rise at six miles and tariff 3 falls, so that all rise alike from there
    beyond = [_fare(t, 20.0) - _fare(t, 10.0) for t in (1, 2, 3)]
    assert max(beyond) - min(beyond) <= 0.41
    assert beyond[0] > (_fare(1, 5.0) - _fare(1, 2.5)) * 4
    assert beyond[2] < (_fare(3, 5.0) - _fare(3, 2.5)) * 4


def test_typical_fares_are_those_that_are_published() -> None:
    """https://tfl.gov.uk/modes/taxis-and-minicabs/taxi-fares, tariff 1, of a dearer year: the
    middle of synthetic fares lies in the lower half of its ranges, or just below.
    """
    trips = _made(rows=6000).kept
    by_day = trips[(trips["tariff"] == 1) & (trips["hailed"] == 1)]
    for miles, low, high in ((1, 6.2, 9.6), (2, 9.4, 15.0), (4, 16.0, 24.0), (6, 25.0, 31.0)):
        near = by_day[by_day["distance"].between(miles * 0.93, miles * 1.07)]
        assert len(near) > 10
        assert low * 0.9 < near["fare"].median() < (low + high) / 2
    heathrow = trips[trips["pickup_longitude"] < -0.43]
    assert len(heathrow) > 20
    assert 49 < heathrow["fare"].median() < 92


def test_the_same_seed_gives_the_same_rows_and_another_others() -> None:
    pd.testing.assert_frame_equal(sample(50, 1), sample(50, 1))
    assert not sample(50, 1).equals(sample(50, 2))


def test_it_has_the_columns_of_the_export() -> None:
    raw = sample(10, 1)
    assert list(raw.columns[:3]) == ["booking_ref", "journey_start", "journey_end"]
    assert len(raw.columns) == 15
    assert len(raw) == 10
    assert raw["hailed"].isin(["yes", "no"]).all()


def test_trips_are_believable() -> None:
    trips = _made().kept
    duration = trips["dropoff_datetime"] - trips["pickup_datetime"]
    assert 1.4 < trips["distance"].median() < 2.5
    assert 7 < duration.median() / 60 < 16
    assert (trips["fare"] >= MINIMUM).all()
    assert 0.6 < trips["hailed"].mean() < 0.85
    assert set(trips["tariff"]) >= {1, 2, 3}


def test_the_distance_is_longer_after_the_shift_and_hours_are_the_same() -> None:
    usual, longer = _made().kept, _made("distance").kept
    assert 1.8 < longer["distance"].median() / usual["distance"].median() < 3.2
    assert abs(_night(longer) - _night(usual)) < 0.05


def test_the_hours_are_others_after_the_shift_and_the_distance_is_the_same() -> None:
    usual, later = _made().kept, _made("hours").kept
    assert _night(usual) < 0.3
    assert _night(later) > 0.6
    assert (later["tariff"] == 3).mean() > 2 * (usual["tariff"] == 3).mean()
    assert 0.9 < later["distance"].median() / usual["distance"].median() < 1.1


def _night(trips: pd.DataFrame) -> float:
    return float((trips["pickup_datetime"] % 86_400 // 3600 < 6).mean())


def test_pickups_are_in_the_days_that_were_asked_for() -> None:
    trips = prepare(sample(500, 1, start="2016-02-28", days=3)).kept
    days = pd.to_datetime(trips["pickup_datetime"], unit="s").dt.strftime("%m-%d")
    assert set(days) == {"02-28", "02-29", "03-01"}


def test_the_share_of_broken_rows_is_an_argument() -> None:
    assert len(prepare(sample(2000, 1, bad_share=0.0)).set_aside) == 0
    broken = prepare(sample(2000, 1, bad_share=1.0))
    assert len(broken.reasons) == 7, "tariff and passengers are for the schema"


def test_some_positions_are_unknown_and_kept() -> None:
    assert 0 < _made().kept["pickup_longitude"].isna().sum() < 60


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
