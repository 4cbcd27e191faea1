"""Of every shipped edge model: what is no good data never comes as far as a training."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from edge_assets.core import holdout
from edge_assets.core.holdout import Split
from edge_assets.edge_model import EdgeModel
from edge_assets.operate import failure
from protos.errors import DataRefused, GateClosed
from tests.edge_assets.bench import Bench, opened_bench
from tests.edge_assets.models.gates_helpers import (
    FOLDERS,
    batch_of,
    change,
    delivery,
    enough,
    incomplete,
    model_of_its_own,
    quarantined,
    unreadable,
    verdicts,
)

BEHIND = ("trained_model", "onnx_model")


class Taken(NamedTuple):
    """A state directory in which a delivery became a batch, and batches a dataset."""

    home: Path
    raw: pd.DataFrame
    open: dict[str, bool]


@pytest.fixture(scope="module", params=FOLDERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def taken(name: str, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Taken:
    home, model = tmp_path_factory.mktemp(name), model_of_its_own(name)
    raw = model.sample_rows(enough(model.config.data), 1, "none")
    with (
        pytest.MonkeyPatch.context() as patch,
        opened_bench(home, blank, patch, model) as bench,
    ):
        batch = batch_of(model, "good")
        bench.land(batch, delivery(model, raw))
        assert bench.tick("new_data").partitions == (batch,)
        runs = [bench.materialize("raw_batch", partition=batch), bench.materialize("dataset")]
        return Taken(home, raw, {gate: way for run in runs for gate, way in verdicts(run).items()})


@pytest.fixture
def bench(
    name: str, taken: Taken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    """Where the next thing goes wrong; nothing may be trained behind it."""

    def never(*_: Any) -> Any:
        raise AssertionError("it was trained behind a closed gate")

    monkeypatch.setattr(EdgeModel, "train", never)
    with opened_bench(tmp_path, taken.home, monkeypatch, model_of_its_own(name)) as opened:
        yield opened


@pytest.fixture
def empty(
    name: str, blank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    with opened_bench(tmp_path, blank, monkeypatch, model_of_its_own(name)) as opened:
        yield opened


def refuse(bench: Bench, gate: str, reason: str) -> None:
    """The dataset is refused at the gate, and so is a training, in the same run and in a later."""
    closed = bench.run("dataset", *BEHIND)
    assert isinstance(closed, GateClosed), closed
    assert gate in str(closed)
    assert reason in str(closed)
    later = bench.run("trained_model")
    assert isinstance(later, GateClosed), later
    assert f"the gate '{gate}' of its dataset is closed" in str(later)
    assert reason in str(later)


def test_good_data_passes_every_gate(name: str, taken: Taken) -> None:
    gates = {"usable_rows": True, "leakage": True, "one_preparation": True}
    if model_of_its_own(name).config.prediction.classes:
        gates["every_class"] = True
    assert taken.open == gates


def test_a_class_without_rows_is_refused(
    name: str, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of rows: a class that training never sees, and one that nothing is judged on."""
    prediction = bench.chain.config.prediction
    if not prediction.classes:
        pytest.skip(f"{name} predicts a number")
    lost, split = prediction.classes[-1], holdout.split

    def lopsided(rows: pd.DataFrame, **arguments: Any) -> Split:
        parts = split(rows, **arguments)
        return Split(parts.train[parts.train[prediction.target] != lost], parts.holdout)

    monkeypatch.setattr(holdout, "split", lopsided)
    refuse(bench, "every_class", f"train has no row of {lost}")


def test_a_delivery_of_mostly_bad_rows_is_refused(empty: Bench, taken: Taken) -> None:
    model, count = empty.chain.model, len(taken.raw)
    batch = batch_of(model, "bad")
    empty.land(batch, delivery(model, unreadable(model, taken.raw, good=count // 3)))
    assert empty.tick("new_data").partitions == (batch,)
    run = empty.materialize("raw_batch", partition=batch)
    refused = failure(run)
    assert isinstance(refused, DataRefused), refused
    kept, _, rows = str(refused).partition("only ")[2].partition(" of ")
    assert rows.startswith(f"{count} rows can be used: ")
    assert model.config.data.min_rows <= int(kept) <= count // 3, "it is the share that decides"
    assert verdicts(run) == {"usable_rows": False}
    assert len(quarantined(empty)) == 1
    behind = empty.run("dataset")
    assert behind is not None
    assert "has no accepted batch" in str(behind)


def test_a_delivery_without_what_it_needs_is_refused(empty: Bench, taken: Taken) -> None:
    model = empty.chain.model
    reasons = []
    for place, (reason, raw) in enumerate(incomplete(model, taken.raw)):
        empty.land(batch_of(model, f"lacking_{place}"), delivery(model, raw))
        reasons.append(reason)
    ticked = empty.tick("new_data")
    assert ticked.partitions == ()
    assert ticked.run_requests == []
    assert [reason for reason in reasons if reason not in ticked.skipped] == []
    assert len(quarantined(empty)) == len(reasons)


def test_an_input_that_is_known_only_afterwards_is_refused(bench: Bench) -> None:
    data = bench.chain.config.data
    change(bench, data={"leaking": (*data.leaking, data.inputs[-1])})
    refuse(bench, "leakage", f"{data.inputs[-1]}: it is known only after the answer")


def test_rows_of_the_holdout_in_the_training_are_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = holdout.split

    def careless(rows: pd.DataFrame, **arguments: Any) -> Split:
        parts = split(rows, **arguments)
        return Split(pd.concat([parts.train, parts.holdout.tail(1)]), parts.holdout)

    monkeypatch.setattr(holdout, "split", careless)
    refuse(bench, "leakage", "holdout: 1 of ")


def test_batches_of_another_preparation_are_refused(bench: Bench) -> None:
    """What the rows promise is said otherwise in `model.yaml`; they must be prepared again."""
    model, before = bench.chain.model, bench.newest("dataset")
    data, preparation = model.config.data, model.preparation()
    change(bench, data={"target_aliases": (*data.target_aliases, "another_name")})
    assert model.preparation() != preparation
    run = bench.materialize("dataset", *BEHIND)
    closed = failure(run)
    assert isinstance(closed, GateClosed), closed
    assert f"{batch_of(model, 'good')}: prepare, or the columns in model.yaml, changed" in str(
        closed
    )
    assert verdicts(run) == {"one_preparation": False}
    assert bench.newest("dataset") == before
    assert bench.newest("trained_model") is None, "nothing is made of the batches of before"
