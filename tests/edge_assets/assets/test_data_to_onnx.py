"""From raw data to ONNX through the real assets: each gate closes on bad input, opens on good."""

from pathlib import Path

import numpy as np
import pytest

from protos.errors import DataRefused, GateClosed
from tests.edge_assets.bench import Bench


def quarantined(bench: Bench) -> list[str]:
    return sorted(p.parent.name for p in (bench.home / "quarantine").rglob("reason.json"))


def test_the_sensor_takes_new_batches_once(bench: Bench) -> None:
    bench.land("a.csv", bench.sample(1).to_csv(index=False).encode())
    first = bench.tick("new_data")
    assert first.partitions == ("a.csv",)
    assert first.run_requests[0].partition_key == "a.csv"
    assert "no new delivery" in bench.tick("new_data").skipped


def test_a_delivery_that_is_still_written_waits(bench: Bench) -> None:
    path = bench.land("a.csv", b"x")
    path.touch()
    assert "still being written" in bench.tick("new_data").skipped


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("broken.parquet", b"PAR1 not really", "cannot be read"),
        ("empty.csv", b"", "is empty"),
        ("columns.csv", b"vendorID,fareAmount\n1,2\n", "lacks columns"),
    ],
)
def test_bad_deliveries_are_quarantined(
    bench: Bench, name: str, content: bytes, reason: str
) -> None:
    bench.land(name, content)
    ticked = bench.tick("new_data")
    assert not ticked.run_requests
    assert reason in ticked.skipped
    assert len(quarantined(bench)) == 1


def test_a_batch_delivered_twice_is_quarantined(bench: Bench) -> None:
    bench.accept("a.csv", bench.sample(1))
    bench.land("b.csv", bench.sample(1).to_csv(index=False).encode())
    assert "delivered before" in bench.tick("new_data").skipped
    assert quarantined(bench) != []


def test_a_batch_with_mostly_bad_rows_is_refused_by_the_asset(bench: Bench) -> None:
    bad = bench.sample(1)
    bad["tripDistance"] = 0.0
    bench.land("bad.csv", bad.to_csv(index=False).encode())
    bench.tick("new_data")
    refused = bench.run("raw_batch", partition="bad.csv")
    assert isinstance(refused, GateClosed | DataRefused)
    assert "rows can be used" in str(refused)
    assert quarantined(bench) != []


def test_a_mended_delivery_may_come_under_the_name_of_a_refused_one(bench: Bench) -> None:
    bad = bench.sample(1)
    bad["tripDistance"] = 0.0
    bench.land("a.csv", bad.to_csv(index=False).encode())
    first = bench.tick("new_data")
    assert bench.run("raw_batch", partition="a.csv") is not None
    bench.land("a.csv", bench.sample(1).to_csv(index=False).encode())
    second = bench.tick("new_data")
    assert second.partitions == ("a.csv",)
    assert second.run_requests[0].run_key != first.run_requests[0].run_key
    assert bench.run("raw_batch", partition="a.csv") is None


def test_single_bad_rows_are_set_aside_and_counted(bench: Bench) -> None:
    frame = bench.sample(1)
    frame.loc[frame.index[:7], "tripDistance"] = -1.0
    bench.accept("a.csv", frame)
    made = bench.document("raw_batch", "a.csv")
    assert made["rows_in"] == len(frame)
    assert made["rows_kept"] + sum(made["set_aside"].values()) == len(frame)
    assert made["set_aside"]["distance: not above 0"] >= 7


def test_the_chain_from_batches_to_onnx(bench: Bench) -> None:
    bench.accept("a.csv", bench.sample(1))
    bench.accept("b.csv", bench.sample(2))
    assert bench.run("dataset", "trained_model", "onnx_model") is None
    dataset, onnx = bench.document("dataset"), bench.document("onnx_model")
    assert dataset["batches"] == ["a.csv", "b.csv"]
    assert dataset["rows"]["train"] + dataset["rows"]["holdout"] == dataset["rows"]["kept"]
    assert onnx["gates"]["parity"]["passed"]
    assert set(onnx["files"]) == {"model.onnx", "model.json", "golden.json"}


def test_the_same_inputs_make_the_same_dataset_and_onnx(bench: Bench) -> None:
    bench.accept("a.csv", bench.sample(1))
    assert bench.run("dataset", "trained_model", "onnx_model") is None
    first = bench.document("dataset"), bench.document("onnx_model")["onnx"]
    assert bench.run("dataset", "trained_model", "onnx_model") is None
    assert (bench.document("dataset"), bench.document("onnx_model")["onnx"]) == first


def test_a_leaking_column_closes_the_gate_and_stops_training(bench: Bench) -> None:
    data = bench.chain.config.data
    leaky = data.model_copy(update={"features": (*data.features, "tipAmount")})
    bench.accept("a.csv", bench.sample(1))
    object.__setattr__(bench.chain.config, "data", leaky)
    closed = bench.run("dataset", "trained_model")
    object.__setattr__(bench.chain.config, "data", data)
    assert isinstance(closed, GateClosed)
    assert "leakage" in str(closed)
    later = bench.run("trained_model")
    assert isinstance(later, GateClosed), "a later run on its own must be refused as well"


def test_labels_without_meaning_miss_the_floors(bench: Bench) -> None:
    frame = bench.sample(1)
    frame["fareAmount"] = frame["fareAmount"].sample(frac=1.0, random_state=1).to_numpy()
    bench.accept("a.csv", frame)
    closed = bench.run("dataset", "trained_model", "onnx_model")
    assert isinstance(closed, GateClosed)
    assert "metric_floors" in str(closed)
    assert isinstance(bench.run("onnx_model"), GateClosed)


def test_a_graph_that_answers_otherwise_closes_the_parity_gate(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.accept("a.csv", bench.sample(1))
    monkeypatch.setattr(
        "edge_assets.onnx_session.run",
        lambda config, onnx, rows: {"fare": np.zeros((len(rows), 1), np.float32)},
    )
    closed = bench.run("dataset", "trained_model", "onnx_model")
    assert isinstance(closed, GateClosed)
    assert "parity" in str(closed)


def test_a_deleted_delivery_is_restored_from_the_store(bench: Bench) -> None:
    bench.accept("a.csv", bench.sample(1))
    before = bench.document("raw_batch", "a.csv")
    Path(bench.home / "landing" / "nyc_taxi" / "a.csv").unlink()
    assert bench.run("raw_batch", partition="a.csv") is None
    assert bench.document("raw_batch", "a.csv") == before
