"""The scorer with a model of classes that the project ships, trained here on few rows."""

import json
from pathlib import Path

import numpy as np
import pytest

from edge_assets.core.folders import SHIPPED
from edge_assets.core.model_folder import model_json
from edge_assets.edge_model import EdgeModel
from edge_assets.frames import put_frame
from edge_assets.onnx_session import run
from edge_assets.scorer import Scorer, artifact_of, restore
from protos.errors import IntegrityError, NotFound
from resources.artifact_store import ArtifactStore

MODEL = EdgeModel.load(SHIPPED / "tooling")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ArtifactStore:
    return ArtifactStore(str(tmp_path_factory.mktemp("store")))


@pytest.fixture(scope="module")
def artifact(store: ArtifactStore) -> str:
    kept = MODEL.prepare(MODEL.sample_rows(200, 1, "none")).kept
    onnx = store.put_bytes(MODEL.to_onnx(MODEL.train(kept)))
    described = json.dumps(model_json(MODEL.config, onnx)).encode()
    dataset = {"kind": "dataset", "inputs": {}, "batches": [], "train": put_frame(store, kept)}
    return store.put_document(
        {
            "kind": "onnx_model",
            "inputs": {"dataset": store.put_document(dataset)},
            "onnx": onnx,
            "files": {"model.onnx": onnx, "model.json": store.put_bytes(described)},
        }
    )


def test_classes_are_those_that_onnxruntime_gives(store: ArtifactStore, artifact: str) -> None:
    raw = MODEL.sample_rows(50, 2, "none")
    scorer = Scorer(MODEL, store, artifact)
    table = scorer.score(raw.drop(columns=MODEL.config.prediction.target))
    assert (table["rejected"] == "").all()
    kept = MODEL.prepare(raw).kept
    assert len(kept) == 50
    told = run(MODEL.config, store.get_bytes(scorer.digest), kept)
    assert table[MODEL.config.prediction.target].tolist() == told["label"].ravel().tolist()
    found = table[["probabilities.0", "probabilities.1"]].to_numpy()
    assert np.allclose(found, told["probabilities"], atol=1e-6)


def test_a_chunk_of_refused_rows_does_not_spoil_the_others(
    store: ArtifactStore, artifact: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_assets.onnx_session._CHUNK_ROWS", 10)
    document = store.get_document(artifact)
    described = json.loads(store.get_bytes(document["files"]["model.json"]))
    raw = MODEL.sample_rows(40, 2, "none")
    first = described["inputs"][0]["name"]
    raw = raw.sort_values(first, ascending=False, ignore_index=True)
    described["inputs"][0]["maximum"] = float(raw[first].iloc[15])
    files = {
        **document["files"],
        "model.json": store.put_bytes(json.dumps(described).encode()),
    }
    narrow = store.put_document({**document, "files": files})
    table = Scorer(MODEL, store, narrow).score(raw)
    assert (table["rejected"] != "").tolist() == (raw[first] > raw[first].iloc[15]).tolist()
    assert table["probabilities.0"].notna().sum() == (table["rejected"] == "").sum() >= 20


def test_no_rows_are_no_scores(store: ArtifactStore, artifact: str) -> None:
    table = Scorer(MODEL, store, artifact).score(MODEL.sample_rows(1, 2, "none")[:0])
    assert table.empty
    assert "rejected" in table


def test_damaged_bytes_are_not_asked(store: ArtifactStore, artifact: str) -> None:
    document = store.get_document(artifact)
    digest = store.put_bytes(b"will be damaged")
    hexadecimal = digest.removeprefix("sha256:")
    blob = Path(store.url) / "blobs/sha256" / hexadecimal[:2] / hexadecimal[2:]
    blob.write_bytes(b"is damaged")
    files = {**document["files"], "model.onnx": digest}
    with pytest.raises(IntegrityError):
        Scorer(MODEL, store, store.put_document({**document, "files": files}))


def test_a_release_without_an_artifact_is_told(store: ArtifactStore, artifact: str) -> None:
    release = store.put_document({"kind": "release", "inputs": {"image": artifact}})
    assert artifact_of(store, release) == artifact
    empty = store.put_document({"kind": "release", "inputs": {}})
    with pytest.raises(NotFound, match="no ONNX artifact"):
        artifact_of(store, empty)


def test_a_delivery_comes_back_as_it_was(store: ArtifactStore, tmp_path: Path) -> None:
    one, two = store.put_bytes(b"one"), store.put_bytes(b"two")
    file = restore(store, {"monday.csv": one}, tmp_path, "monday.csv")
    assert file.read_bytes() == b"one"
    folder = restore(store, {"a/1.png": one, "b/2.png": two}, tmp_path, "tuesday")
    assert (folder / "b/2.png").read_bytes() == b"two"
    same_name = restore(store, {"x.csv": one, "y.csv": two}, tmp_path, "x.csv")
    assert sorted(path.name for path in same_name.iterdir()) == ["x.csv", "y.csv"]
