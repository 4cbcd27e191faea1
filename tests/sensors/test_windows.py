"""The captures sensor: when it closes a window, and which."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_assets.core.windows import Window
from tests.edge_assets.bench import Bench
from tests.edge_assets.telemetry import records, write

LAG = timedelta(seconds=3)


@pytest.fixture
def released(bench: Bench) -> Bench:
    bench.release()
    return bench


def capture(bench: Bench, rows: int, ago: float) -> None:
    """A device predicted so many rows so many seconds ago."""
    at = datetime.now(UTC) - timedelta(seconds=ago)
    made = records(bench.cleaned(1, rows=2 * rows)[:rows], ["distance"], at)
    write(Path(bench.platform.settings.telemetry), at, *[[record] for record in made])


def cursor(ago: float) -> str:
    """The last window ended so many seconds ago."""
    return json.dumps({"end": (datetime.now(UTC) - timedelta(seconds=ago)).isoformat()})


def test_nothing_is_captured_before_a_release(bench: Bench) -> None:
    capture(bench, 300, 60)
    ticked = bench.tick("captures")
    assert "nothing is released" in ticked.skipped
    assert ticked.partitions == ()


def test_a_window_without_captures_stays_open(released: Bench) -> None:
    assert "no captures" in released.tick("captures").skipped


def test_a_young_window_waits_for_enough_rows(released: Bench) -> None:
    capture(released, 50, 30)
    ticked = released.tick("captures", cursor(60))
    assert "50 rows captured; waiting for 200 rows" in ticked.skipped
    assert ticked.run_requests == []


def test_enough_rows_close_the_window(released: Bench) -> None:
    capture(released, 250, 30)
    before = datetime.now(UTC)
    ticked = released.tick("captures", cursor(60))
    (request,) = ticked.run_requests
    (key,) = ticked.partitions
    window = Window.parse(key)
    assert request.partition_key == key
    assert request.run_key == f"nyc_taxi:{key}"
    assert {asset.path[-1] for asset in request.asset_selection or ()} == {
        "captures",
        "drift_report",
    }
    assert abs((window.end - (before - LAG)).total_seconds()) < 5
    assert key in released.instance.get_dynamic_partitions("nyc_taxi_windows")
    assert ticked.cursor == json.dumps({"end": window.end.isoformat()})


def test_age_closes_a_window_with_few_rows(released: Bench) -> None:
    capture(released, 5, 200)
    ticked = released.tick("captures", cursor(400))
    assert len(ticked.run_requests) == 1


def test_what_was_collected_is_not_counted_again(released: Bench) -> None:
    capture(released, 250, 30)
    first = released.tick("captures", cursor(60))
    again = released.tick("captures", first.cursor)
    assert again.run_requests == []
    assert again.cursor == first.cursor


def test_the_next_window_begins_where_the_last_one_ended(released: Bench) -> None:
    capture(released, 250, 30)
    capture(released, 210, 10)
    end = (datetime.now(UTC) - timedelta(seconds=20)).replace(microsecond=0)
    second = released.tick("captures", json.dumps({"end": end.isoformat()}))
    (key,) = second.partitions
    assert Window.parse(key).start == end
    assert released.run("captures", partition=key) is None
    assert released.document("captures", key)["counts"]["rows"] == 210


def test_what_may_still_be_on_its_way_is_left_to_the_next_window(released: Bench) -> None:
    capture(released, 250, 0)
    ticked = released.tick("captures", cursor(60))
    assert "no captures" in ticked.skipped


def test_the_first_window_goes_back_a_day_and_no_further(released: Bench) -> None:
    capture(released, 250, 3 * 86400)
    assert "no captures" in released.tick("captures").skipped
    capture(released, 250, 3600)
    ticked = released.tick("captures")
    window = Window.parse(ticked.partitions[0])
    assert timedelta(hours=23) < window.end - window.start < timedelta(hours=25)


def test_the_requested_window_can_be_collected(released: Bench) -> None:
    capture(released, 250, 30)
    ticked = released.tick("captures", cursor(60))
    assert released.run("captures", partition=ticked.partitions[0]) is None
    assert released.document("captures", ticked.partitions[0])["counts"]["rows"] == 250
