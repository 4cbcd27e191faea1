"""The typed contract of a real service with a real model, asked by a client of its descriptor."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from edge_assets.core.holdout import Split
from edge_assets.edge_model import EdgeModel
from protos import inference_pb2 as pb
from tests.inference_service.harness import Service, refusal, running_service

INVALID = grpc.StatusCode.INVALID_ARGUMENT
METHOD = "/tooling.Inference/GetRecommendation"


class Client:
    """What a client has: the descriptor of the contract, and an address."""

    def __init__(self, folder: Path, service: Service) -> None:
        pool = DescriptorPool()
        for file in FileDescriptorSet.FromString((folder / "contract.binpb").read_bytes()).file:
            pool.AddSerializedFile(file.SerializeToString())
        self.request, answer = (
            GetMessageClass(pool.FindMessageTypeByName(f"tooling.Inference{side}"))
            for side in ("Request", "Response")
        )
        self.call: Any = service.channel.unary_unary(
            METHOD,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        self.raw: Any = service.channel.unary_unary(METHOD, None, None)
        self.generic: Any = service.stub.ModelInfer

    def ask(self, **fields: float) -> Any:
        return self.call(self.request(**fields), timeout=10)

    def refused(self, **fields: float) -> Any:
        return refusal(self.call, self.request(**fields))


def infer(x1: float, x2: float) -> pb.ModelInferRequest:
    """The same question by the generic protocol."""
    request = pb.ModelInferRequest(model_name="tooling")
    for name, value in (("x1", x1), ("x2", x2)):
        tensor = request.inputs.add(name=name, datatype="FP32", shape=[1, 1])
        tensor.contents.fp32_contents.append(value)
    return request


@pytest.fixture(scope="module", params=["grpcio", "fast"])
def client(request: pytest.FixtureRequest, served: Path) -> Iterator[Client]:
    with running_service(served, INFERENCE_TRANSPORT=request.param) as service:
        yield Client(served, service)


def test_every_golden_question_has_its_answer(client: Client, served: Path) -> None:
    golden = json.loads((served / "golden.json").read_text())["requests"]
    for question in golden:
        (x1,), (x2,) = question["inputs"]["x1"], question["inputs"]["x2"]
        answer = client.ask(x1=x1, x2=x2)
        assert [answer.prediction] == question["outputs"]["label"]
        assert (list(answer.warnings), list(answer.errors)) == ([], [])
    assert {question["outputs"]["label"][0] for question in golden} == {0, 1}


def test_both_ways_of_asking_agree_with_the_model(
    client: Client, tooling: EdgeModel, trained: Any, rows: Split
) -> None:
    few = rows.holdout.iloc[40:60]
    told = tooling.predict(trained, few)["label"].ravel()
    for row, label in zip(few.itertuples(), told, strict=True):
        x1, x2 = float(row.x1), float(row.x2)  # type: ignore[arg-type]
        assert client.ask(x1=x1, x2=x2).prediction == label
        answer = client.generic(infer(x1, x2), timeout=10)
        assert [output.name for output in answer.outputs] == ["label", "probabilities"]
        assert np.frombuffer(answer.raw_output_contents[0], np.int64).tolist() == [label]


@pytest.mark.parametrize(
    ("fields", "missing"), [({"x2": 1.0}, "x1"), ({"x1": 1.0}, "x2"), ({}, "x1")]
)
def test_an_unset_field_is_refused_by_its_name(
    client: Client, fields: dict[str, float], missing: str
) -> None:
    refused = client.refused(**fields)
    assert refused.code == INVALID
    assert refused.text.startswith(f"field {missing}: got nothing, expected a number")


def test_zero_is_a_value(client: Client, tooling: EdgeModel, trained: Any, rows: Split) -> None:
    zero = rows.holdout.iloc[[0]].assign(x1=np.float32(0), x2=np.float32(0))
    answer = client.ask(x1=0.0, x2=0.0)
    assert answer.prediction == tooling.predict(trained, zero)["label"].item()
    assert list(answer.warnings) == []


def test_outside_of_what_it_was_trained_on_it_answers_and_warns(client: Client) -> None:
    answer = client.ask(x1=22.5, x2=-16.0)
    assert answer.prediction == 1
    assert list(answer.warnings) == [
        "field x1: got 22.5, expected -20 to 22",
        "field x2: got -16.0, expected -15 to 26",
    ]
    assert list(client.ask(x1=22.0, x2=-15.0).warnings) == []
    assert client.ask(x1=-400.0, x2=400.0).prediction == 0


@pytest.mark.parametrize("x1", [500.1, -1e30, float("inf")])
def test_beyond_the_gauges_both_ways_refuse(client: Client, x1: float) -> None:
    refused = client.refused(x1=x1, x2=0.0)
    assert (refused.code, refused.text.split(":")[0]) == (INVALID, "field x1")
    generic = refusal(client.generic, infer(x1, 0.0))
    assert generic.code == INVALID
    assert "x1" in generic.text


def test_nan_is_no_reading(client: Client) -> None:
    refused = client.refused(x1=1.0, x2=float("nan"))
    assert (refused.code, refused.text) == (
        INVALID,
        "field x2: got nan, expected a finite number",
    )


def test_a_wrong_request_is_never_a_prediction(client: Client) -> None:
    text_in_x1 = b"\x0a\x03far"
    for wrong in (text_in_x1, b"\xff", b"\x09\x00"):
        refused = refusal(client.raw, wrong)
        assert refused.code == INVALID, wrong


def test_the_range_of_the_contract_is_that_of_the_training(rows: Split, served: Path) -> None:
    """Wide enough that hardly a row of the sample is warned of, and no wider."""
    from inference_service.contracts import load_contract
    from inference_service.description import parse_description

    contract = load_contract(served, parse_description((served / "model.json").read_bytes()))
    assert contract is not None
    rules = {field.name: field.rule for field in contract.methods[METHOD]._reader._fields}
    for name, rule in rules.items():
        values = rows.train[name]
        assert rule.minimum is not None
        assert rule.maximum is not None
        assert values.between(rule.minimum, rule.maximum).mean() > 0.999
        assert rule.maximum - rule.minimum < 1.5 * (values.max() - values.min())
