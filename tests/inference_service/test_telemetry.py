"""TLS, the HTTP face, metrics and traces in the whole service: a real process, each transport."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from protos import inference_pb2 as pb
from protos import inference_pb2_grpc as pb_grpc
from tests.inference_service.certificates import Authority, Files
from tests.inference_service.collector import collecting
from tests.inference_service.exposition_parser import Parsed, parse
from tests.inference_service.harness import (
    Service,
    floats,
    refusal,
    running_service,
    taxi_request,
    wait_until,
)
from tests.inference_service.http_face.client import Site, trip
from tests.inference_service.models import taxi_model

INFER = "/inference.GRPCInferenceService/ModelInfer"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRANSPORTS = ["fast", "grpcio"]


def http(service: Service) -> Site:
    found = re.search(r"HTTP on .*:(\d+)", service.log)
    assert found, service.log
    return Site(int(found[1]))


def metrics(service: Service) -> dict[str, Parsed]:
    return parse(http(service).ask("/metrics").body)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_metrics_traces_and_rest_beside_grpc(taxi: Path, tmp_path: Path, transport: str) -> None:
    described = json.loads((taxi / "model.json").read_bytes())
    with collecting() as collector:
        with running_service(
            taxi,
            INFERENCE_TRANSPORT=transport,
            INFERENCE_HTTP_ADDRESS="127.0.0.1:0",
            CAPTURE_DIR=str(tmp_path),
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_TRACES_SAMPLER="parentbased_always_off",
        ) as service:
            parent = f"00-{TRACE}-00f067aa0ba902b7-01"
            service.stub.ModelInfer(taxi_request([1.0, 2.0]), metadata=[("traceparent", parent)])
            service.stub.ModelInfer(taxi_request())
            refusal(service.stub.ModelInfer, taxi_request(model_name="tram"))
            refusal(service.channel.unary_unary("/secret/Method"), b"")  # type: ignore[call-arg]
            answer = http(service).ask("/v2/models/taxi/infer", trip(2.0)).json
            assert answer["outputs"][0]["data"] == [8.0]
            name = "inference_requests_total"
            told = metrics(service)
            assert told[name].value(name, method=INFER, code="OK") == 3
            assert told[name].value(name, method=INFER, code="NOT_FOUND") == 1
            assert "secret" not in str(told)
            name = "inference_model_rows_total"
            assert told[name].value(name, name="taxi", version=described["version"]) == 4
            name = "inference_model_info"
            (labels,) = [dict(labels) for _, labels in told[name].samples]
            assert labels["digest"] == described["digest"]
            wait_until(lambda: captured(service) == 3)
            assert service.stop() == 0
        (span,) = collector.spans()
        told_of = {one.key: one.value.string_value for one in span.attributes}
        assert span.trace_id.hex() == TRACE
        assert told_of["model.digest"] == described["digest"]


def captured(service: Service) -> float:
    name = "inference_capture_written_total"
    return metrics(service)[name].value(name)


class Secured:
    """A running service with mTLS, and clients of it."""

    def __init__(self, authority: Authority, files: Files, service: Service) -> None:
        self.authority, self.files, self.service = authority, files, service
        self.client = authority.issue("client", client=True)

    def ask(self, shown: Files | None) -> Any:
        """Asks with a new connection."""
        credentials = grpc.ssl_channel_credentials(
            self.authority.file.read_bytes(),
            shown.key.read_bytes() if shown else None,
            shown.certificate.read_bytes() if shown else None,
        )
        with grpc.secure_channel(
            self.service.target.replace("127.0.0.1", "localhost"),
            credentials,
            [("grpc.use_local_subchannel_pool", 1)],
        ) as channel:
            stub: Any = pb_grpc.GRPCInferenceServiceStub(channel)  # type: ignore[no-untyped-call]
            return stub.ModelInfer(taxi_request(), timeout=10)

    def refused(self, shown: Files | None) -> bool:
        try:
            self.ask(shown)
        except grpc.RpcError as error:
            return bool(error.code() == grpc.StatusCode.UNAVAILABLE)
        return False


@pytest.fixture(params=TRANSPORTS)
def secured(request: pytest.FixtureRequest, taxi: Path, tmp_path: Path) -> Iterator[Secured]:
    authority = Authority(tmp_path)
    files = authority.issue("server")
    with running_service(
        taxi,
        INFERENCE_TRANSPORT=request.param,
        INFERENCE_TLS_CERTIFICATE=str(files.certificate),
        INFERENCE_TLS_KEY=str(files.key),
        INFERENCE_TLS_CLIENT_CA=str(authority.file),
        INFERENCE_WATCH_SECONDS="0.1",
    ) as service:
        yield Secured(authority, files, service)


def test_only_clients_of_the_ca_are_answered(secured: Secured, tmp_path: Path) -> None:
    assert floats(secured.ask(secured.client)) == [8.0]
    assert secured.refused(None)
    assert secured.refused(Authority(tmp_path / "other").issue("stranger", client=True))
    assert secured.refused(secured.authority.issue("expired", client=True, days=-1))
    plain = refusal(secured.service.stub.ServerLive, pb.ServerLiveRequest())
    assert plain.code == grpc.StatusCode.UNAVAILABLE


def test_a_new_certificate_and_ca_are_taken_over(secured: Secured, tmp_path: Path) -> None:
    assert secured.ask(secured.client)
    old, new = secured.authority, Authority(tmp_path / "new")
    files = new.issue("server")
    shutil.copy(files.certificate, secured.files.certificate)  # no key yet: the old one goes on
    wait_until(lambda: "the old one is served" in secured.service.log)
    assert secured.ask(secured.client)
    shutil.copy(files.key, secured.files.key)
    shutil.copy(new.file, old.file)
    secured.authority = new
    client = new.issue("client", client=True)
    wait_until(lambda: not secured.refused(client))
    assert secured.refused(secured.client)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("INFERENCE_TLS_CERTIFICATE", "/nowhere.pem"),
        ("INFERENCE_HTTP_ADDRESS", "everywhere"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "nowhere"),
    ],
)
def test_a_wrong_setting_ends_the_start(taxi: Path, setting: str, value: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "inference_service", "--model", str(taxi)],
        env=os.environ | {"INFERENCE_ADDRESS": "127.0.0.1:0", setting: value},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert setting in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_metrics_tell_a_model_that_is_refused_or_gone_bad(transport: str, tmp_path: Path) -> None:
    taxi_model(tmp_path / "good")
    bad = taxi_model(tmp_path / "bad")
    described = json.loads((bad / "model.json").read_text()) | {"name": "bad"}
    (bad / "model.json").write_text(json.dumps(described))
    (bad / "model.onnx").write_bytes(b"junk")
    settings = {"INFERENCE_TRANSPORT": transport, "INFERENCE_WATCH_SECONDS": "0.1"}
    with running_service(tmp_path, INFERENCE_HTTP_ADDRESS="127.0.0.1:0", **settings) as service:

        def told(word: str, name: str) -> float:
            family = metrics(service)[f"inference_model_{word}"]
            of_name = [v for (_, who), v in family.samples.items() if dict(who)["name"] == name]
            return sum(of_name)

        assert (told("served", "taxi"), told("served", "bad")) == (1, 0)
        assert told("disk_corrupt", "taxi") == 0
        (tmp_path / "good" / "model.onnx").write_bytes(b"junk")
        wait_until(lambda: told("disk_corrupt", "taxi") == 1)
        assert told("served", "taxi") == 1
        (tmp_path / "good" / "model.json").write_text("{}")
        wait_until(lambda: told("swap_refused", "taxi") == 1)
        index = http(service).ask("/v2/repository/index", verb="POST").json
        reasons = {one["name"]: one.get("reason", "") for one in index}
        assert "not swapped" in reasons["taxi"]
        assert reasons["bad"]
