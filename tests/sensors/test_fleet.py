"""The fleet sensor: changes of devices become events, and nothing else does."""

import json

import dagster as dg
import pytest

from protos.errors import Unavailable
from sensors.fleet import EVENTS_A_TICK
from tests.edge_assets.bench import Bench, digest_of, model_of
from tests.edge_assets.fake_hub import FakeHub


@pytest.fixture
def hub(bench: Bench) -> FakeHub:
    """A fleet that has the release."""
    made = FakeHub({"line-1": "canary", "line-2": "broad"})
    bench.replace("hub", made)
    bench.release()
    assert bench.run("rollout") is None
    return made


def observed(bench: Bench) -> list[tuple[str | None, str]]:
    """(device, reason) of every observation, newest first."""
    records = bench.instance.fetch_observations(bench.chain.key("deployment"), limit=50).records
    found = [record.asset_observation for record in records if record.asset_observation]
    return [(o.partition, str(o.metadata["reason"].value)) for o in found]


def test_without_a_release_no_device_is_asked(bench: Bench) -> None:
    bench.replace("hub", FakeHub({}, down=AssertionError("asked")))
    assert "nothing is released" in bench.tick("fleet").skipped


def test_proven_devices_materialize_their_deployment(bench: Bench, hub: FakeHub) -> None:
    ticked = bench.tick("fleet")
    assert ticked.events == 2
    assert observed(bench) == []
    for device in ("line-1", "line-2"):
        made = bench.document("deployment", device)
        assert made["proven"]
        assert made["served_digest"] == model_of("one")


def test_a_device_that_is_not_proven_is_observed_with_the_reason(
    bench: Bench, hub: FakeHub
) -> None:
    hub.serves["line-2"] = digest_of("another model")
    assert bench.tick("fleet").events == 2
    ((device, reason),) = observed(bench)
    assert device == "line-2"
    assert "it serves" in reason
    assert bench.newest("deployment", "line-2") is None
    assert bench.newest("deployment", "line-1") is not None


def test_only_changes_are_events(bench: Bench, hub: FakeHub) -> None:
    cursor = bench.tick("fleet").cursor
    again = bench.tick("fleet", cursor)
    assert again.events == 0
    assert "no change on 2 devices" in again.skipped
    hub.serves["line-1"] = digest_of("another model")
    changed = bench.tick("fleet", again.cursor)
    assert changed.events == 1
    hub.serves.clear()
    assert bench.tick("fleet", changed.cursor).events == 1


def test_a_new_release_makes_every_device_prove_itself_again(bench: Bench, hub: FakeHub) -> None:
    cursor = bench.tick("fleet").cursor
    bench.release("two")
    waiting = bench.tick("fleet", cursor)
    assert waiting.events == 2
    assert {device for device, _ in observed(bench)} == {"line-1", "line-2"}
    assert bench.run("rollout") is None
    assert bench.tick("fleet", waiting.cursor).events == 2
    assert bench.document("deployment", "line-1")["served_digest"] == model_of("two")


def test_devices_that_were_never_rolled_out_to_become_partitions(
    bench: Bench, hub: FakeHub
) -> None:
    hub.rings["line-3"] = "nobody"
    assert bench.tick("fleet").partitions == ("line-3",)
    assert "line-3" in bench.instance.get_dynamic_partitions("nyc_taxi_devices")


def test_a_hub_that_is_down_is_told_and_forgets_nothing(bench: Bench, hub: FakeHub) -> None:
    cursor = bench.tick("fleet").cursor
    hub.down = Unavailable("the hub does not answer", remedy="start it")
    ticked = bench.tick("fleet", cursor)
    assert "the hub does not answer" in ticked.skipped
    assert ticked.cursor == cursor
    hub.down = None
    assert bench.tick("fleet", ticked.cursor).events == 0


def test_a_tick_is_bounded_and_the_next_one_brings_the_rest(
    bench: Bench, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert EVENTS_A_TICK == 1000
    monkeypatch.setattr("sensors.fleet.EVENTS_A_TICK", 5)
    hub.rings.update({f"line-{n}": "broad" for n in range(3, 10)})
    first = bench.tick("fleet")
    assert first.events == 5
    assert len(json.loads(str(first.cursor))) == 5
    second = bench.tick("fleet", first.cursor)
    assert second.events == 4
    assert bench.tick("fleet", second.cursor).events == 0


def test_events_name_their_device(bench: Bench, hub: FakeHub) -> None:
    bench.tick("fleet")
    keys = bench.instance.get_materialized_partitions(bench.chain.key("deployment"))
    assert keys == {"line-1", "line-2"}
    assert isinstance(bench.defs.resolve_sensor_def("nyc_taxi_fleet"), dg.SensorDefinition)
