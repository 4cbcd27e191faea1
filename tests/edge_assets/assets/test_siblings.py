"""One model for each product, from a table of all to the artifact of each."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from edge_assets.frames import get_frame
from edge_assets.onnx_session import run
from edge_assets.scorer import Scorer
from tests.edge_assets.bench import Bench
from tests.edge_assets.siblings import make_siblings, opened_siblings, sales

Siblings = dict[str, Bench]


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_siblings(tmp_path_factory.mktemp("models"))


@pytest.fixture
def siblings(tmp_path: Path, parent: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Siblings]:
    with opened_siblings(tmp_path, parent, monkeypatch) as opened:
        yield opened


def land(siblings: Siblings, name: str, rows: pd.DataFrame) -> Path:
    return siblings["7"].land(name, rows.to_csv(index=False).encode())


def test_each_learns_its_own_rows_of_one_delivery(siblings: Siblings) -> None:
    rows = sales(300, seed=2)
    rows.loc[[0, 1], "product"] = ["", " "]
    land(siblings, "week.csv", rows)
    asked = pd.DataFrame({"price": [2.0, 9.0], "heat": [5.0, 25.0]}).astype("float32")
    answers = {}
    for product, bench in siblings.items():
        assert bench.tick("new_data").partitions == ("week.csv",)
        for asset in ("raw_batch", "dataset", "trained_model", "onnx_model"):
            partition = "week.csv" if asset == "raw_batch" else None
            assert bench.run(asset, partition=partition) is None, (product, asset)
        batch = bench.document("raw_batch", "week.csv")
        own = int((rows["product"] == product).sum())
        assert (batch["rows_in"], batch["rows_kept"]) == (own + 2, own)
        assert batch["rows_of_others"] == 300 - own - 2
        assert batch["set_aside"] == {"product: is missing, so it is no model's row": 2}
        store = bench.platform.artifacts
        assert len(get_frame(store, batch["set_aside_rows"])) == 2
        dataset = bench.document("dataset")
        assert dataset["rows"]["train"] + dataset["rows"]["holdout"] == own
        artifact = store.get_bytes(bench.document("onnx_model")["files"]["model.onnx"])
        answers[product] = run(bench.chain.config, artifact, asked)["sold"].ravel()
        scores = Scorer(bench.chain.model, store, bench.newest("onnx_model") or "").score(rows)
        rejected = scores["rejected"].tolist()
        foreign = f"another model's row: this one is for product = {product}"
        assert rejected.count(foreign) == batch["rows_of_others"]
        assert rejected.count("") == own + 2, "rows without a product are asked about as well"
    right = {"7": [30, 70], "Widget A": [90, 55], "bolt": [320, 390]}
    for product, expected in right.items():
        assert np.abs(answers[product] - expected).max() < 12, product


def test_bad_rows_of_one_close_its_gate_and_no_other(siblings: Siblings) -> None:
    rows = sales(90, seed=3).astype(object)
    bad = rows.index[rows["product"] == "bolt"][:10]
    rows.loc[bad, "price"] = "cheap"
    path = land(siblings, "week.csv", rows)
    for product, bench in siblings.items():
        assert bench.tick("new_data").partitions == ("week.csv",)
        error = bench.run("raw_batch", partition="week.csv")
        assert (error is None) == (product != "bolt")
        if error is not None:
            assert "only 20 of 30 rows can be used" in str(error)
            assert "price: no number (10 rows)" in str(error)
        assert path.exists()


def test_rows_that_are_nobodys_are_judged_by_their_share_of_the_delivery(
    siblings: Siblings,
) -> None:
    rows = sales(90, seed=3)
    rows.loc[:19, "product"] = ""  # 22% of all, and nearly half as many as each has
    land(siblings, "few.csv", rows)
    rows.loc[:29, "product"] = ""
    land(siblings, "many.csv", rows)
    bench = siblings["7"]
    assert set(bench.tick("new_data").partitions) == {"few.csv", "many.csv"}
    assert bench.run("raw_batch", partition="few.csv") is None
    error = bench.run("raw_batch", partition="many.csv")
    assert "only 60 of 90 rows can be used" in str(error)
    assert "product: is missing" in str(error)


def test_a_batch_without_own_rows_is_recorded_and_changes_nothing(siblings: Siblings) -> None:
    bench = siblings["7"]
    rows = sales(90, seed=3)
    others = rows[rows["product"] != "7"]
    land(siblings, "others.csv", others)
    bench.instance.add_dynamic_partitions("demand_7_batches", ["others.csv"])
    assert bench.run("raw_batch", partition="others.csv") is None
    made = bench.document("raw_batch", "others.csv")
    assert (made["rows_in"], made["rows_kept"], made["rows_of_others"]) == (0, 0, 60)
    error = bench.run("dataset")
    assert "no accepted batch holds a row of demand_7" in str(error)
    bench.accept("week.csv", rows)
    assert bench.run("dataset") is None
    assert bench.document("dataset")["batches"] == ["week.csv"]
