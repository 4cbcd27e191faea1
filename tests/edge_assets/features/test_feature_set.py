"""The shared asset: once for all models, upstream of their datasets; other features train once."""

from typing import Any

import dagster as dg
import pytest

from edge_assets.assets import feature_set
from edge_assets.assets.feature_set import key_of
from edge_assets.assets.inference_runtime import KEY as RUNTIME
from edge_assets.core.folders import SHIPPED
from edge_assets.factory import build_definitions, load_chains
from edge_assets.features.registry import FeatureModule, feature_module
from edge_assets.lineage import follow, required
from edge_assets.operate import failure, materialize
from tests.edge_assets.bench import Bench
from tests.edge_assets.outside import replace_outside

KEY = key_of("taxi_trips")
MADE = {"dataset", "trained_model", "onnx_model", "container_image"}


def test_it_is_made_once_for_all_models_that_use_it() -> None:
    folders = [SHIPPED / "nyc_taxi", SHIPPED / "london_taxi"]
    graph = build_definitions(folders).resolve_asset_graph()
    assert {key.path[0] for key in graph.get(KEY).child_keys} == {"nyc_taxi", "london_taxi"}
    assert {key.path[1] for key in graph.get(KEY).child_keys} == {"dataset"}
    assert graph.get(KEY).code_version == feature_module("taxi_trips").code()
    (asset,) = feature_set.build(load_chains(folders))
    assert asset.key == KEY


def test_models_without_shared_features_have_no_such_asset(bench: Bench) -> None:
    chain = bench.chain
    object.__setattr__(chain.config, "features", None)
    assert feature_set.build([chain]) == []
    assert feature_set.keys_of(chain) == []


def features_again(bench: Bench) -> None:
    assert failure(materialize(bench.defs, bench.instance, [KEY])) is None


def test_the_dataset_names_the_features_and_their_files(bench: Bench) -> None:
    bench.accept("a.csv", bench.sample(1))
    assert bench.run("dataset") is None, "whether or not the asset is there by then"
    features_again(bench)
    named = bench.document("dataset")["inputs"]["features"]
    assert named == required(bench.instance, KEY)
    document = bench.platform.artifacts.get_document(named)
    module = feature_module("taxi_trips")
    assert (document["version"], document["code"]) == (module.version, module.code())
    stored = {n: bench.platform.artifacts.get_bytes(d) for n, d in document["files"].items()}
    assert stored == {name: path.read_bytes() for name, path in module.files.items()}
    chain = follow(bench.platform.artifacts, bench.newest("dataset") or "")
    assert [made["kind"] for _, made in chain] == ["dataset", "features", "raw_batch"]


class Automation:
    """The automation sensor, tick by tick."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.cursor = bench, None

    def asks_for(self) -> set[str]:
        """The assets that one tick asks for."""
        ticked: Any = dg.evaluate_automation_conditions(
            self.bench.defs, self.bench.instance, cursor=self.cursor
        )
        self.cursor = ticked.cursor
        keys = self.bench.defs.resolve_asset_graph().get_all_asset_keys()
        return {key.path[-1] for key in keys if ticked.get_num_requested(key)}


@pytest.fixture
def fresh(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Automation:
    """An empty chain without features, on which one tick has passed; images are not built."""
    replace_outside(bench, monkeypatch)
    assert failure(materialize(bench.defs, bench.instance, [RUNTIME])) is None
    made = Automation(bench)
    assert made.asks_for() == {KEY.path[-1]}, "what is missing"
    return made


@pytest.fixture
def automation(fresh: Automation) -> Automation:
    """The same with features."""
    features_again(fresh.bench)
    return fresh


def _trained(automation: Automation) -> str:
    bench = automation.bench
    bench.accept("a.csv", bench.sample(1))
    assert automation.asks_for() - {KEY.path[-1]} == MADE
    assert bench.run(*sorted(MADE)) is None
    assert automation.asks_for() - {KEY.path[-1]} == set()
    return bench.newest("trained_model") or ""


def test_features_alone_ask_for_nothing(automation: Automation) -> None:
    for _ in range(3):
        assert automation.asks_for() == set()
    _trained(automation)
    automation.bench.accept("b.csv", automation.bench.sample(2))
    assert automation.asks_for() == MADE, "batches ask as ever"


def test_features_that_come_after_the_first_training_change_nothing(fresh: Automation) -> None:
    _trained(fresh)
    bench = fresh.bench
    before = bench.document("trained_model")
    features_again(bench)
    if asked := fresh.asks_for():
        assert bench.run(*sorted(asked)) is None
    after = bench.document("trained_model")
    same = ("inputs", "parameters", "code", "metrics", "gates")
    assert [after[name] for name in same] == [before[name] for name in same]
    for _ in range(3):
        assert fresh.asks_for() == set()


def test_other_features_train_again_and_once(
    automation: Automation, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = automation.bench
    before = _trained(automation)
    features_again(bench)
    assert automation.asks_for() == set(), "the same again is nothing new"
    assert automation.asks_for() == set()

    monkeypatch.setattr(FeatureModule, "code", lambda module: "edited")
    features_again(bench)
    assert automation.asks_for() == MADE
    assert bench.run(*sorted(MADE)) is None
    assert bench.newest("trained_model") != before
    code = bench.platform.artifacts.get_document(bench.document("dataset")["inputs"]["features"])
    assert code["code"] == "edited"
    for _ in range(3):
        assert automation.asks_for() == set()


def test_other_features_and_a_batch_at_once_train_once(
    automation: Automation, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = automation.bench
    _trained(automation)
    monkeypatch.setattr(FeatureModule, "code", lambda module: "edited")
    features_again(bench)
    bench.accept("b.csv", bench.sample(2))
    assert automation.asks_for() == MADE
    assert bench.run(*sorted(MADE)) is None
    for _ in range(3):
        assert automation.asks_for() == set()
