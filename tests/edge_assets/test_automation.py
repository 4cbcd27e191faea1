"""What automation asks for: everything up to the image, past open gates; never a release."""

from dataclasses import dataclass
from typing import Any

import dagster as dg
import pytest

from edge_assets.assets.feature_set import key_of
from edge_assets.assets.inference_runtime import KEY as RUNTIME
from edge_assets.operate import failure, materialize
from protos.errors import GateClosed, RolloutFailed
from tests.edge_assets.bench import Bench, digest_of, image_of
from tests.edge_assets.fake_hub import FakeHub
from tests.edge_assets.outside import replace_outside

MADE = {"dataset", "trained_model", "onnx_model", "container_image"}


@dataclass
class Automation:
    """The automation sensor, tick by tick."""

    bench: Bench
    cursor: Any = None

    def asks_for(self) -> set[str]:
        """The assets of the edge model that one tick asks for."""
        ticked = dg.evaluate_automation_conditions(
            self.bench.defs, self.bench.instance, cursor=self.cursor
        )
        self.cursor = ticked.cursor
        keys = self.bench.defs.resolve_asset_graph().get_all_asset_keys()
        return {
            key.path[-1]
            for key in keys
            if ticked.get_num_requested(key) and key.path[0] != "shared"
        }


@pytest.fixture
def automation(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Automation:
    """An empty chain on which one tick has passed already; images are not really built."""
    replace_outside(bench, monkeypatch)
    assert failure(materialize(bench.defs, bench.instance, [RUNTIME, key_of("taxi_trips")])) is None
    made = Automation(bench)
    assert made.asks_for() == set()
    return made


def test_a_new_batch_asks_for_all_up_to_the_image_and_once(automation: Automation) -> None:
    bench = automation.bench
    bench.accept("a.csv", bench.sample(1))
    assert automation.asks_for() == MADE
    assert bench.run(*sorted(MADE)) is None, "in one run, as the daemon starts them"
    assert automation.asks_for() == set()
    assert automation.asks_for() == set()

    bench.accept("b.csv", bench.sample(2))
    assert automation.asks_for() == MADE
    assert automation.asks_for() == set()


def test_a_dataset_that_was_made_again_with_the_same_outcome_is_nothing_new(
    automation: Automation,
) -> None:
    bench = automation.bench
    bench.accept("a.csv", bench.sample(1))
    assert automation.asks_for() == MADE
    assert bench.run(*sorted(MADE)) is None
    assert automation.asks_for() == set()
    assert bench.run("dataset") is None, "by hand, in the UI"
    assert automation.asks_for() == set()
    assert automation.asks_for() == set()


def test_a_batch_that_comes_right_after_a_request_is_not_forgotten(
    automation: Automation,
) -> None:
    bench = automation.bench
    bench.accept("a.csv", bench.sample(1))
    assert automation.asks_for() == MADE
    bench.accept("b.csv", bench.sample(2))
    assert "dataset" in automation.asks_for()


def test_a_batch_that_comes_in_the_tick_of_a_run_is_not_forgotten(automation: Automation) -> None:
    bench = automation.bench
    bench.accept("a.csv", bench.sample(1))
    assert automation.asks_for() == MADE
    assert bench.run("dataset", "trained_model") is None
    bench.accept("b.csv", bench.sample(2))
    assert automation.asks_for() == MADE


def test_a_batch_that_a_running_dataset_does_not_know_is_not_forgotten(
    automation: Automation, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = automation.bench
    bench.accept("a.csv", bench.sample(1))
    assert automation.asks_for() == MADE
    seen = []

    def late(*arguments: Any) -> str:
        """After the batches were read and before the dataset is there, one more comes."""
        bench.instance.add_dynamic_partitions("nyc_taxi_batches", ["b.csv"])
        bench.pretend("raw_batch", {"rows_in": 0}, "b.csv")
        seen.append(automation.asks_for())
        return "sha256:" + "0" * 64

    with monkeypatch.context() as patched:
        patched.setattr("edge_assets.assets.dataset.put_frame", late)
        bench.run("dataset")
    assert seen[0] == set(), "it is not started beside itself"
    assert "dataset" in automation.asks_for()


def test_a_batch_that_is_announced_but_not_there_asks_for_nothing(
    automation: Automation,
) -> None:
    bench = automation.bench
    bench.instance.add_dynamic_partitions("nyc_taxi_batches", ["missing.csv"])
    assert automation.asks_for() == set()
    bench.accept("a.csv", bench.sample(1))
    assert automation.asks_for() == MADE, "it does not hold the others back"


def test_a_refused_batch_asks_for_nothing(automation: Automation) -> None:
    bench = automation.bench
    bench.land("bad.csv", bench.sample(1).assign(tripDistance=0.0).to_csv().encode())
    bench.tick("new_data")
    assert isinstance(bench.run("raw_batch", partition="bad.csv"), GateClosed)
    assert automation.asks_for() == set()


def test_a_refused_batch_does_not_hold_back_a_good_one(automation: Automation) -> None:
    bench = automation.bench
    bench.land("bad.csv", bench.sample(1).assign(tripDistance=0.0).to_csv().encode())
    bench.accept("good.csv", bench.sample(2))
    assert isinstance(bench.run("raw_batch", partition="bad.csv"), GateClosed)
    assert automation.asks_for() == MADE


def test_leakage_stops_propagation(automation: Automation) -> None:
    bench, data = automation.bench, automation.bench.chain.config.data
    leaky = data.model_copy(update={"features": (*data.features, "tipAmount")})
    bench.accept("a.csv", bench.sample(1))
    assert automation.asks_for() == MADE
    object.__setattr__(bench.chain.config, "data", leaky)
    assert isinstance(bench.run("dataset"), GateClosed)
    object.__setattr__(bench.chain.config, "data", data)
    assert automation.asks_for() == set()
    assert isinstance(bench.run("trained_model"), GateClosed)


def test_a_closed_gate_stops_propagation_and_an_open_one_resumes_it(
    automation: Automation,
) -> None:
    bench = automation.bench
    shuffled = bench.sample(1)
    shuffled["fareAmount"] = shuffled["fareAmount"].sample(frac=1.0, random_state=1).to_numpy()
    bench.accept("a.csv", shuffled)
    assert automation.asks_for() == MADE
    closed = bench.run(*sorted(MADE))
    assert isinstance(closed, GateClosed)
    assert "metric_floors" in str(closed)
    assert automation.asks_for() == set()
    assert isinstance(bench.run("trained_model"), GateClosed)
    assert automation.asks_for() == set(), "nor after a run of the candidate alone"

    bench.instance.delete_dynamic_partition("nyc_taxi_batches", "a.csv")
    bench.accept("b.csv", bench.sample(2))
    assert automation.asks_for() == MADE
    assert bench.run(*sorted(MADE)) is None
    assert automation.asks_for() == set()


def test_a_candidate_that_does_not_beat_the_champion_goes_no_further(
    automation: Automation,
) -> None:
    bench = automation.bench
    bench.accept("a.csv", bench.sample(1))
    assert bench.run(*sorted(MADE)) is None
    image = bench.document("container_image")["image"]
    assert bench.approve(image_digest=image) is None
    while automation.asks_for():
        pass
    bench.train_with(max_iter=20)
    closed = bench.run("trained_model")
    assert isinstance(closed, GateClosed)
    assert "champion" in str(closed)
    assert automation.asks_for() == set()


def test_a_candidate_made_by_hand_is_carried_on(automation: Automation) -> None:
    bench = automation.bench
    bench.accept("a.csv", bench.sample(1))
    assert bench.run("dataset", "trained_model") is None
    assert {"onnx_model", "container_image"} <= automation.asks_for()


def test_a_new_image_never_asks_for_a_release_but_a_release_asks_for_its_rollout(
    automation: Automation,
) -> None:
    bench = automation.bench
    bench.replace("hub", FakeHub({"line-1": "canary"}))
    bench.pretend_image()
    asked = automation.asks_for()
    assert not {"release", "rollout", "deployment", "captures", "drift_report"} & asked
    assert bench.approve() is None
    assert automation.asks_for() == {"rollout"}
    assert bench.run("rollout") is None
    assert automation.asks_for() == set()


def test_a_failed_rollout_is_not_tried_again_on_its_own(automation: Automation) -> None:
    bench = automation.bench
    hub = FakeHub({"line-1": "canary"}, serves={"line-1": digest_of("another model")})
    bench.replace("hub", hub)
    bench.pretend_image()
    automation.asks_for()
    assert bench.approve() is None
    assert automation.asks_for() == {"rollout"}
    assert isinstance(bench.run("rollout"), RolloutFailed)
    for _ in range(3):
        assert automation.asks_for() == set()
    bench.pretend_image("two")
    assert bench.approve("two", image_digest=image_of("two")) is None
    assert "rollout" in automation.asks_for()


def test_only_these_assets_are_automated(bench: Bench) -> None:
    graph = bench.defs.resolve_asset_graph()
    automated = {
        key.path[-1]
        for key in graph.get_all_asset_keys()
        if graph.get(key).automation_condition is not None
    }
    assert automated == MADE | {"rollout", "inference_runtime", "taxi_trips_features"}
