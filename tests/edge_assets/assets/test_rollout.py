"""The rollout asset: what it refuses, and what it leaves in the hub and in Dagster."""

import dagster as dg
import pytest

from edge_assets.lineage import gate
from edge_assets.operate import failure
from protos.errors import ApprovalMissing, GateClosed, RolloutFailed
from tests.edge_assets.bench import REGISTRY, Bench, digest_of, image_of
from tests.edge_assets.fake_hub import FakeHub

FLEET = {"line-1": "canary", "line-2": "early", "line-3": "broad", "line-4": "broad"}


@pytest.fixture
def hub(bench: Bench) -> FakeHub:
    made = FakeHub(dict(FLEET))
    bench.replace("hub", made)
    return made


def check(run: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (found,) = run.get_asset_check_evaluations()
    assert found.check_name == "ring_gates"
    return found


def devices(bench: Bench) -> set[str]:
    return set(bench.instance.get_dynamic_partitions("nyc_taxi_devices"))


def test_nothing_approved_means_nothing_rolled_out(bench: Bench, hub: FakeHub) -> None:
    bench.pretend_image()
    refused = bench.run("rollout")
    assert isinstance(refused, ApprovalMissing)
    assert "nothing is approved" in str(refused)
    assert hub.known == {}


def test_an_image_that_is_newer_than_the_release_is_not_rolled_out(
    bench: Bench, hub: FakeHub
) -> None:
    bench.release("one")
    bench.pretend_image("two")
    refused = bench.run("rollout")
    assert isinstance(refused, ApprovalMissing)
    assert "the newest image is not approved" in str(refused)
    assert hub.known == {}


def test_a_release_with_a_closed_gate_is_not_rolled_out(bench: Bench, hub: FakeHub) -> None:
    release = bench.release("one")
    closed = {**bench.platform.artifacts.get_document(release), "gates": {"a": gate(False, "x")}}
    bench.pretend("release", closed)
    assert isinstance(bench.run("rollout"), GateClosed)
    assert hub.known == {}


def test_a_model_that_no_device_is_meant_for_is_refused_at_once(bench: Bench) -> None:
    hub = FakeHub(dict(FLEET), tagged=False)
    bench.replace("hub", hub)
    bench.release("one")
    run = bench.materialize("rollout")
    refused = failure(run)
    assert isinstance(refused, RolloutFailed)
    assert "models.nyc_taxi: on" in str(refused)
    assert "models.nyc_taxi: on" in str(check(run).metadata["reason"].value)
    assert hub.known == {}


def test_a_good_release_reaches_the_fleet(bench: Bench, hub: FakeHub) -> None:
    release = bench.release("one")
    run = bench.materialize("rollout")
    assert failure(run) is None
    assert check(run).passed
    assert devices(bench) == set(FLEET)
    (known,) = hub.configurations()
    assert known.id.startswith("nyc_taxi-r0001-")
    assert "broad" in known.target_condition
    image = known.content["modulesContent"]["$edgeAgent"]["properties.desired.modules.nyc_taxi"][
        "settings"
    ]["image"]
    assert image == f"{REGISTRY}/nyc_taxi@{image_of('one')}"
    made = bench.document("rollout")
    assert made["inputs"] == {"release": release}
    assert made["configuration"] == known.id
    assert made["proven"] == {
        "canary": ["line-1"],
        "early": ["line-2"],
        "broad": ["line-3", "line-4"],
    }


def test_an_earlier_release_goes_out_when_a_person_names_it(bench: Bench, hub: FakeHub) -> None:
    first = bench.release("one")
    bench.release("two")
    bench.pretend_image("three")
    assert bench.run("rollout", config={"release": first}) is None
    assert bench.document("rollout")["inputs"] == {"release": first}
    (known,) = hub.configurations()
    assert known.id.startswith("nyc_taxi-r0001-")


def test_a_rollout_again_changes_nothing(bench: Bench, hub: FakeHub) -> None:
    bench.release("one")
    assert bench.run("rollout") is None
    known = dict(hub.known)
    assert bench.run("rollout") is None
    assert hub.known == known


def test_a_closed_ring_gate_is_a_failed_check_and_rolls_the_ring_back(
    bench: Bench, hub: FakeHub
) -> None:
    bench.release("one")
    hub.serves["line-2"] = digest_of("another model")
    run = bench.materialize("rollout")
    closed = failure(run)
    assert isinstance(closed, RolloutFailed)
    assert "ring early" in str(closed)
    found = check(run)
    assert not found.passed
    assert found.blocking
    assert "line-2: it serves" in str(found.metadata["reason"].value)
    assert bench.newest("rollout") is None
    assert devices(bench) == set()
    (known,) = hub.configurations()
    assert "early" not in known.target_condition
    assert "canary" in known.target_condition


def test_a_bad_canary_leaves_no_configuration(bench: Bench, hub: FakeHub) -> None:
    bench.release("one")
    hub.serves["line-1"] = digest_of("another model")
    assert isinstance(bench.run("rollout"), RolloutFailed)
    assert hub.known == {}


def test_more_than_a_ring_accepts_must_fail_to_close_its_gate(bench: Bench, hub: FakeHub) -> None:
    bench.release("one")
    many = {f"broad-{n:02d}": "broad" for n in range(30)}
    hub.rings.update(many)
    hub.serves["broad-00"] = digest_of("another model")
    assert bench.run("rollout") is None, "one of 32 is below the 5 % that may fail"
    assert "broad-00" not in bench.document("rollout")["proven"]["broad"]
