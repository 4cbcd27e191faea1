"""The new-data sensor, where the tests of the assets do not look."""

from pathlib import Path

from sensors.batches import BATCHES_A_TICK, deliveries
from tests.edge_assets.bench import Bench


def test_a_withdrawn_batch_does_not_come_back_by_itself(bench: Bench) -> None:
    bench.accept("a.csv", bench.sample(1))
    bench.accept("b.csv", bench.sample(2))
    bench.instance.delete_dynamic_partition("nyc_taxi_batches", "a.csv")
    ticked = bench.tick("new_data")
    assert ticked.partitions == ()
    assert "no new delivery" in ticked.skipped
    assert bench.run("dataset") is None
    assert bench.document("dataset")["batches"] == ["b.csv"]


def test_what_was_withdrawn_may_be_delivered_by_another_name(bench: Bench) -> None:
    bench.accept("a.csv", bench.sample(1))
    bench.instance.delete_dynamic_partition("nyc_taxi_batches", "a.csv")
    bench.land("again.csv", bench.sample(1).to_csv(index=False).encode())
    assert bench.tick("new_data").partitions == ("again.csv",)


def test_a_tick_takes_a_bounded_number_of_deliveries(bench: Bench) -> None:
    rows = bench.sample(1, rows=200)
    for number in range(BATCHES_A_TICK + 2):
        bench.land(f"{number:02d}.csv", rows[: number + 1].to_csv(index=False).encode())
    assert len(bench.tick("new_data").partitions) == BATCHES_A_TICK
    assert len(bench.tick("new_data").partitions) == 2


def test_hidden_names_are_still_being_written(tmp_path: Path) -> None:
    for name in ("b.csv", ".a.csv.part", "_tmp", "a.csv"):
        (tmp_path / name).write_text("x")
    assert sorted(path.name for path in deliveries(tmp_path)) == ["a.csv", "b.csv"]
    assert deliveries(tmp_path / "missing") == []
