from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assets.core.alert_events import (
    LONGEST,
    REMEDIES,
    WARNINGS,
    Event,
    hide,
    judge_check,
    judge_image,
    judge_release,
    judge_run,
    tidy,
)
from edge_assets.definitions import defs

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def check(**changes: Any) -> Event | None:
    closed = {
        "asset": "nyc_taxi/trained_model",
        "check": "champion",
        "passed": False,
        "blocking": True,
        "reason": "no gain",
    }
    return judge_check(7, NOON, **{**closed, **changes})


def test_a_closed_gate_says_what_why_and_what_to_do() -> None:
    event = check()
    assert event is not None
    assert (event.kind, event.about) == ("gate", "nyc_taxi/trained_model: champion")
    assert (event.reason, event.remedy) == ("no gain", REMEDIES["champion"])
    assert event.path == "/assets/nyc_taxi/trained_model?view=checks"


def test_an_open_gate_is_silent() -> None:
    assert check(passed=True) is None
    assert check(passed=True, asset="nyc_taxi/rollout", check="ring_gates") is None


def test_a_closed_ring_is_a_stopped_rollout() -> None:
    event = check(asset="nyc_taxi/rollout", check="ring_gates", reason="line-1 failed")
    assert event is not None
    assert event.kind == "rollout"
    assert "edgectl fleet list --model nyc_taxi" in event.remedy


WARNED = [
    ({"asset": "nyc_taxi/drift_report", "check": "drift"}, "drift"),
    ({"asset": "nyc_taxi/performance_report", "check": "live_error"}, "worse"),
]


@pytest.mark.parametrize(("warning", "kind"), WARNED)
def test_drift_and_a_worse_model_are_told_and_their_absence_is_not(
    warning: dict[str, str], kind: str
) -> None:
    event = check(**warning, blocking=False, part="w1")
    assert event is not None
    assert (event.kind, event.part) == (kind, "w1")
    assert check(**warning, blocking=False, passed=True) is None


def test_a_warning_that_nobody_knows_is_silent() -> None:
    assert check(blocking=False) is None


def test_every_check_has_a_remedy_of_its_own() -> None:
    graph = defs.resolve_asset_graph()
    blocking = {key.name for key in graph.asset_check_keys if graph.get(key).blocking}
    warnings = {key.name for key in graph.asset_check_keys} - blocking
    assert blocking - REMEDIES.keys() == set()
    assert warnings - WARNINGS.keys() == set()


def test_an_error_that_brings_its_remedy_keeps_it() -> None:
    event = check(reason="x.csv: it lacks columns. To mend it: add them")
    assert event is not None
    assert (event.reason, event.remedy) == ("x.csv: it lacks columns", "add them")


def run(**changes: Any) -> Event | None:
    failed = {"run": "r1", "asset": "nyc_taxi/rollout", "error": "the hub is gone", "closed": ()}
    return judge_run(7, NOON, **{**failed, **changes})


def test_a_failed_run_is_told_but_for_a_gate_that_is_told_already() -> None:
    event = run()
    assert event is not None
    assert (event.kind, event.about, event.path) == ("run", "nyc_taxi/rollout", "/runs/r1")
    assert run(closed={"nyc_taxi/rollout"}) is None
    assert run(closed={"nyc_taxi/dataset"}) is not None


def image(**changes: Any) -> Event | None:
    made = {"asset": "nyc_taxi/container_image", "image": "i2", "newest": "i2", "released": "i1"}
    return judge_image(7, NOON, **{"closed": (), **made, **changes})


def test_a_new_image_waits_for_approval() -> None:
    event = image()
    assert event is not None
    assert event.kind == "waiting"
    assert event.remedy == "edgectl release approve nyc_taxi --by NAME --reason TEXT"
    assert image(released="") is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"released": "i2"},
        {"newest": "i3"},
        {"closed": {"nyc_taxi/container_image"}},
        {"image": ""},
    ],
)
def test_an_image_that_nobody_can_approve_is_silent(changes: dict[str, Any]) -> None:
    assert image(**changes) is None


def test_two_releases_are_two_things() -> None:
    made = [
        judge_release(7, NOON, asset="m/release", number=n, approver="Ada", reason="good")
        for n in ("1", "2")
    ]
    assert made[0].reason == "Ada: good"
    assert made[0].key != made[1].key


@given(st.text(), st.integers(min_value=4, max_value=50))
def test_what_is_told_is_one_short_printable_line(text: str, longest: int) -> None:
    line = tidy(text, longest)
    assert line.isprintable()
    assert len(line) <= longest <= LONGEST


@given(st.text(), st.text(), st.sets(st.text(min_size=4), max_size=4))
def test_no_secret_stays(before: str, after: str, secrets: set[str]) -> None:
    hidden = hide(before + "".join(secrets) + after, secrets)
    for secret in secrets - {s for s in secrets if "*" in s}:
        assert secret not in hidden.replace("***", "\0")
