"""Metrics: what is counted, and that the text is what the format says."""

import gc
import threading
import time
from pathlib import Path

import pytest

from inference_service.metrics.calls import CallMetrics
from inference_service.metrics.exposition import Family, Sample, render
from inference_service.metrics.service import (
    ServiceMetrics,
    model_info,
    model_statistics,
    word_counters,
)
from inference_service.statistics import StatisticsTable
from inference_service.status import Code
from tests.inference_service.exposition_parser import parse

INFER = "/inference.GRPCInferenceService/ModelInfer"
LIVE = "/inference.GRPCInferenceService/ServerLive"


@pytest.fixture
def calls() -> CallMetrics:
    return CallMetrics([INFER, LIVE])


def test_calls_are_counted_by_method_and_code(calls: CallMetrics) -> None:
    for _ in range(3):
        calls.observe(INFER, Code.OK, 0.00015)
    calls.observe(INFER, Code.INVALID_ARGUMENT, 0.0001)
    calls.observed(LIVE, 0.002, 600)  # told together
    calls.observe(INFER, Code.OK, 99.0)
    calls.observe("/../../etc/passwd", Code.UNIMPLEMENTED, 0.0)
    text = parse(ServiceMetrics(calls).render())
    requests = text["inference_requests_total"]
    assert requests.value("inference_requests_total", method=INFER, code="OK") == 4
    assert requests.value("inference_requests_total", method=INFER, code="INVALID_ARGUMENT") == 1
    assert requests.value("inference_requests_total", method=LIVE, code="OK") == 600
    assert len(requests.samples) == 4
    assert requests.value("inference_requests_total", method="unknown", code="UNIMPLEMENTED") == 1
    seconds = text["inference_request_seconds"]
    name = "inference_request_seconds"
    assert seconds.value(f"{name}_bucket", method=INFER, le="0.0001") == 1
    assert seconds.value(f"{name}_bucket", method=INFER, le="0.0002") == 4
    assert seconds.value(f"{name}_bucket", method=INFER, le="10") == 4
    assert seconds.value(f"{name}_bucket", method=INFER, le="+Inf") == 5
    assert seconds.value(f"{name}_count", method=INFER) == 5
    assert seconds.value(f"{name}_sum", method=INFER) == pytest.approx(99.00055)


def test_no_count_is_lost_between_threads(calls: CallMetrics) -> None:
    def count() -> None:
        for number in range(5000):
            calls.observe(LIVE, Code.OK, 0.001)
            if number % 100 == 0:
                calls.observe(LIVE, Code.INTERNAL, 0.001)
                list(calls.families())

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    text = parse(ServiceMetrics(calls).render())
    sample = text["inference_requests_total"].value(
        "inference_requests_total", method=LIVE, code="OK"
    )
    assert sample == 20_000
    seconds = text["inference_request_seconds"]
    assert seconds.value("inference_request_seconds_count", method=LIVE) == 20_200


def test_labels_and_help_are_escaped() -> None:
    nasty = 'a"b\\c\nd},e="f'
    text = render([Family("x", "gauge", "one\ntwo \\ three", [Sample(1.5, {"name": nasty})])])
    assert text.count(b"\n") == 3
    parsed = parse(text)["x"]
    assert parsed.value("x", name=nasty) == 1.5
    assert parsed.help == "one\\ntwo \\\\ three"


@pytest.mark.parametrize(
    "text",
    [
        b"x 1",
        b"# HELP x y\n# TYPE x counter\nx 1\n",
        b"# HELP x y\n# TYPE x gauge\ny 1\n",
        b'# HELP x y\n# TYPE x gauge\nx{a="b\\c"} 1\n',
        b"# HELP x y\n# TYPE x gauge\nx 1\nx 2\n",
        b'# HELP x y\n# TYPE x histogram\nx_bucket{le="1"} 2\nx_bucket{le="+Inf"} 1\nx_count 1\n',
    ],
)
def test_the_reader_of_these_tests_is_strict(text: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        parse(text)


@pytest.mark.parametrize(
    ("value", "told"),
    [(3.0, b"3"), (0.1, b"0.1"), (float("inf"), b"+Inf"), (float("nan"), b"NaN"), (2e20, b"2e+20")],
)
def test_numbers_are_written_as_the_format_wants(value: float, told: bytes) -> None:
    assert render([Family("x", "gauge", "y", [Sample(value)])]).endswith(b"x " + told + b"\n")


def test_others_are_asked_when_one_reads(calls: CallMetrics) -> None:
    metrics = ServiceMetrics(calls)
    streams = [3]
    table = StatisticsTable()
    table.of("taxi", "abc").record(8, 2, 10**9, 0, 2 * 10**9, 0)
    metrics.add_gauge("inference_streams", "Open streams.", lambda: streams[0])
    metrics.add_counter("inference_received_bytes_total", "Bytes read.", lambda: 2**40)
    metrics.add(model_info(lambda: [("taxi", "abc", "sha256:00")]))
    metrics.add(word_counters("capture", lambda: {"written": 7, "dropped": 1}))
    metrics.add(model_statistics(table))
    text = parse(metrics.render())
    assert text["inference_streams"].value("inference_streams") == 3
    streams[0] = 0
    assert parse(metrics.render())["inference_streams"].value("inference_streams") == 0
    name = "inference_model_info"
    assert text[name].value(name, name="taxi", version="abc", digest="sha256:00") == 1
    name = "inference_capture_written_total"
    assert text[name].value(name) == 7
    name = "inference_model_rows_total"
    assert text[name].value(name, name="taxi", version="abc") == 8
    name = "inference_model_seconds_total"
    assert text[name].value(name, name="taxi", version="abc", step="infer") == 4.0
    name = "inference_received_bytes_total"
    assert text[name].value(name) == 2**40


def test_a_source_that_fails_costs_its_own_metrics_only(
    calls: CallMetrics, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = ServiceMetrics(calls)
    metrics.add_gauge("broken", "Broken.", lambda: 1 / 0)
    metrics.add_gauge("whole", "Whole.", lambda: 1)
    for _ in range(3):
        text = parse(metrics.render())
        assert "broken" not in text
        assert "whole" in text
    assert caplog.text.count("left out") == 1


def test_the_process_tells_of_itself(calls: CallMetrics, tmp_path: Path) -> None:
    metrics = ServiceMetrics(calls)

    def told(name: str) -> float:
        return parse(metrics.render())[name].value(name)

    gc.collect()
    before = told("process_open_fds")
    with (tmp_path / "one").open("w"), (tmp_path / "two").open("w"):
        assert told("process_open_fds") == before + 2
    assert 1e6 < told("process_resident_memory_bytes") < 1e11
    cpu = time.process_time()
    assert cpu <= told("process_cpu_seconds_total") < cpu + 5
    started = told("process_start_time_seconds")
    assert time.time() - 86400 < started < time.time()
