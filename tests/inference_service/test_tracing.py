"""Tracing: whose requests are traced, what a collector receives, and that nobody waits for it."""

import random
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_service.status import Code
from inference_service.tracing.config import TracingConfig
from inference_service.tracing.context import Sampling, SpanContext, decide, parse_traceparent
from inference_service.tracing.tracer import Tracer, model_attributes
from protos.errors import ConfigurationError
from tests.inference_service.collector import Collector, collecting
from tests.inference_service.harness import wait_until

INFER = "/inference.GRPCInferenceService/ModelInfer"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


def tracer(url: str, **settings: str) -> Tracer:
    environ = {ENDPOINT: url, "OTEL_BSP_SCHEDULE_DELAY": "20"} | settings
    config = TracingConfig.from_environment(environ)
    assert config is not None
    return Tracer(config)


def finish(traced: Tracer, **more: Any) -> SpanContext:
    context = traced.wants(more.pop("traceparent", None))
    assert context is not None
    traced.finished(context, INFER, more.pop("code", Code.OK), 1000, 2000, more)
    return context


def test_traceparent_is_read_as_the_standard_says() -> None:
    assert parse_traceparent(PARENT) == (TRACE, SPAN, True)
    assert parse_traceparent(f"00-{TRACE}-{SPAN}-00") == (TRACE, SPAN, False)
    assert parse_traceparent(f"00-{TRACE}-{SPAN}-ff") == (TRACE, SPAN, True)
    assert parse_traceparent(f"cc-{TRACE}-{SPAN}-01-what-comes") == (TRACE, SPAN, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        PARENT[:-1],
        PARENT + "-more",
        PARENT + " ",
        " " + PARENT,
        PARENT + "\n",
        PARENT.upper(),
        f"ff-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01x",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-0g",
        f"00_{TRACE}-{SPAN}-01",
        "cc" + PARENT[2:] + "-" + "x" * 9999,
    ],
)
def test_another_traceparent_counts_as_none(text: str) -> None:
    assert parse_traceparent(text) is None


@given(st.text(max_size=80))
def test_no_traceparent_is_an_accident(text: str) -> None:
    parent = parse_traceparent(text)
    assert parent is None or len(parent.trace_id) == 32


def test_the_parent_decides_where_it_may() -> None:
    yes = parse_traceparent(PARENT)
    no = parse_traceparent(f"00-{TRACE}-{SPAN}-00")
    found = decide(yes, Sampling(True, 0.0))
    assert found is not None
    assert (found.trace_id, found.parent_id) == (TRACE, SPAN)
    assert found.span_id not in (SPAN, "0" * 16)
    assert decide(no, Sampling(True, 1.0)) is None
    assert decide(no, Sampling(False, 1.0)) is not None
    assert decide(yes, Sampling(False, 0.0)) is None
    assert decide(None, Sampling(True, 0.0)) is None


def test_a_root_has_an_id_of_its_own() -> None:
    found = {decide(None, Sampling()) for _ in range(100)}
    assert len(found) == 100
    for context in found:
        assert context is not None
        assert len(context.trace_id) == 32
        assert len(context.span_id) == 16
        assert context.parent_id == ""


def test_by_ratio_the_same_traces_are_chosen_everywhere() -> None:
    bits = random.Random(1).getrandbits
    roots = [decide(None, Sampling(False, 0.25), bits) for _ in range(4000)]
    chosen = [root for root in roots if root is not None]
    assert 850 < len(chosen) < 1150
    for root in chosen:
        parent = parse_traceparent(f"00-{root.trace_id}-{root.span_id}-00")
        assert decide(parent, Sampling(False, 0.25)) is not None
        assert (decide(parent, Sampling(False, 0.1)) is not None) == (
            int(root.trace_id[16:], 16) < 0.1 * 2**64
        )


def test_a_collector_receives_whole_spans(collector: Collector) -> None:
    traced = tracer(
        collector.url,
        OTEL_SERVICE_NAME="line-1",
        OTEL_RESOURCE_ATTRIBUTES="site=hall%203",
        OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20word",
    )
    start = time.time_ns()
    context = traced.wants(PARENT)
    assert context is not None
    attributes = {**model_attributes("taxi", "1", "sha256:00"), "rows": 3, "ok": True, "s": 0.5}
    traced.finished(context, INFER, Code.OK, start, start + 1_500_000, attributes)
    wait_until(lambda: len(collector.bodies) == 1)
    traced.close(5.0)
    (span,) = collector.spans()
    assert span.trace_id.hex() == TRACE
    assert span.parent_span_id.hex() == SPAN
    assert span.span_id.hex() == context.span_id
    assert span.name == INFER.lstrip("/")
    assert span.kind == 2
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (start, start + 1_500_000)
    assert span.status.code == 0
    told = {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}
    assert told == {
        "rpc.system": "grpc",
        "rpc.service": "inference.GRPCInferenceService",
        "rpc.method": "ModelInfer",
        "rpc.grpc.status_code": 0,
        "model.name": "taxi",
        "model.version": "1",
        "model.digest": "sha256:00",
        "rows": 3,
        "ok": True,
        "s": 0.5,
    }
    assert b'"line-1"' in collector.bodies[0]
    assert b'"hall 3"' in collector.bodies[0]
    assert collector.paths == ["/v1/traces"]
    assert collector.headers[0]["authorization"] == "Bearer word"
    assert traced.counters() == {"exported": 1, "dropped": 0, "failed": 0}


def test_what_the_service_did_wrong_is_an_error_and_what_the_client_did_is_not(
    collector: Collector,
) -> None:
    traced = tracer(collector.url)
    for code in (Code.INTERNAL, Code.INVALID_ARGUMENT, Code.DEADLINE_EXCEEDED, Code.NOT_FOUND):
        finish(traced, code=code)
    traced.close(5.0)
    assert [span.status.code for span in collector.spans()] == [2, 0, 2, 0]


def test_many_spans_travel_in_batches(collector: Collector) -> None:
    traced = tracer(
        collector.url, OTEL_BSP_SCHEDULE_DELAY="60000", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="10"
    )
    for _ in range(25):
        finish(traced)
    wait_until(lambda: len(collector.bodies) >= 1)  # a full batch does not wait for the minute
    traced.close(5.0)
    assert len(collector.spans()) == 25
    assert len({span.span_id for span in collector.spans()}) == 25


def test_a_slow_collector_costs_spans_and_no_time(collector: Collector) -> None:
    collector.delay = 1.0
    traced = tracer(collector.url, OTEL_BSP_MAX_QUEUE_SIZE="8", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="1")
    for _ in range(500):
        finish(traced)
    assert collector.bodies == [], "all were told before the collector answered once"
    assert traced.counters()["dropped"] >= 500 - 8 - 2
    traced.close(0.1)


def test_without_a_collector_spans_are_counted_as_failed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    traced = tracer(f"http://127.0.0.1:{port}", OTEL_EXPORTER_OTLP_HEADERS="api-key=secret-word")
    for _ in range(3):
        finish(traced)
    traced.close(10.0)
    assert traced.counters() == {"exported": 0, "dropped": 0, "failed": 3}
    assert caplog.text.count("no collector answers") == 1
    assert "secret-word" not in caplog.text
    finish(traced)
    assert traced.counters()["dropped"] == 1, "after the end"


def test_a_collector_that_is_back_gets_what_waits(collector: Collector) -> None:
    collector.status = 503
    traced = tracer(collector.url)
    finish(traced)
    wait_until(lambda: len(collector.headers) >= 1)
    collector.status = 200
    wait_until(lambda: traced.counters()["exported"] == 1)
    traced.close(5.0)
    assert len(collector.spans()) == 1


def test_what_a_collector_refuses_is_not_sent_again(collector: Collector) -> None:
    collector.status = 400
    traced = tracer(collector.url)
    finish(traced)
    wait_until(lambda: traced.counters()["failed"] == 1)
    traced.close(5.0)
    assert len(collector.headers) == 1


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {ENDPOINT: " "},
        {ENDPOINT: "http://c:4318", "OTEL_SDK_DISABLED": "True"},
        {ENDPOINT: "http://c:4318", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_nothing_is_traced_unless_asked_for(environ: dict[str, str]) -> None:
    assert TracingConfig.from_environment(environ) is None


def test_settings_have_their_standard_names() -> None:
    config = TracingConfig.from_environment(
        {
            ENDPOINT: "http://other:1/",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://collector:4318/custom?x=1",
            "OTEL_EXPORTER_OTLP_HEADERS": "api-key=secret-word, b=2",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "250",
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.01",
            "OTEL_BSP_MAX_QUEUE_SIZE": "16",
        }
    )
    assert config is not None
    assert config.endpoint == "https://collector:4318/custom?x=1"
    assert config.headers == {"api-key": "secret-word", "b": "2"}
    assert "secret-word" not in repr(config)
    assert config.sampling == Sampling(True, 0.01)
    assert (config.timeout_seconds, config.queue_length) == (0.25, 16)
    base = TracingConfig.from_environment({ENDPOINT: "http://c:4318/"})
    assert base is not None
    assert base.endpoint == "http://c:4318/v1/traces"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        (ENDPOINT, "collector:4318", False),
        (ENDPOINT, "http://me:hidden@c:4318", False),
        (ENDPOINT, "http://c:port", False),
        (ENDPOINT, "http://c d", False),
        ("OTEL_EXPORTER_OTLP_HEADERS", "hidden", False),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=hidden%0d%0aEvil:1", False),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/hidden/ca.pem", False),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", True),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon", True),
        ("OTEL_TRACES_SAMPLER", "sometimes", True),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0", True),
        ("OTEL_BSP_SCHEDULE_DELAY", "nan", True),
    ],
)
def test_a_wrong_setting_is_named_and_no_secret_shown(name: str, value: str, shown: bool) -> None:
    with pytest.raises(ConfigurationError) as refused:
        TracingConfig.from_environment({ENDPOINT: "http://c:4318"} | {name: value})
    assert name in str(refused.value)
    assert (value in str(refused.value)) is shown
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("argument", ["2", "-1", "x"])
def test_a_wrong_ratio_is_refused(argument: str) -> None:
    environ = {ENDPOINT: "http://c:1", "OTEL_TRACES_SAMPLER": "traceidratio"}
    with pytest.raises(ConfigurationError, match="OTEL_TRACES_SAMPLER_ARG"):
        TracingConfig.from_environment(environ | {"OTEL_TRACES_SAMPLER_ARG": argument})
