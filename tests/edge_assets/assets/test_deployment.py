"""`deployment[device]`: proven by what the device itself reports, or refused with the reason."""

import dagster as dg
import pytest

from protos.errors import EdgeAssetsError, RolloutFailed
from tests.edge_assets.bench import Bench, digest_of, image_of, model_of
from tests.edge_assets.fake_hub import FakeHub


@pytest.fixture
def hub(bench: Bench) -> FakeHub:
    """A fleet that has the release already."""
    made = FakeHub({"line-1": "canary", "line-2": "broad"})
    bench.replace("hub", made)
    bench.release()
    assert bench.run("rollout") is None
    return made


def ask(bench: Bench, device: str) -> EdgeAssetsError | None:
    bench.instance.add_dynamic_partitions("nyc_taxi_devices", [device])
    return bench.run("deployment", partition=device)


def test_a_device_that_serves_the_release_is_proven(bench: Bench, hub: FakeHub) -> None:
    assert ask(bench, "line-1") is None
    made = bench.document("deployment", "line-1")
    assert made["proven"]
    assert made["served_digest"] == model_of("one")
    assert made["image"].endswith(image_of("one"))
    assert made["inputs"] == {"release": bench.newest("release")}
    event = bench.instance.get_latest_materialization_event(bench.chain.key("deployment"))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["latency p95 (ms)"].value == 2.0


def test_a_device_that_serves_another_model_is_not_proven(bench: Bench, hub: FakeHub) -> None:
    hub.serves["line-2"] = digest_of("another model")
    refused = ask(bench, "line-2")
    assert isinstance(refused, RolloutFailed)
    assert "it serves" in str(refused)
    assert bench.newest("deployment", "line-2") is None


def test_a_device_that_still_has_the_release_before_is_not_proven(
    bench: Bench, hub: FakeHub
) -> None:
    bench.release("two")
    refused = ask(bench, "line-1")
    assert isinstance(refused, RolloutFailed)
    assert "not applied the release" in str(refused)


def test_a_device_that_the_hub_does_not_know(bench: Bench, hub: FakeHub) -> None:
    refused = ask(bench, "line-9")
    assert refused is not None
    assert "the hub knows no device line-9" in str(refused)


def test_without_a_release_nothing_can_be_proven(bench: Bench) -> None:
    bench.replace("hub", FakeHub({"line-1": "canary"}))
    refused = ask(bench, "line-1")
    assert refused is not None
    assert "release has never been materialized" in str(refused)


def test_only_known_partitions_can_be_asked_for(bench: Bench, hub: FakeHub) -> None:
    with pytest.raises(dg.DagsterUnknownPartitionError):
        bench.run("deployment", partition="line-8")
