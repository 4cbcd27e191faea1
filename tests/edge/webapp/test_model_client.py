import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.webapp.contract import Contract
from edge.webapp.model_client import ModelClient, read_answer
from protos import inference_pb2 as pb
from protos.errors import DataRefused, DeadlineExceeded, Unavailable, VerificationFailed
from tests.edge.webapp.model import confidence, words_model
from tests.inference_service.harness import Service, running_service, wait_until

POOR = "Poor plastic cover from 1990"
GOOD = "good steel hinge"


@pytest.fixture
def client(service: Service) -> Iterator[ModelClient]:
    made = ModelClient(service.target, "compliance", Contract())
    yield made
    made.close()


def test_the_answer_of_a_real_service(client: ModelClient) -> None:
    against = client.ask(POOR)
    assert against.label == 1
    assert against.confidence == pytest.approx(confidence(POOR), abs=1e-5)
    assert dict(against.words)["plastic"] == 4.0
    assert [word for word, _ in against.words] == POOR.split()
    good = client.ask(GOOD)
    assert good.label == 0
    assert good.confidence == pytest.approx(1 - confidence(GOOD), abs=1e-5)
    assert good.digest == against.digest == client.serving()
    assert good.digest.startswith("sha256:")


def test_a_model_that_does_not_explain_is_taken_as_it_is(tmp_path: Path) -> None:
    with running_service(words_model(tmp_path, explains=False)) as service:
        client = ModelClient(service.target, "compliance", Contract())
        assert client.ask(POOR).label == 1
        assert client.ask(POOR).words == ()
        client.close()


def test_another_model_in_the_same_service_is_told_by_its_digest(tmp_path: Path) -> None:
    folder = words_model(tmp_path / "model")
    with running_service(folder, INFERENCE_WATCH_SECONDS="0.1") as service:
        client = ModelClient(service.target, "compliance", Contract())
        before = client.ask(GOOD)
        words_model(folder, bias=5.0)
        digest = json.loads((folder / "model.json").read_text())["digest"]
        wait_until(lambda: client.ask(GOOD).digest == digest)
        after = client.ask(GOOD)
        assert (before.label, after.label) == (0, 1)
        assert before.digest != after.digest
        client.close()


def test_what_the_model_refuses_is_refused_for_good(service: Service) -> None:
    client = ModelClient(service.target, "compliance", Contract(text="another_input"))
    with pytest.raises(DataRefused, match="description"):
        client.ask(GOOD)
    client.close()


def test_a_service_without_the_model_cannot_be_asked(service: Service) -> None:
    client = ModelClient(service.target, "parts", Contract())
    with pytest.raises(Unavailable, match="parts"):
        client.ask(GOOD)
    client.close()


def test_nobody_there_is_told_at_once() -> None:
    client = ModelClient("127.0.0.1:1", "compliance", Contract(), 2.0)
    start = time.monotonic()
    with pytest.raises(Unavailable, match=r"nothing answers at 127\.0\.0\.1:1"):
        client.ask(GOOD)
    assert time.monotonic() - start < 1.5
    client.close()


def test_a_service_that_hangs_costs_the_deadline_and_no_more() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        client = ModelClient(f"127.0.0.1:{port}", "compliance", Contract(), 0.3)
        start = time.monotonic()
        with pytest.raises(DeadlineExceeded, match=r"within 0\.3 s"):
            client.ask(GOOD)
        assert 0.2 < time.monotonic() - start < 1.5
        client.close()


def answer(label: bytes, chances: bytes) -> pb.ModelInferResponse:
    response = pb.ModelInferResponse(model_name="compliance")
    response.outputs.add(name="non_compliant", datatype="INT64", shape=[1, 1])
    response.outputs.add(name="probabilities", datatype="FP32", shape=[1, 2])
    response.raw_output_contents.extend([label, chances])
    return response


ONE = b"\1" + b"\0" * 7
HALVES = b"\0\0\0\x3f" * 2


def test_an_answer_is_read() -> None:
    assert read_answer(answer(ONE, HALVES), Contract(), "").confidence == 0.5


@pytest.mark.parametrize(
    ("label", "chances"),
    [
        (b"\2" + b"\0" * 7, HALVES),
        (b"", HALVES),
        (ONE * 2, HALVES),
        (ONE, HALVES[:4]),
        (ONE, b"\0\0\xc0\x7f" * 2),  # NaN
        (ONE, b"\0\0\x80\xbf" * 2),  # -1
        (ONE, HALVES[:5]),
    ],
)
def test_an_answer_that_makes_no_sense_is_no_judgement(label: bytes, chances: bytes) -> None:
    with pytest.raises(VerificationFailed):
        read_answer(answer(label, chances), Contract(), "")


def test_an_answer_without_contents_is_no_judgement() -> None:
    response = answer(ONE, HALVES)
    del response.raw_output_contents[1]
    with pytest.raises(VerificationFailed, match="raw contents"):
        read_answer(response, Contract(), "")
