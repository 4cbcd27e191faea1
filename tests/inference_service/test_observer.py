"""What a transport tells of a call: counted always, traced if the trace wants it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_service.call_observer import CallObserver, answering_model
from inference_service.errors import UnknownModel
from inference_service.metrics.calls import MAX_METHODS, CallMetrics
from inference_service.status import Code
from inference_service.tracing.config import TracingConfig
from inference_service.tracing.tracer import Tracer
from protos import inference_pb2 as pb
from tests.inference_service.collector import Collector, collecting

INFER = "/inference.GRPCInferenceService/ModelInfer"
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ANSWER = pb.ModelInferResponse(model_name="taxi", model_version="1", id="x").SerializeToString()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


def traced(collector: Collector, **settings: str) -> Tracer:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url} | settings
    config = TracingConfig.from_environment(environ)
    assert config is not None
    return Tracer(config)


def spans(collector: Collector) -> list[dict[str, Any]]:
    return [
        span
        for body in collector.bodies
        for span in json.loads(body)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    ]


def attributes(span: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}


def counted(calls: CallMetrics) -> float:
    return sum(sample.value for sample in next(calls.families()).samples)


def test_a_span_tells_the_model_that_answered(collector: Collector) -> None:
    calls, tracer = CallMetrics([INFER]), traced(collector)
    observer = CallObserver(calls, tracer, lambda name, version: f"sha256:{name}{version}")
    observer.observe(INFER, Code.OK, 0.25, PARENT, ANSWER)
    observer.observe(INFER, Code.INVALID_ARGUMENT, 0.001, None)
    tracer.close(5.0)
    assert counted(calls) == 2
    first, second = spans(collector)
    assert first["parentSpanId"] == "00f067aa0ba902b7"
    assert int(first["endTimeUnixNano"]) - int(first["startTimeUnixNano"]) == 250_000_000
    told = attributes(first)
    assert (told["model.name"], told["model.version"]) == ("taxi", "1")
    assert told["model.digest"] == "sha256:taxi1"
    assert "parentSpanId" not in second
    assert "model.name" not in attributes(second)


def test_a_path_of_no_method_gets_no_name_of_its_own(collector: Collector) -> None:
    calls, tracer = CallMetrics([INFER]), traced(collector)
    CallObserver(calls, tracer).observe("/secret/path", Code.UNIMPLEMENTED, 0.0, PARENT)
    tracer.close(5.0)
    assert spans(collector)[0]["name"] == "unknown"


def test_a_model_that_is_gone_costs_its_attributes_only(collector: Collector) -> None:
    def gone(name: str, version: str) -> str:
        raise UnknownModel(name)

    tracer = traced(collector)
    CallObserver(CallMetrics([INFER]), tracer, gone).observe(INFER, Code.OK, 0.1, None, ANSWER)
    tracer.close(5.0)
    assert "model.name" not in attributes(spans(collector)[0])


def test_what_is_not_sampled_is_counted_only(collector: Collector) -> None:
    calls, tracer = CallMetrics([INFER]), traced(collector, OTEL_TRACES_SAMPLER="always_off")
    CallObserver(calls, tracer).observe(INFER, Code.OK, 0.1, PARENT, ANSWER)
    calls.observe(INFER, Code.OK, 0.1, PARENT, ANSWER)
    tracer.close(5.0)
    assert (counted(calls), collector.bodies) == (2, [])


def test_methods_may_come_later_and_are_bounded() -> None:
    calls = CallMetrics([INFER])
    calls.observe(INFER, Code.OK, 0.1)
    assert calls.known("/taxi.Taxi/Fare") == "unknown"
    calls.add_methods([INFER, "/taxi.Taxi/Fare"])
    assert counted(calls) == 1, "what was counted is kept"
    assert calls.known("/taxi.Taxi/Fare") == "/taxi.Taxi/Fare"
    calls.add_methods(f"/m/{number}" for number in range(2 * MAX_METHODS))
    assert calls.known("/m/0") == "/m/0"
    assert calls.known(f"/m/{2 * MAX_METHODS - 1}") == "unknown"


@given(st.text(max_size=140), st.text(max_size=20))
def test_the_answering_model_is_found_or_not_told(name: str, version: str) -> None:
    answer = pb.ModelInferResponse(model_name=name, model_version=version, id="i")
    short = 0 < len(name) < 128 and len(version) > 0 and (name + version).isascii()
    assert answering_model(answer.SerializeToString()) == ((name, version) if short else None)


@given(st.binary(max_size=40))
def test_no_answer_is_an_accident(answer: bytes) -> None:
    found = answering_model(answer)
    assert found is None or answer.startswith(b"\x0a")
