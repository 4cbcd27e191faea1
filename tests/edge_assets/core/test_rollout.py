"""The decisions of a rollout: each gate of a ring closes on a bad case and opens on a good one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assets.core.config_schema import Ring
from edge_assets.core.fleet import DeviceObservation, ModuleObservation
from edge_assets.core.rollout import Release, decide, judge_device, opened_label, proven_label

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
OPENED = NOW - timedelta(seconds=60)
RELEASE = Release("sha256:r", "taxi-r0001", "taxi", "sha256:m", "registry/taxi@sha256:i")
RINGS = (
    Ring(
        name="canary",
        proven_share=1.0,
        max_failed=0.0,
        min_sample=1,
        soak_seconds=10,
        deadline_seconds=300,
    ),
    Ring(
        name="broad",
        proven_share=0.5,
        max_failed=0.5,
        min_sample=2,
        soak_seconds=0,
        deadline_seconds=300,
    ),
)


def device(name: str = "line-1", ring: str = "canary", **changes: Any) -> DeviceObservation:
    module = ModuleObservation(RELEASE.image, RELEASE.image, "running", "running")
    proven = DeviceObservation(
        device_id=name,
        tags={"ring": ring},
        connected=True,
        last_seen=NOW,
        configurations={RELEASE.configuration: "Applied"},
        desired_version=7,
        last_desired_version=7,
        last_desired_code=200,
        modules={"taxi": module},
        smoke={
            "release": RELEASE.digest,
            "served_digest": RELEASE.model_digest,
            "passed": True,
            "asked": 5,
            "within_budget": True,
            "time": (NOW - timedelta(seconds=5)).isoformat(),
        },
    )
    return replace(proven, **changes)


def smoke(**changes: Any) -> dict[str, Any]:
    return {**(device().smoke or {}), **changes}


def module(**changes: Any) -> dict[str, ModuleObservation]:
    return {"taxi": replace(device().modules["taxi"], **changes)}


def test_a_device_that_shows_everything_is_proven() -> None:
    assert judge_device(device(), RELEASE, RINGS[0], OPENED, NOW).state == "proven"


@pytest.mark.parametrize(
    ("changes", "state", "reason"),
    [
        ({"configurations": {}}, "pending", "not targeted"),
        ({"configurations": {RELEASE.configuration: "Targeted"}}, "pending", "Targeted"),
        ({"last_desired_version": 6}, "pending", "newest desired"),
        ({"last_desired_code": 500, "last_desired_description": "pulling"}, "pending", "pulling"),
        ({"last_desired_code": 406}, "pending", "406"),
        ({"last_desired_code": 400, "last_desired_description": "bad"}, "failed", "bad"),
        ({"modules": {}}, "pending", "does not run"),
        ({"modules": module(reported_image=None)}, "pending", "not reported"),
        (
            {"modules": module(reported_image="registry/taxi@sha256:o")},
            "pending",
            "another image",
        ),
        ({"modules": module(runtime_status="failed")}, "failed", "failed"),
        ({"modules": module(runtime_status="backoff")}, "pending", "backoff"),
        ({"modules": module(started=NOW)}, "pending", "since the service started"),
        (
            {"modules": module(started=NOW), "smoke": smoke(served_digest="sha256:old")},
            "pending",
            "since the service started",
        ),
        ({"smoke": None}, "pending", "has not asked"),
        ({"smoke": smoke(release="sha256:other")}, "pending", "has not asked"),
        ({"smoke": smoke(time="2026-01-01T11:00:00Z")}, "pending", "since the ring opened"),
        ({"smoke": smoke(time="not a time")}, "pending", "since the ring opened"),
        ({"smoke": smoke(served_digest=None, reason="refused")}, "pending", "refused"),
        ({"smoke": smoke(served_digest="sha256:old")}, "failed", "not the released model"),
        ({"smoke": smoke(passed=False, reason="1 of 5 wrong")}, "failed", "1 of 5 wrong"),
        ({"smoke": smoke(within_budget=False)}, "failed", "smoke test"),
    ],
)
def test_what_keeps_a_device_from_being_proven(
    changes: dict[str, Any], state: str, reason: str
) -> None:
    verdict = judge_device(device(**changes), RELEASE, RINGS[0], OPENED, NOW)
    assert verdict.state == state
    assert reason in verdict.reason


def test_an_old_smoke_test_proves_nothing() -> None:
    opened = NOW - timedelta(seconds=250)
    old = device(smoke=smoke(time=(NOW - timedelta(seconds=200)).isoformat()))
    assert judge_device(old, RELEASE, RINGS[0], opened, NOW).state == "pending"


def test_a_silent_device_has_failed_after_its_deadline() -> None:
    silent = device(configurations={})
    verdict = judge_device(silent, RELEASE, RINGS[0], NOW - timedelta(seconds=301), NOW)
    assert verdict.state == "failed"
    assert "not proven 300 s after" in verdict.reason


FLEET = [device("line-1"), device("line-2", "broad"), device("line-3", "broad")]


def test_the_way_through_the_rings() -> None:
    first = decide(RELEASE, RINGS, FLEET, None, NOW)
    assert (first.action, first.rings) == ("open", ("canary",))

    now = {opened_label("canary"): OPENED.isoformat()}
    assert decide(RELEASE, RINGS, FLEET, now, NOW).action == "soak"

    now[proven_label("canary")] = (NOW - timedelta(seconds=5)).isoformat()
    soaking = decide(RELEASE, RINGS, FLEET, now, NOW)
    assert soaking.action == "wait"
    assert "another 5 s" in soaking.reason

    now[proven_label("canary")] = (NOW - timedelta(seconds=11)).isoformat()
    second = decide(RELEASE, RINGS, FLEET, now, NOW)
    assert (second.action, second.rings) == ("open", ("canary", "broad"))

    now[opened_label("broad")] = OPENED.isoformat()
    now[proven_label("broad")] = OPENED.isoformat()
    assert decide(RELEASE, RINGS, FLEET, now, NOW).action == "finish"


def test_a_failed_first_ring_is_rolled_back_to_nothing() -> None:
    bad = [device("line-1", smoke=smoke(passed=False)), *FLEET[1:]]
    step = decide(RELEASE, RINGS, bad, {opened_label("canary"): OPENED.isoformat()}, NOW)
    assert (step.action, step.rings, step.ring) == ("roll back", (), "canary")
    assert "line-1" in step.reason


def test_a_failed_later_ring_keeps_the_rings_before_it() -> None:
    bad = [FLEET[0], *(replace(d, smoke=smoke(passed=False)) for d in FLEET[1:])]
    now = {
        opened_label("canary"): OPENED.isoformat(),
        proven_label("canary"): OPENED.isoformat(),
        opened_label("broad"): OPENED.isoformat(),
    }
    step = decide(RELEASE, RINGS, bad, now, NOW)
    assert (step.action, step.rings, step.ring) == ("roll back", ("canary",), "broad")


def test_failures_within_the_allowed_share_do_not_close_the_gate() -> None:
    half = [FLEET[0], FLEET[1], replace(FLEET[2], smoke=smoke(passed=False))]
    now = {
        opened_label("canary"): OPENED.isoformat(),
        proven_label("canary"): OPENED.isoformat(),
        opened_label("broad"): OPENED.isoformat(),
    }
    assert decide(RELEASE, RINGS, half, now, NOW).action == "soak"


def test_a_failure_is_judged_only_after_the_minimum_sample() -> None:
    early = [FLEET[0], replace(FLEET[1], smoke=smoke(passed=False)), device("line-3", "broad")]
    strict = (RINGS[0], RINGS[1].model_copy(update={"max_failed": 0.0}))
    waiting = replace(early[2], configurations={})
    now = {
        opened_label("canary"): OPENED.isoformat(),
        proven_label("canary"): OPENED.isoformat(),
        opened_label("broad"): OPENED.isoformat(),
    }
    assert decide(RELEASE, strict, [*early[:2], waiting], now, NOW).action == "wait"
    assert decide(RELEASE, strict, early, now, NOW).action == "roll back"


def test_a_rollout_without_a_first_ring_is_refused() -> None:
    step = decide(RELEASE, RINGS, FLEET[1:], None, NOW)
    assert step.action == "roll back"
    assert "no device" in step.reason


def test_a_lost_share_starts_the_soak_again() -> None:
    lost = [device("line-1", last_desired_version=1), *FLEET[1:]]
    now = {
        opened_label("canary"): OPENED.isoformat(),
        proven_label("canary"): (NOW - timedelta(seconds=5)).isoformat(),
    }
    assert decide(RELEASE, RINGS, lost, now, NOW).action == "unsoak"


STATES = st.sampled_from(["proven", "pending", "failed"])


@given(
    states=st.lists(st.tuples(st.sampled_from(["canary", "broad"]), STATES), max_size=6),
    opened=st.sets(st.sampled_from(["canary", "broad"])),
    soaked=st.sets(st.sampled_from(["canary", "broad"])),
)
def test_no_ring_opens_before_the_one_in_front_of_it_is_proven(
    states: list[tuple[str, str]], opened: set[str], soaked: set[str]
) -> None:
    changes: dict[str, dict[str, Any]] = {
        "proven": {},
        "pending": {"configurations": {}},
        "failed": {"smoke": smoke(passed=False)},
    }
    fleet = [device(f"d{i}", ring, **changes[s]) for i, (ring, s) in enumerate(states)]
    now = {opened_label(ring): OPENED.isoformat() for ring in opened}
    now |= {proven_label(ring): OPENED.isoformat() for ring in soaked}
    step = decide(RELEASE, RINGS, fleet, now or None, NOW)
    canary = [s for ring, s in states if ring == "canary"]
    if step.action == "open" and "broad" in step.rings:
        assert "canary" in opened
        assert all(s == "proven" for s in canary)
    if step.action == "finish":
        assert opened == {"canary", "broad"}
    if "failed" in canary and "canary" in opened:
        assert step.action == "roll back"
