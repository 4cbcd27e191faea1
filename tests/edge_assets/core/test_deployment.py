from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge_assets.core.deployment import FRESH_SECONDS, judge_deployment
from edge_assets.core.fleet import DeviceObservation, ModuleObservation
from edge_assets.core.rollout import Release

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RELEASE = Release("sha256:r", "taxi-r0001", "taxi", "sha256:m", "registry/taxi@sha256:i")
SMOKE: dict[str, Any] = {
    "release": "sha256:r",
    "served_digest": "sha256:m",
    "passed": True,
    "within_budget": True,
    "time": (NOW - timedelta(seconds=10)).isoformat(),
}
PROVEN = DeviceObservation(
    "line-1",
    configurations={"taxi-r0001": "Applied"},
    desired_version=2,
    last_desired_version=2,
    last_desired_code=200,
    modules={"taxi": ModuleObservation(RELEASE.image, RELEASE.image, "running", "running")},
    smoke=SMOKE,
)


def test_a_device_that_serves_the_release_is_proven() -> None:
    found = judge_deployment(PROVEN, RELEASE, NOW)
    assert found.proven
    assert (found.image, found.desired_image) == (RELEASE.image, RELEASE.image)
    assert found.served_digest == "sha256:m"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"configurations": {}}, "not applied the release"),
        ({"last_desired_version": 1}, "newest desired properties"),
        ({"last_desired_code": 400, "last_desired_description": "bad"}, "400"),
        ({"modules": {}}, "does not run there"),
        ({"smoke": None}, "not asked this release"),
        ({"smoke": {**SMOKE, "release": "sha256:old"}}, "not asked this release"),
        ({"smoke": {**SMOKE, "served_digest": "sha256:old"}}, "it serves sha256:old"),
        ({"smoke": {**SMOKE, "passed": False, "reason": "2 wrong"}}, "2 wrong"),
        ({"smoke": {**SMOKE, "within_budget": False}}, "smoke test"),
        ({"smoke": {**SMOKE, "time": "yesterday"}}, "has not run"),
    ],
)
def test_anything_less_is_not_proven(changes: dict[str, Any], reason: str) -> None:
    found = judge_deployment(replace(PROVEN, **changes), RELEASE, NOW)
    assert not found.proven
    assert reason in found.reason


def test_an_old_smoke_test_proves_nothing_any_more() -> None:
    last = NOW - timedelta(seconds=10)
    assert judge_deployment(PROVEN, RELEASE, last + timedelta(seconds=FRESH_SECONDS)).proven
    late = judge_deployment(PROVEN, RELEASE, last + timedelta(seconds=FRESH_SECONDS + 1))
    assert not late.proven
    assert "301 s old" in late.reason


def test_waiting_is_never_called_a_failure_of_a_deadline() -> None:
    found = judge_deployment(replace(PROVEN, smoke=None), RELEASE, NOW)
    assert "after the ring opened" not in found.reason


def test_a_device_that_runs_nothing_has_no_digests() -> None:
    found = judge_deployment(DeviceObservation("line-2"), RELEASE, NOW)
    assert (found.image, found.desired_image, found.served_digest) == (None, None, None)
