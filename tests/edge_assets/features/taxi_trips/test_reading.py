from typing import Literal

import numpy as np
import pandas as pd
import pytest

from edge_assets.features.taxi_trips.reading import flags, numbers, seconds

NOON = 1451649600.0  # 2016-01-01 12:00:00
ZONE = "America/New_York"


@pytest.mark.parametrize(
    ("cell", "value", "empty"),
    [
        ("1.5", 1.5, False),
        (" 2 ", 2.0, False),
        ("-1e3", -1000.0, False),
        ("", np.nan, True),
        ("NULL", np.nan, True),
        ("\\N", np.nan, True),
        ("12,5", np.nan, False),
        ("1.234,5", np.nan, False),
        ("abc", np.nan, False),
        ("inf", np.inf, False),
        (None, np.nan, True),
    ],
)
def test_numbers(cell: str | None, value: float, empty: bool) -> None:
    values, gaps = numbers(pd.Series([cell], dtype=object))
    np.testing.assert_equal(values.to_numpy(), [value])
    assert gaps.tolist() == [empty]


def test_numbers_that_are_numbers() -> None:
    values, gaps = numbers(pd.Series([1, None, 3], dtype="Int64"))
    np.testing.assert_equal(values.to_numpy(), [1.0, np.nan, 3.0])
    assert gaps.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("cell", "value", "empty"),
    [
        ("2016-01-01 12:00:00", NOON, False),
        ("2016-01-01T12:00:00", NOON, False),
        ("2016-01-01 12:00", NOON, False),
        ("2016-01-01 12:00:00.900", NOON, False),
        ("01/01/2016 12:00:00 PM", NOON, False),
        ("1969-12-31 23:59:59", -1.0, False),
        ("2016-01-01 12:00:00+01:00", np.nan, False),
        ("2016-01-01T12:00:00Z", np.nan, False),
        ("0000-00-00 00:00:00", np.nan, False),
        ("2015-02-29 10:00:00", np.nan, False),
        ("01.01.2016 12:00", np.nan, False),
        ("yesterday", np.nan, False),
        ("", np.nan, True),
    ],
)
def test_seconds_of_text(cell: str, value: float, empty: bool) -> None:
    values, gaps = seconds(pd.Series([cell], dtype=object), zone=ZONE)
    np.testing.assert_equal(values.to_numpy(), [value])
    assert gaps.tolist() == [empty]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_seconds_of_times(unit: Literal["s", "ms", "us", "ns"]) -> None:
    times = pd.Series(pd.DatetimeIndex(["2016-01-01 12:00:00", "NaT"]).as_unit(unit))
    values, gaps = seconds(times, zone=ZONE)
    np.testing.assert_equal(values.to_numpy(), [NOON, np.nan])
    assert gaps.tolist() == [False, True]


@pytest.mark.parametrize(
    ("zone", "told"),
    [("America/New_York", NOON), ("Europe/London", NOON + 5 * 3600), ("UTC", NOON + 5 * 3600)],
)
def test_times_with_a_zone_are_turned_to_the_clock_of_the_city(zone: str, told: float) -> None:
    utc = pd.Series(pd.to_datetime(["2016-01-01 17:00:00"]).tz_localize("UTC"))
    assert seconds(utc, zone=zone)[0].tolist() == [told]


def test_summer_time_is_kept() -> None:
    utc = pd.Series(pd.to_datetime(["2016-07-01 11:00:00"]).tz_localize("UTC"))
    noon = pd.Timestamp("2016-07-01 12:00:00").timestamp()
    assert seconds(utc, zone="Europe/London")[0].tolist() == [noon]


def test_flags() -> None:
    values, gaps = flags(pd.Series(["Y", "N", "no", "", "maybe", True, 0, "YES"], dtype=object))
    np.testing.assert_equal(values.to_numpy(), [1, 0, 0, np.nan, np.nan, 1, 0, 1])
    assert gaps.tolist() == [False, False, False, True, False, False, False, False]
    assert flags(pd.Series([True, False]))[0].tolist() == [1.0, 0.0]
