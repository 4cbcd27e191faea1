"""Rows of one dataset went through one preparation; which batches it takes may be said."""

import pytest

from edge_assets.edge_model import EdgeModel
from protos.errors import GateClosed
from tests.edge_assets.bench import Bench


def _change_preparation(monkeypatch: pytest.MonkeyPatch, digest: str) -> None:
    monkeypatch.setattr(EdgeModel, "preparation", lambda model: digest)


def test_batches_of_another_preparation_are_refused_until_prepared_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.accept("a.csv", bench.sample(1))
    bench.accept("b.csv", bench.sample(2))
    _, cursor = bench.tick("new_data"), bench.tick("new_data").cursor
    assert bench.run("dataset") is None

    _change_preparation(monkeypatch, "other")
    error = bench.run("dataset")
    assert isinstance(error, GateClosed)
    assert "a.csv, b.csv: prepare, or the columns in model.yaml, changed since" in str(error)

    ticked = bench.tick("new_data", cursor)
    requests = {r.partition_key: r for r in ticked.run_requests}
    assert set(requests) == {"a.csv", "b.csv"}
    assert requests["a.csv"].tags["trigger"] == "new preparation"
    assert bench.tick("new_data", ticked.cursor).run_requests == []
    assert bench.run("raw_batch", partition="a.csv") is None
    error = bench.run("dataset")
    assert isinstance(error, GateClosed)
    assert "b.csv" in str(error)
    assert "a.csv" not in str(error)
    assert bench.run("raw_batch", partition="b.csv") is None
    assert bench.run("dataset") is None


def test_a_preparation_that_comes_back_is_asked_for_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.accept("a.csv", bench.sample(1))
    cursor, keys = bench.tick("new_data").cursor, set[str | None]()
    for digest in ("one", "two", "one", "two"):
        _change_preparation(monkeypatch, digest)
        ticked = bench.tick("new_data", cursor)
        cursor = ticked.cursor
        (request,) = ticked.run_requests
        keys.add(request.run_key)
        assert bench.run("raw_batch", partition="a.csv") is None
    assert len(keys) == 4  # Dagster never starts a run for the same key twice


def test_a_dataset_of_chosen_batches(bench: Bench) -> None:
    for name, seed in (("a.csv", 1), ("b.csv", 2), ("c.csv", 3)):
        bench.accept(name, bench.sample(seed))
    assert bench.run("dataset", config={"batches": ["c.csv", "a.csv"]}) is None
    assert bench.document("dataset")["batches"] == ["a.csv", "c.csv"]
    assert bench.run("dataset") is None
    assert bench.document("dataset")["batches"] == ["a.csv", "b.csv", "c.csv"]


def test_a_batch_that_is_not_there_is_named(bench: Bench) -> None:
    bench.accept("a.csv", bench.sample(1))
    error = bench.run("dataset", config={"batches": ["a.csv", "z.csv"]})
    assert "there is no accepted batch z.csv" in str(error)
    assert "accepted are: a.csv" in str(error)
