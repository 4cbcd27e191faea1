"""Model statistics: sums, sizes of batches, and what a client reads."""

import threading

import pytest

from inference_service.errors import UnknownModel
from inference_service.statistics import MAX_VERSIONS, ModelStatistics, StatisticsTable, as_message
from protos import inference_pb2 as pb


def asked(table: StatisticsTable, name: str = "", version: str = "") -> list[pb.ModelStatistics]:
    return list(table.answer(pb.ModelStatisticsRequest(name=name, version=version)).model_stats)


def test_a_batch_counts_once_and_its_requests_each() -> None:
    statistics = ModelStatistics(clock_ns=lambda: 1_700_000_000_123_456_789)
    statistics.record(rows=3, requests=2, queue_ns=100, input_ns=10, infer_ns=20, output_ns=5)
    statistics.record(rows=1, requests=1, queue_ns=7, input_ns=1, infer_ns=2, output_ns=3)
    statistics.failed(50)
    statistics.failed(8, requests=2)
    told = as_message("taxi", "1", *statistics.totals())
    assert (told.name, told.version) == ("taxi", "1")
    assert told.last_inference == 1_700_000_000_123
    assert (told.inference_count, told.execution_count) == (4, 2)
    of = told.inference_stats
    assert (of.success.count, of.success.ns) == (3, 100 + 2 * 35 + 7 + 6)
    assert (of.fail.count, of.fail.ns) == (3, 58)
    assert (of.queue.count, of.queue.ns) == (3, 107)
    assert (of.compute_input.count, of.compute_input.ns) == (3, 21)
    assert (of.compute_infer.count, of.compute_infer.ns) == (3, 42)
    assert (of.compute_output.count, of.compute_output.ns) == (3, 13)
    sizes = {one.batch_size: one for one in told.batch_stats}
    assert list(sizes) == [1, 3]
    assert (sizes[3].compute_infer.count, sizes[3].compute_infer.ns) == (1, 20)


def test_the_sizes_of_batches_are_bounded() -> None:
    statistics = ModelStatistics()
    for rows in [*range(1, 300), 1000, 10**5, 10**9]:
        statistics.record(rows, 1, 0, 0, 1, 0)
    _, sizes = statistics.totals()
    assert list(sizes) == [1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 64, 128, 256, 512, 1024, 65536]
    assert sizes[16].batches == 8  # 9 to 16
    assert sizes[65536].batches == 2


def test_no_batch_is_lost_between_threads() -> None:
    statistics = ModelStatistics()

    def count() -> None:
        for _ in range(5000):
            statistics.record(2, 1, 1, 1, 1, 1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    totals, sizes = statistics.totals()
    assert (totals.rows, totals.queue_ns, sizes[2].batches) == (40_000, 20_000, 20_000)


def test_a_client_asks_for_all_or_one() -> None:
    table = StatisticsTable()
    for name, version in [("taxi", "2"), ("taxi", "1"), ("bus", "1")]:
        table.of(name, version).record(1, 1, 0, 0, 0, 0)
    assert table.of("taxi", "1") is table.of("taxi", "1")
    assert [(one.name, one.version) for one in asked(table)] == [
        ("bus", "1"),
        ("taxi", "1"),
        ("taxi", "2"),
    ]
    assert len(asked(table, "taxi")) == 2
    assert len(asked(table, "taxi", "2")) == 1
    for name, version in [("tram", ""), ("taxi", "3")]:
        with pytest.raises(UnknownModel, match=name):
            asked(table, name, version)
    assert asked(StatisticsTable()) == []


def test_old_versions_make_room() -> None:
    table = StatisticsTable()
    kept = table.of("taxi", "kept")
    for number in range(2 * MAX_VERSIONS):
        table.of("taxi", str(number))
        table.of("taxi", "kept")
    assert len(table.all()) == MAX_VERSIONS
    assert table.of("taxi", "kept") is kept
