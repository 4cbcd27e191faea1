from typing import Any

import dagster as dg
import pytest

from edge_assets.lineage import (
    DOCUMENT,
    follow,
    gate,
    newest,
    refuse_closed_gates,
    required,
    result,
)
from protos.errors import GateClosed, NotFound
from resources.artifact_store import ArtifactStore
from tests.edge_assets.bench import Bench, digest_of

KEY = dg.AssetKey(["nyc_taxi", "thing"])


@pytest.fixture
def store() -> ArtifactStore:
    return ArtifactStore("memory://lineage")


def put(store: ArtifactStore, kind: str, **inputs: Any) -> str:
    return store.put_document({"kind": kind, "inputs": inputs})


def test_the_chain_is_followed_to_its_ends_each_document_once(store: ArtifactStore) -> None:
    batches = [store.put_document({"kind": "raw_batch", "n": n}) for n in range(2)]
    dataset = put(store, "dataset", raw_batch=batches)
    model = put(store, "model", dataset=dataset)
    release = put(store, "release", model=model, dataset=dataset)
    chain = follow(store, release)
    assert chain[0] == (release, store.get_document(release))
    assert sorted(digest for digest, _ in chain) == sorted([release, model, dataset, *batches])
    assert [digest for digest, _ in chain][-2:] == batches


def test_a_chain_with_a_missing_link_says_which(store: ArtifactStore) -> None:
    lost = digest_of("lost")
    with pytest.raises(NotFound, match=lost):
        follow(store, put(store, "model", dataset=lost))


def test_open_gates_are_passed_and_a_closed_one_is_not() -> None:
    refuse_closed_gates({"kind": "batch"}, "training")
    refuse_closed_gates({"kind": "dataset", "gates": {"a": gate(True, "fine")}}, "training")
    document = {"kind": "dataset", "gates": {"a": gate(True, ""), "b": gate(False, "it leaks")}}
    with pytest.raises(GateClosed, match="training is refused: the gate 'b' of its dataset") as no:
        refuse_closed_gates(document, "training")
    assert no.value.why == "it leaks"


def test_the_newest_document_is_the_last_materialized(bench: Bench) -> None:
    def tell(digest: str, partition: str | None = None) -> None:
        event = dg.AssetMaterialization(KEY, partition=partition, metadata={DOCUMENT: digest})
        bench.instance.report_runless_asset_event(event)

    assert newest(bench.instance, KEY) is None
    tell("sha256:1")
    tell("sha256:2", "a")
    tell("sha256:3", "b")
    assert newest(bench.instance, KEY) == "sha256:3"
    assert newest(bench.instance, KEY, "a") == "sha256:2"
    assert newest(bench.instance, KEY, "c") is None
    assert required(bench.instance, KEY, "b") == "sha256:3"
    with pytest.raises(NotFound, match=r"nyc_taxi/thing\[c\] has never been materialized"):
        required(bench.instance, KEY, "c")


def test_a_materialization_of_somebody_else_has_no_document(bench: Bench) -> None:
    bench.instance.report_runless_asset_event(dg.AssetMaterialization(KEY))
    assert newest(bench.instance, KEY) is None


def test_the_data_version_is_that_of_the_identity(store: ArtifactStore) -> None:
    one = result(store, {"a": 1, "seconds": 1.0}, {"rows": 3}, identity={"a": 1})
    other = result(store, {"a": 1, "seconds": 2.0}, {}, identity={"a": 1})
    assert one.data_version == other.data_version
    assert one.metadata is not None
    assert other.metadata is not None
    assert one.metadata[DOCUMENT] != other.metadata[DOCUMENT]
    assert one.metadata["rows"] == 3
    plain = result(store, {"a": 1}, {})
    assert plain.data_version == dg.DataVersion(store.put_document({"a": 1}))
