"""Real rows with what is right of them: of numbers and classes, in one order with the truth."""

import json
from pathlib import Path

import numpy as np
import pytest

from edge_assets.core.folders import SHIPPED
from edge_assets.core.model_folder import model_json
from edge_assets.edge_model import EdgeModel
from edge_assets.frames import put_frame
from edge_assets.tuning import holdout
from edge_assets.tuning.holdout import with_holdout
from inference_service.tune.subject import Subject, read_subject
from protos.digests import digest_bytes
from resources.artifact_store import ArtifactStore

TOOLING = EdgeModel.load(SHIPPED / "tooling")
KEPT = TOOLING.prepare(TOOLING.sample_rows(90, 1, "none")).kept


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(str(tmp_path / "store"))


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    folder = tmp_path / "tooling"
    folder.mkdir()
    data = TOOLING.to_onnx(TOOLING.train(KEPT))
    (folder / "model.onnx").write_bytes(data)
    (folder / "model.json").write_text(json.dumps(model_json(TOOLING.config, digest_bytes(data))))
    return read_subject(folder)


def stored(store: ArtifactStore) -> str:
    frame = put_frame(store, KEPT)
    dataset = {"kind": "dataset", "inputs": {}, "batches": [], "train": frame, "holdout": frame}
    inputs = {"dataset": store.put_document(dataset)}
    return store.put_document({"kind": "onnx_model", "inputs": inputs})


def test_the_holdout_takes_the_place_of_made_up_rows(
    store: ArtifactStore, subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holdout, "ROWS", 30)
    assert not subject.real
    found = with_holdout(subject, TOOLING.config, store, stored(store))
    assert (found.real, found.origin) == (True, "the holdout")
    assert len(found.questions) == len(found.truth) == 30
    target = TOOLING.config.prediction.target
    chosen = KEPT.iloc[[place * len(KEPT) // 30 for place in range(30)]]
    assert [row[target].item() for row in found.truth] == chosen[target].tolist()
    assert {row[target].shape for row in found.truth} == {(1, 1)}
    for name in ("x1", "x2"):
        asked = [question[name].item() for question in found.questions]
        assert np.allclose(asked, chosen[name].to_numpy(dtype=float))


def test_golden_rows_stay_in_front(store: ArtifactStore, subject: Subject) -> None:
    golden = subject.with_rows(subject.questions[:2], [], "golden.json")
    found = with_holdout(golden, TOOLING.config, store, stored(store))
    assert found.origin == "golden.json and the holdout"
    assert len(found.questions) == 2 + len(found.truth) == 2 + len(KEPT)
    assert found.questions[:2] == subject.questions[:2]


def test_without_a_dataset_nothing_changes(store: ArtifactStore, subject: Subject) -> None:
    alone = store.put_document({"kind": "onnx_model", "inputs": {}})
    assert with_holdout(subject, TOOLING.config, store, alone) is subject
