from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge_assets.core.fleet import DeviceObservation, ModuleObservation
from edgectl.fleet_view import as_table, as_text, row
from edgectl.output import ago
from edgectl.seeding import planned_fleet

from .conftest import Home, Runner

IMAGE = "localhost:1/m@sha256:" + "a" * 64
OTHER = "localhost:1/m@sha256:" + "b" * 64
SMOKE = {
    "passed": True,
    "within_budget": True,
    "served_digest": "sha256:" + "c" * 64,
    "time": "now",  # when the test asks: collected tests may wait for minutes
}
OLD = {**SMOKE, "time": (datetime.now(UTC) - timedelta(hours=10, minutes=2)).isoformat()}


def device(**changes: Any) -> DeviceObservation:
    running = ModuleObservation(IMAGE, IMAGE, "running", "running")
    values: dict[str, Any] = {
        "tags": {"ring": "canary"},
        "connected": True,
        "last_seen": datetime.now(UTC),
        "desired_version": 3,
        "last_desired_version": 3,
        "last_desired_code": 200,
        "modules": dict.fromkeys(("m", "m_smoke_test", "m_captures"), running),
        "smoke": SMOKE,
    }
    values |= changes
    if values["smoke"] and values["smoke"]["time"] == "now":
        values["smoke"] = {**values["smoke"], "time": datetime.now(UTC).isoformat()}
    return DeviceObservation("line-1", **values)


def module(**changes: Any) -> dict[str, ModuleObservation]:
    values: dict[str, Any] = {
        "desired_image": IMAGE,
        "reported_image": IMAGE,
        "desired_status": "running",
        "runtime_status": "running",
    }
    return {"m": ModuleObservation(**{**values, **changes})}


@pytest.mark.parametrize(
    ("changes", "state", "reason"),
    [
        ({}, "running", ""),
        ({"connected": False}, "offline", "not connected"),
        ({"modules": {}, "smoke": None}, "idle", ""),
        (
            {"last_desired_code": 400, "last_desired_description": "bad manifest"},
            "failing",
            "400: bad manifest",
        ),
        ({"modules": module(runtime_status="backoff", description="exit 1")}, "failing", "exit 1"),
        ({"last_desired_version": 2}, "updating", "newest desired"),
        ({"modules": module(reported_image=OTHER)}, "updating", "not running yet"),
        ({"smoke": None}, "updating", "has not reported"),
        (
            {"smoke": {**SMOKE, "passed": False, "reason": "wrong answer"}},
            "failing",
            "wrong answer",
        ),
        ({"smoke": {**SMOKE, "within_budget": False, "reason": "slow"}}, "failing", "slow"),
        ({"smoke": {**SMOKE, "passed": "yes"}}, "failing", "did not pass"),
        ({"smoke": OLD}, "updating", "the last smoke test was 10 h ago"),
        ({"smoke": {**SMOKE, "time": "soon"}}, "updating", "the last smoke test was never"),
        ({"last_desired_code": 406, "last_desired_version": None}, "updating", "newest desired"),
    ],
)
def test_the_state_of_a_device(changes: dict[str, Any], state: str, reason: str) -> None:
    seen = row(device(**changes), "m")
    assert seen.state == state
    assert reason in seen.reason
    assert bool(seen.proven) == (changes.get("smoke", SMOKE) == SMOKE)


def test_desired_reported_and_proven_are_three_things() -> None:
    seen = row(device(modules=module(reported_image=OTHER), smoke=None), "m")
    assert (seen.desired, seen.reported, seen.proven) == ("a" * 12, "b" * 12, "")
    table = as_table([seen])
    assert table.splitlines()[0].split() == [
        *("DEVICE", "RING", "MODEL", "STATE", "LAST", "SEEN"),
        *("DESIRED", "REPORTED", "PROVEN", "REASON"),
    ]
    assert "a" * 12 in table.splitlines()[1]


def test_the_text_of_a_device_names_everything_that_is_known() -> None:
    text = as_text(device(configurations={"m-r0001-abc": "Applied"}), "m")
    for word in ("line-1", "ring canary", "m-r0001-abc: Applied", "m_captures", "served_digest"):
        assert word in text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s ago"), (-5, "0 s ago"), (59, "59 s ago"), (120, "2 min ago"), (90000, "1 d ago")],
)
def test_times_are_said_as_people_say_them(seconds: int, said: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert ago(now - timedelta(seconds=seconds), now) == said
    assert ago(None, now) == "never"


def test_list_shows_every_device_of_the_hub(home: Home, edgectl: Runner) -> None:
    done = edgectl("fleet", "list", "--json")
    assert done.code == 0
    assert [(d["device"], d["ring"], d["state"]) for d in done.json] == [
        ("line-1", "canary", "offline"),
        ("line-2", "early", "offline"),
    ]
    text = edgectl("fleet", "list", "--ring", "early")
    assert "line-2" in text.out
    assert "line-1" not in text.out


def test_show_tells_one_device(home: Home, edgectl: Runner) -> None:
    done = edgectl("fleet", "show", "line-1", "--json")
    assert done.json["observed"]["tags"]["models"] == {"nyc_taxi": "on"}
    assert "Next:  edgectl why line-1" in done.err
    assert "ring canary" in edgectl("fleet", "show", "line-1").out


def test_an_unknown_device_is_one_with_a_remedy(home: Home, edgectl: Runner) -> None:
    done = edgectl("fleet", "show", "line-9")
    assert (done.code, done.out) == (1, "")
    assert "edgectl fleet list" in done.err


def test_create_is_safe_to_repeat(home: Home, edgectl: Runner) -> None:
    first = edgectl("fleet", "create", "--rings", "canary=1,broad=1", "--prefix", "van", "--json")
    assert [(d["device"], d["ring"], d["new"]) for d in first.json] == [
        ("van-1", "canary", True),
        ("van-2", "broad", True),
    ]
    again = edgectl("fleet", "create", "--rings", "canary=1,broad=1", "--prefix", "van", "--json")
    assert [d["new"] for d in again.json] == [False, False]
    for name in ("van-1", "van-2"):
        home.hub._registry.delete_device(name)


def test_create_says_which_tags_it_added(home: Home, edgectl: Runner) -> None:
    command = ("fleet", "create", "--rings", "canary=1", "--prefix", "bus", "--model")
    assert edgectl(*command, "nyc_taxi").out == "bus-1  canary  created\n"
    added = edgectl(*command, "tooling")
    assert added.out == "bus-1  canary  was there, added the tag models.tooling\n"
    again = edgectl(*command, "tooling", "--json").json
    assert again[0]["models_added"] == []
    (twin,) = home.hub.devices("deviceId = 'bus-1'")
    assert twin.tags["models"] == {"nyc_taxi": "on", "tooling": "on"}
    home.hub._registry.delete_device("bus-1")


def test_tags_and_smoke_tests_are_told_plainly() -> None:
    tags = {"ring": "canary", "models": {"m": "on"}, "lines": [1, 2], "empty": []}
    smoke = {**SMOKE, "reason": "", "latency_ms": {"p95": 2.5}, "endpoint": None}
    text = as_text(device(tags=tags, smoke=smoke), "m")
    assert "  tags           ring: canary, models.m: on, lines: 1, 2, empty: -\n" in text
    assert "  smoke test     latency_ms.p95: 2.5" in text
    assert "{" not in text
    assert "reason:" not in text
    assert "endpoint: none" in text
    assert "  tags           -\n" in as_text(device(tags={}), "m")


def test_the_base_deployment_is_below_everything(home: Home) -> None:
    (base,) = [c for c in home.hub.configurations() if c.id.startswith("edge-assets-base")]
    assert (base.priority, base.target_condition) == (0, "*")
    agents = home.hub.edge_agents("tags.ring = 'canary'")
    assert [agent.device_id for agent in agents] == ["line-1"]


def test_the_default_fleet_has_three_rings() -> None:
    seeds = planned_fleet({"canary": 1, "early": 2, "broad": 3}, ["m"])
    assert [(seed.id, seed.ring) for seed in seeds] == [
        ("line-1", "canary"),
        ("line-2", "early"),
        ("line-3", "early"),
        ("line-4", "broad"),
        ("line-5", "broad"),
        ("line-6", "broad"),
    ]
    assert seeds[0].tags == {"ring": "canary", "site": "south", "models": {"m": "on"}}


@pytest.mark.parametrize("text", ["canary", "canary=x", "canary=1,canary=2", "canary=0", "a=2000"])
def test_rings_that_cannot_be_are_refused(edgectl: Runner, text: str) -> None:
    assert edgectl("fleet", "create", "--rings", text).code == 2
