"""The protocol over HTTP, asked by a real client."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference_service.call_observer import CallObserver
from inference_service.http_face.calls import SERVICE
from inference_service.methods import Batch, FindMethod, Inference, Method, Quick
from inference_service.metrics.calls import CallMetrics
from inference_service.status import Code
from inference_service.tracing.config import TracingConfig
from inference_service.tracing.tracer import Tracer
from protos.errors import DeadlineExceeded, Unavailable
from tests.inference_service.collector import collecting
from tests.inference_service.exposition_parser import parse
from tests.inference_service.http_face.client import Face, running_face, trip


def test_health_and_names(face: Face) -> None:
    assert face.ask("/v2/health/live").json == {"live": True}
    ready = face.ask("/v2/health/ready")
    assert (ready.status, ready.json) == (503, {"ready": False}), "one model is broken"
    assert "statistics" in face.ask("/v2").json["extensions"]
    assert face.ask("/v2/").status == 200


def test_a_model_is_ready_or_not(face: Face) -> None:
    assert face.ask("/v2/models/taxi/ready").json == {"name": "taxi", "ready": True}
    assert face.ask("/v2/models/tram/ready").status == 503


def test_metadata_and_index(face: Face, taxi: Path) -> None:
    described = json.loads((taxi / "model.json").read_bytes())
    told = face.ask("/v2/models/taxi").json
    assert told["properties"]["model_digest"] == described["digest"]
    assert told["inputs"][0] == {"name": "distance", "datatype": "FP32", "shape": [-1, 1]}
    version = described["version"]
    assert face.ask(f"/v2/models/taxi/versions/{version}").json == told
    assert face.ask("/v2/models/taxi/versions/9").status == 404
    assert face.ask("/v2/models/tram").status == 404
    index = face.ask("/v2/repository/index", {}).json
    assert {one["name"]: one["state"] for one in index}["taxi"] == "READY"
    assert {one["state"] for one in index} == {"READY", "UNAVAILABLE"}
    served = face.ask("/v2/repository/index", {"ready": True}).json
    assert {one["name"] for one in served} == {"taxi", "echo"}
    assert face.ask("/v2/repository/index", {"ready": 1}).status == 400


def test_a_question_is_answered(face: Face) -> None:
    reply = face.ask("/v2/models/taxi/infer", trip(1.0, 2, [4.0][0], id="mine"))
    assert reply.status == 200
    answer = reply.json
    assert (answer["model_name"], answer["id"]) == ("taxi", "mine")
    assert answer["outputs"] == [
        {"name": "fare", "datatype": "FP32", "shape": [3, 1], "data": [5.5, 8.0, 13.0]}
    ]
    version = answer["model_version"]
    again = face.ask(f"/v2/models/taxi/versions/{version}/infer", trip(2.0))
    assert again.json["outputs"][0]["data"] == [8.0]


def test_unknown_is_null_in_both_directions(face: Face) -> None:
    reply = face.ask("/v2/models/taxi/infer", trip(None, 2.0))
    assert reply.json["outputs"][0]["data"] == [None, 8.0]


def test_every_datatype_goes_through_a_model(face: Face, echo: Path) -> None:
    data = {"BOOL": [True, False], "BYTES": ["ä", ""], "UINT64": [2**64 - 1, 0]}
    inputs = [
        {
            "name": one["name"],
            "datatype": one["datatype"],
            "shape": [1, 2],
            "data": [data.get(one["datatype"], [1, 0])],
        }
        for one in json.loads((echo / "model.json").read_bytes())["inputs"]
    ]
    answer = face.ask("/v2/models/echo/infer", {"inputs": inputs}).json
    told = {one["datatype"]: one["data"] for one in answer["outputs"]}
    assert len(told) == 13
    for datatype, values in told.items():
        assert values == data.get(datatype, [1, 0])
    few = face.ask("/v2/models/echo/infer", {"inputs": inputs, "outputs": [{"name": "out_BOOL"}]})
    assert [one["name"] for one in few.json["outputs"]] == ["out_BOOL"]


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("taxi", trip(-1.0), 400, "distance"),
        ("taxi", trip(), 400, "distance"),
        ("taxi", {"inputs": []}, 400, "distance"),
        ("taxi", trip("far"), 400, "input 'distance': data"),
        ("taxi", b"{", 400, "not JSON"),
        ("taxi", b"", 400, "distance"),
        ("tram", trip(1.0), 404, "tram"),
        ("taxi/versions/9", trip(1.0), 404, "'9'"),
    ],
)
def test_a_wrong_question_is_refused(
    face: Face, path: str, body: object, status: int, text: str
) -> None:
    reply = face.ask(f"/v2/models/{path}/infer", body)
    assert reply.status == status
    assert text in reply.error


@pytest.mark.parametrize(
    ("verb", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v2/models", 404),
        ("GET", "/v2/models/taxi/infer/more", 404),
        ("GET", "/v2/models/taxi/versions", 404),
        ("GET", "/v2/../etc/passwd", 404),
        ("GET", "/v2/models/taxi/infer", 405),
        ("POST", "/v2/health/live", 405),
        ("DELETE", "/v2/models/taxi", 405),
        ("BREW", "/v2", 405),
    ],
)
def test_another_path_or_verb_is_refused(face: Face, verb: str, path: str, status: int) -> None:
    reply = face.ask(path, b"" if verb == "POST" else None, verb=verb)
    assert reply.status == status
    assert reply.error
    assert (reply.headers["Allow"] is not None) is (status == 405)


def test_head_is_get_without_a_body(face: Face) -> None:
    reply = face.ask("/v2/health/live", verb="HEAD")
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["Content-Length"]) == len(face.ask("/v2/health/live").body)


def test_a_query_and_escapes_in_a_path_are_understood(face: Face) -> None:
    assert face.ask("/v2/health/live?x=1").status == 200
    assert face.ask("/v2/models/%74axi").json["name"] == "taxi"
    assert face.ask("/v2/models/a%2Fb").error.count("a/b") == 1


def test_statistics_and_metrics_count_it(face: Face) -> None:
    name = "inference_requests_total"
    path = SERVICE + "ModelInfer"

    def counted() -> tuple[int, float]:
        (told,) = face.ask("/v2/models/taxi/stats").json["model_stats"]
        text = parse(face.ask("/metrics").body)
        return told["inference_count"], text[name].value(name, method=path, code="OK")

    face.ask("/v2/models/taxi/infer", trip(1.0))
    rows, calls = counted()
    face.ask("/v2/models/taxi/infer", trip(1.0, 2.0, 3.0))
    assert counted() == (rows + 3, calls + 1)
    assert face.ask("/metrics").headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert len(face.ask("/v2/models/stats").json["model_stats"]) >= 1
    assert face.ask("/v2/models/tram/stats").status == 404


def _table(method: Method) -> FindMethod:
    return {SERVICE + "ModelInfer": method}.get


def _failing(error: Exception) -> Inference:
    return Inference(lambda messages: [Batch([0], 0.0, lambda: [error])])


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (Unavailable("the queue is full"), 429, "the queue is full"),
        (DeadlineExceeded("too late"), 429, "too late"),
        (RuntimeError("/secret/path"), 500, "its log tells why"),
    ],
)
def test_errors_have_the_codes_of_http(error: Exception, status: int, text: str) -> None:
    with running_face(_table(_failing(error))) as face:
        reply = face.ask("/v2/models/taxi/infer", {})
        assert reply.status == status
        assert text in reply.error
        assert "secret" not in reply.error


def test_what_the_service_does_not_have_is_told(taxi: Path) -> None:
    def broken(message: bytes) -> bytes:
        raise ZeroDivisionError(str(taxi))

    with running_face({SERVICE + "ServerLive": Quick(broken)}.get) as face:
        assert face.ask("/v2/health/live").status == 500
        assert str(taxi) not in face.ask("/v2/health/live").error
        assert face.ask("/v2").status == 501
        assert face.ask("/metrics").status == 404, "no metrics were given"


def test_a_batch_is_run_by_whom_the_service_wants(find: FindMethod) -> None:
    asked = []

    def run(batch: Batch) -> object:
        asked.append(batch)
        return batch.run()

    with running_face(find, run=run) as face:
        assert face.ask("/v2/models/taxi/infer", trip(2.0)).status == 200
    assert len(asked) == 1
    assert math.isfinite(asked[0].expected_seconds)


@pytest.fixture
def browser(find: FindMethod) -> Iterator[Face]:
    bounds = {"origins": ("https://good.example",)}
    with running_face(find, bounds=bounds) as running:
        yield running


def test_pages_of_allowed_origins_may_ask(browser: Face) -> None:
    preflight = browser.ask(
        "/v2/models/taxi/infer",
        verb="OPTIONS",
        Origin="https://good.example",
        Access_Control_Request_Method="POST",
    )
    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://good.example"
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert "content-type" in preflight.headers["Access-Control-Allow-Headers"]
    reply = browser.ask("/v2/models/taxi/infer", trip(1.0), Origin="https://good.example")
    assert reply.status == 200
    assert reply.headers["Access-Control-Allow-Origin"] == "https://good.example"
    assert reply.headers["Vary"] == "Origin"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://good.example.evil"])
def test_pages_of_other_origins_may_not(browser: Face, origin: str) -> None:
    for verb in ("OPTIONS", "GET", "POST"):
        body = trip(1.0) if verb == "POST" else None
        reply = browser.ask("/v2/models/taxi/infer", body, verb=verb, Origin=origin)
        assert reply.status == 403
        assert reply.headers["Access-Control-Allow-Origin"] is None


def test_by_default_no_page_may_ask_and_a_star_lets_all(face: Face, find: FindMethod) -> None:
    assert face.ask("/v2", Origin="http://localhost").status == 403
    assert face.ask("/v2").headers["Access-Control-Allow-Origin"] is None
    with running_face(find, bounds={"origins": ("*",)}) as all_may:
        reply = all_may.ask("/v2", Origin="null")
        assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (200, "*")


def test_a_question_is_traced(find: FindMethod) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    with collecting() as collector:
        config = TracingConfig.from_environment({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
        assert config is not None
        tracer = Tracer(config)
        calls = CallMetrics([SERVICE + "ModelInfer"])
        observer = CallObserver(calls, tracer, lambda name, version: f"digest of {name}")
        with running_face(find, observer=observer) as face:
            parent = f"00-{trace}-00f067aa0ba902b7-01"
            face.ask("/v2/models/taxi/infer", trip(1.0), traceparent=parent)
            face.ask("/v2/models/tram/infer", trip(1.0), traceparent=parent)
        tracer.close(5.0)
        codes = [
            attribute.value.int_value
            for span in collector.spans()
            for attribute in span.attributes
            if attribute.key == "rpc.grpc.status_code"
        ]
        assert codes == [Code.OK, Code.NOT_FOUND]
        assert b'"model.digest","value":{"stringValue":"digest of taxi"}' in collector.bodies[0]
        assert {span.trace_id.hex() for span in collector.spans()} == {trace}
