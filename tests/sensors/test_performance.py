"""The performance sensor: when a report is due, and that it asks once."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.edge_assets.bench import Bench

WINDOW = "20260101T120000Z_20260101T120500Z"
LATER = "20260101T120500Z_20260101T121000Z"


@pytest.fixture
def released(bench: Bench) -> Bench:
    bench.release()
    return bench


def capture(bench: Bench, window: str = WINDOW) -> None:
    bench.pretend("captures", {"model_digests": []}, window)


def earlier(cursor: str | None, seconds: float) -> str:
    """The cursor, as if the last report had been asked for so much earlier."""
    state: dict[str, Any] = json.loads(str(cursor))
    asked = datetime.now(UTC) - timedelta(seconds=seconds)
    return json.dumps({**state, "asked": asked.isoformat()})


def test_without_release_or_captures_nothing_is_asked(bench: Bench) -> None:
    capture(bench)
    assert "nothing is released" in bench.tick("performance").skipped


def test_before_the_first_window_nothing_is_asked(released: Bench) -> None:
    assert "no window of captures" in released.tick("performance").skipped


def test_captures_of_a_release_ask_for_a_report_once(released: Bench) -> None:
    capture(released)
    ticked = released.tick("performance")
    (request,) = ticked.run_requests
    assert [key.path for key in request.asset_selection or ()] == [
        ["nyc_taxi", "performance_report"]
    ]
    assert request.partition_key is None
    assert request.tags["trigger"] == "performance"
    again = released.tick("performance", ticked.cursor)
    assert again.run_requests == []
    assert "nothing is new" in again.skipped
    (forgetful,) = released.tick("performance").run_requests
    assert forgetful.run_key == request.run_key, "Dagster starts it once, cursor or not"


def test_a_report_is_nothing_new(released: Bench) -> None:
    capture(released)
    cursor = released.tick("performance").cursor
    released.pretend("performance_report", {"verdict": "worse"})
    assert "nothing is new" in released.tick("performance", cursor).skipped


def test_captures_alone_wait_for_the_interval(released: Bench) -> None:
    capture(released)
    cursor = released.tick("performance").cursor
    capture(released, LATER)
    hot = released.tick("performance", earlier(cursor, 3000))
    assert hot.run_requests == []
    assert "only captures are new" in hot.skipped
    assert len(released.tick("performance", earlier(cursor, 3700)).run_requests) == 1


@pytest.mark.parametrize("new", ["batch", "release"])
def test_a_batch_or_a_release_does_not_wait(released: Bench, new: str) -> None:
    capture(released)
    cursor = released.tick("performance").cursor
    if new == "batch":
        released.pretend("raw_batch", {"batch": "b.csv"}, "b.csv")
    else:
        released.release("two")
    ticked = released.tick("performance", cursor)
    assert len(ticked.run_requests) == 1
    assert released.tick("performance", ticked.cursor).run_requests == []
