"""A batch is scored from its files as they came, by the engine of the device."""

import json

import numpy as np
import pandas as pd
import pytest

from edge_assets.edge_model import EdgeModel
from edge_assets.frames import get_frame
from edge_assets.scorer import Scorer
from protos.errors import ConfigurationError
from tests.edge_assets.artifacts import FLAG_DROP, pretend_artifact, pretend_release
from tests.edge_assets.bench import Bench

BATCH = "monday.csv"


def deliver(bench: Bench, rows: pd.DataFrame) -> None:
    bench.accept(BATCH, rows)


def scores(bench: Bench) -> pd.DataFrame:
    document = bench.document("batch_scores", BATCH)
    return get_frame(bench.platform.artifacts, document["scores"])


@pytest.fixture
def raw(bench: Bench) -> pd.DataFrame:
    rows = bench.sample(4, rows=120).reset_index(drop=True).astype(object)
    rows.loc[3, "tripDistance"] = "far"
    rows.loc[5, "fareAmount"] = "-4"  # no fare: of no matter for a prediction
    return rows


def test_every_raw_row_is_scored_or_told(bench: Bench, raw: pd.DataFrame) -> None:
    release = pretend_release(bench, pretend_artifact(bench, 2.0, bench.cleaned(1, rows=100)))
    deliver(bench, raw)
    assert bench.run("batch_scores", partition=BATCH) is None
    document, table = bench.document("batch_scores", BATCH), scores(bench)
    assert document["inputs"] == {
        "raw_batch": bench.newest("raw_batch", BATCH),
        "release": release,
    }
    assert document["model_digest"] == bench.document("release")["model_digest"]
    assert table["row"].tolist() == list(range(len(raw)))
    assert "distance" in table["rejected"][3]
    assert np.isnan(table["fare"][3])
    assert table["rejected"][5] == "", "it was set aside for its label only"
    good = table["rejected"] == ""
    distances = raw.loc[good, "tripDistance"].astype(float)
    assert np.allclose(table.loc[good, "fare"], FLAG_DROP + 2.0 * distances, rtol=1e-5)
    assert (document["rows"], document["scored"]) == (len(raw), int(good.sum()))
    assert sum(document["reasons"].values()) == document["rejected"]


def test_the_same_batch_and_release_give_the_same_document(bench: Bench, raw: pd.DataFrame) -> None:
    pretend_release(bench, pretend_artifact(bench, 2.0, bench.cleaned(1, rows=100)))
    deliver(bench, raw)
    assert bench.run("batch_scores", partition=BATCH) is None
    first = bench.newest("batch_scores", BATCH)
    assert bench.run("batch_scores", partition=BATCH) is None
    assert bench.newest("batch_scores", BATCH) == first
    train = bench.cleaned(1, rows=100)
    pretend_release(bench, pretend_artifact(bench, 2.5, train), number=2)
    assert bench.run("batch_scores", partition=BATCH) is None
    assert bench.newest("batch_scores", BATCH) != first, "another release, other scores"


def test_without_a_release_nothing_is_scored(bench: Bench, raw: pd.DataFrame) -> None:
    deliver(bench, raw)
    refused = bench.run("batch_scores", partition=BATCH)
    assert refused is not None
    assert "release has never been materialized" in str(refused)


def test_an_artifact_of_other_inputs_is_refused(bench: Bench) -> None:
    made = pretend_artifact(bench, 2.0, bench.cleaned(1, rows=100))
    config = bench.chain.config
    fewer = config.data.model_copy(update={"columns": config.data.columns[1:]})
    changed = EdgeModel(config.model_copy(update={"data": fewer}), bench.chain.model.folder)
    with pytest.raises(ConfigurationError, match="has other inputs"):
        Scorer(changed, bench.platform.artifacts, made["document"])


def test_a_row_that_the_service_refuses_is_told_alone(bench: Bench, raw: pd.DataFrame) -> None:
    """Bounds may have been narrower when the artifact was made."""
    store = bench.platform.artifacts
    made = pretend_artifact(bench, 2.0, bench.cleaned(1, rows=100))
    described = json.loads(store.get_bytes(made["files"]["model.json"]))
    for tensor in described["inputs"]:
        if tensor["name"] == "distance":
            tensor["maximum"] = 3.0
    files = {**made["files"], "model.json": store.put_bytes(json.dumps(described).encode())}
    narrow = bench.pretend("onnx_model", {**store.get_document(made["document"]), "files": files})
    scorer = Scorer(bench.chain.model, store, narrow)
    table = scorer.score(raw)
    far = pd.to_numeric(raw["tripDistance"], errors="coerce") > 3.0
    assert far.sum() > 5
    assert table.loc[far, "rejected"].str.contains("refused by the service.*distance").sum() > 5
    near = table[~far & (table["rejected"] == "")]
    assert len(near) > 5
    assert near["fare"].notna().all()
