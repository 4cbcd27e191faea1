"""The drift sensor: one training run for a window that drifted, and no more."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from sensors.drift import RETRAINED
from tests.edge_assets.bench import Bench

WINDOW = "20260101T120000Z_20260101T120500Z"
LATER = "20260101T120500Z_20260101T121000Z"


@pytest.fixture
def released(bench: Bench) -> Bench:
    bench.release()
    return bench


def report(bench: Bench, verdict: str = "drift", window: str = WINDOW, release: str = "") -> str:
    """A drift report of the newest release."""
    judged = release or bench.newest("release")
    columns = [{"column": "distance", "effect": 0.8125}] if verdict != "too little data" else []
    return bench.pretend(
        "drift_report",
        {
            "verdict": verdict,
            "window": window,
            "inputs": {"release": judged},
            "columns": columns,
        },
        window,
    )


def asked(ago: float, window: str = WINDOW) -> str:
    """A run was asked for so many seconds ago."""
    time = datetime.now(UTC) - timedelta(seconds=ago)
    return json.dumps({"window": window, "asked": time.isoformat()})


def test_without_a_release_or_report_nothing_is_asked(bench: Bench) -> None:
    assert "nothing is released" in bench.tick("drift").skipped
    bench.release()
    assert "no window was judged" in bench.tick("drift").skipped


@pytest.mark.parametrize("verdict", ["no drift", "too little data"])
def test_other_verdicts_than_drift_ask_for_nothing(released: Bench, verdict: str) -> None:
    report(released, verdict)
    ticked = released.tick("drift")
    assert verdict in ticked.skipped
    assert ticked.run_requests == []


def test_drift_asks_for_one_run_with_its_evidence(released: Bench) -> None:
    digest = report(released)
    ticked = released.tick("drift")
    (request,) = ticked.run_requests
    assert request.run_key == f"nyc_taxi:{WINDOW}"
    assert [key.path[-1] for key in request.asset_selection or ()] == list(RETRAINED)
    assert request.tags["trigger"] == "drift"
    assert request.tags["window"] == WINDOW
    assert request.tags["drift-report"] == digest
    assert (request.tags["drift-column"], request.tags["drift-effect"]) == ("distance", "0.812")
    assert json.loads(str(ticked.cursor))["window"] == WINDOW


def test_a_release_is_never_part_of_a_drift_run(released: Bench) -> None:
    assert not {"release", "rollout", "deployment"} & set(RETRAINED)


def test_the_same_window_asks_once(released: Bench) -> None:
    report(released)
    cursor = released.tick("drift").cursor
    again = released.tick("drift", cursor)
    assert again.run_requests == []
    assert "asked for already" in again.skipped


def test_drift_of_an_earlier_release_asks_for_nothing(released: Bench) -> None:
    first = released.newest("release")
    assert first is not None
    released.release("two")
    report(released, release=first)
    ticked = released.tick("drift")
    assert "judged against an earlier release" in ticked.skipped
    report(released, window=LATER)
    assert len(released.tick("drift").run_requests) == 1


def test_a_cool_down_lies_between_two_runs(released: Bench) -> None:
    report(released, window=LATER)
    hot = released.tick("drift", asked(3000))
    assert hot.run_requests == []
    assert "cooling down" in hot.skipped
    cold = released.tick("drift", asked(3700))
    assert len(cold.run_requests) == 1
