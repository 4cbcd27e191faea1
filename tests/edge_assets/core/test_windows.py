from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assets.core.windows import Window, close_window
from protos.errors import ConfigurationError

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LAG = timedelta(seconds=10)
TIMES = st.datetimes(
    min_value=datetime(1000, 1, 1),
    timezones=st.just(UTC),
).map(lambda time: time.replace(microsecond=0))


@given(TIMES, TIMES)
def test_a_window_is_read_back_from_its_key(start: datetime, end: datetime) -> None:
    assert Window.parse(Window(start, end).key) == Window(start, end)


@given(TIMES, TIMES)
def test_keys_sort_as_times_do(one: datetime, other: datetime) -> None:
    later = timedelta(0)
    first, second = Window(one, one + later), Window(other, other + later)
    assert (first.key < second.key) == (one < other)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "today",
        "20260101T120000Z",
        "20260101T120000Z_20260101T120500Z_20260101T120500Z",
        "20261301T120000Z_20260101T120500Z",
        "20260101T120000_20260101T120500",
    ],
)
def test_what_is_no_window_is_refused(key: str) -> None:
    with pytest.raises(ConfigurationError, match="not a window of captures"):
        Window.parse(key)


def close(age: float, rows: int, **changes: Any) -> tuple[Window | None, str]:
    policy = {"min_rows": 200, "seconds": 300.0, **changes}
    return close_window(NOON, NOON + LAG + timedelta(seconds=age), LAG, rows, **policy)


@pytest.mark.parametrize(
    ("age", "rows", "reason"),
    [
        (0, 500, "ended just now"),
        (-5, 500, "ended just now"),
        (4000, 0, "no captures in the last 4000 s"),
        (60, 199, "199 rows captured; waiting for 200 rows or 300 s"),
        (299, 1, "waiting for"),
    ],
)
def test_a_window_stays_open(age: float, rows: int, reason: str) -> None:
    window, why = close(age, rows)
    assert window is None
    assert reason in why


@pytest.mark.parametrize(("age", "rows"), [(1, 200), (60, 5000), (300, 1), (301, 199)])
def test_a_window_closes_where_the_lag_ends(age: float, rows: int) -> None:
    window, why = close(age, rows)
    assert window == Window(NOON, NOON + timedelta(seconds=age))
    assert why == f"{rows} rows in {age} s"


def test_windows_end_at_whole_seconds() -> None:
    window, _ = close(100.9, 500)
    assert window is not None
    assert window.end == NOON + timedelta(seconds=100)
