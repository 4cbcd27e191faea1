from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assets.core.fleet import Twin, observe_device, observe_fleet, parse_time

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def agent(**changes: Any) -> Twin:
    module = {"status": "running", "settings": {"image": "r/m@sha256:new"}}
    report = {
        "runtimeStatus": "running",
        "restartCount": 2,
        "exitCode": 0,
        "statusDescription": "up 3 s",
        "settings": {"image": "r/m@sha256:old"},
    }
    values: dict[str, Any] = {
        "desired": {"$version": 5, "modules": {"m": module}},
        "reported": {
            "lastDesiredVersion": 4,
            "lastDesiredStatus": {"code": 500, "description": "pulling"},
            "modules": {"m": report},
            "$metadata": {"$lastUpdated": "2026-01-01T12:00:00Z"},
        },
        "configurations": {"m-r0001-abc": "Applied"},
        "connected": True,
    }
    return Twin("line-1", "$edgeAgent", **{**values, **changes})


DEVICE = Twin("line-1", tags={"ring": "canary"}, connected=False)


def test_desired_and_reported_stand_side_by_side() -> None:
    seen = observe_device(DEVICE, agent(), None)
    assert (seen.desired_version, seen.last_desired_version) == (5, 4)
    assert (seen.last_desired_code, seen.last_desired_description) == (500, "pulling")
    module = seen.modules["m"]
    assert (module.desired_image, module.reported_image) == ("r/m@sha256:new", "r/m@sha256:old")
    assert (module.desired_status, module.runtime_status) == ("running", "running")
    assert (module.restart_count, module.exit_code, module.description) == (2, 0, "up 3 s")
    assert seen.ring == "canary"
    assert seen.configurations == {"m-r0001-abc": "Applied"}


def test_the_agents_connection_counts_not_the_device_twins() -> None:
    assert observe_device(DEVICE, agent(), None).connected
    assert not observe_device(Twin("line-1", connected=True), None, None).connected


def test_a_module_that_is_only_reported_or_only_desired_is_kept_apart() -> None:
    twin = agent(reported={"modules": {"old": {"settings": {"image": "r/old"}}}})
    seen = observe_device(DEVICE, twin, None)
    assert seen.modules["m"].reported_image is None
    assert seen.modules["old"].desired_image is None
    assert seen.modules["old"].reported_image == "r/old"


def test_last_seen_is_the_latest_sign_of_life() -> None:
    seen = observe_device(DEVICE, agent(), None)
    assert seen.last_seen == NOON
    later = NOON.replace(hour=13)
    smoke = Twin("line-1", "m_smoke_test", last_activity=later)
    assert observe_device(DEVICE, agent(), smoke).last_seen == later


def test_a_device_that_never_reported_is_unknown_not_fine() -> None:
    seen = observe_device(Twin("line-9"), None, None)
    assert seen.last_seen is None
    assert seen.smoke is None
    assert seen.last_desired_code is None
    assert not seen.connected
    assert seen.modules == {}
    assert seen.ring == ""


@pytest.mark.parametrize("smoke", [None, [], "passed", True])
def test_a_damaged_smoke_test_proves_nothing(smoke: object) -> None:
    twin = Twin("line-1", "m_smoke_test", reported={"smoke_test": smoke})
    assert observe_device(DEVICE, agent(), twin).smoke is None


def test_a_smoke_test_is_handed_on_as_it_was_reported() -> None:
    twin = Twin("line-1", "m_smoke_test", reported={"smoke_test": {"passed": True}})
    assert observe_device(DEVICE, agent(), twin).smoke == {"passed": True}


def test_twins_are_joined_by_device_and_ordered() -> None:
    devices = [Twin("b"), Twin("a")]
    agents = [Twin("b", "$edgeAgent", connected=True), Twin("gone", "$edgeAgent", connected=True)]
    seen = observe_fleet(devices, agents, [Twin("a", "s", reported={"smoke_test": {"n": 1}})])
    assert [(device.device_id, device.connected) for device in seen] == [("a", False), ("b", True)]
    assert seen[0].smoke == {"n": 1}


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-01T12:00:00Z", NOON),
        ("2026-01-01T13:00:00+01:00", NOON),
        ("2026-01-01T12:00:00", NOON),
        (NOON, NOON),
        ("0001-01-01T00:00:00Z", None),
        ("soon", None),
        (None, None),
    ],
)
def test_times_are_utc_and_the_year_one_means_never(text: object, time: datetime | None) -> None:
    assert parse_time(text) == time


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


@given(desired=json_values, reported=json_values, status=json_values, smoke=json_values)
def test_no_report_of_a_device_can_break_the_reading(
    desired: Any, reported: Any, status: Any, smoke: Any
) -> None:
    twin = Twin(
        "line-1",
        "$edgeAgent",
        desired={"$version": status, "modules": desired},
        reported={"modules": reported, "lastDesiredStatus": status, "$metadata": smoke},
    )
    seen = observe_device(DEVICE, twin, Twin("line-1", "s", reported={"smoke_test": smoke}))
    assert seen.device_id == "line-1"
