import json
from pathlib import Path

import pytest

from edge_assets.core.config import load_model_config
from edge_assets.core.model_folder import golden_json, model_json
from inference_service.description import parse_description
from protos.golden import Golden

CONFIG = load_model_config(
    Path(__file__).parents[3] / "edge_assets" / "models" / "nyc_taxi" / "model.yaml"
)
DIGEST = "sha256:" + "a1" * 32


def row(**changes: object) -> dict[str, object]:
    return {**dict.fromkeys(CONFIG.data.inputs, 1), "distance": 2.5, **changes}


def test_the_model_is_described_as_configured() -> None:
    made = model_json(CONFIG, DIGEST)
    assert (made["name"], made["version"], made["digest"]) == ("nyc_taxi", "a1" * 6, DIGEST)
    assert [tensor["name"] for tensor in made["inputs"]] == list(CONFIG.data.inputs)
    assert made["outputs"] == [{"name": "fare", "datatype": "FP32", "shape": [-1, 1]}]
    distance = next(tensor for tensor in made["inputs"] if tensor["name"] == "distance")
    assert distance == {
        "name": "distance",
        "datatype": "FP32",
        "shape": [-1, 1],
        "minimum": 0.0,
        "maximum": 100.0,
    }


def test_the_inference_service_can_read_the_description() -> None:
    read = parse_description(json.dumps(model_json(CONFIG, DIGEST)).encode())
    assert read.digest == DIGEST
    assert [tensor.name for tensor in read.inputs] == list(CONFIG.data.inputs)


def test_golden_questions_can_be_read_by_the_smoke_test() -> None:
    made = golden_json(CONFIG, DIGEST, [row(), row(pickup_latitude=float("nan"))], [7, 8.5])
    golden = Golden.parse(json.loads(json.dumps(made, allow_nan=False)))
    assert golden.model_digest == DIGEST
    assert golden.latency_budget_ms == CONFIG.budget.latency_p95_ms
    assert golden.tolerance.absolute == CONFIG.parity.absolute
    assert len(golden.requests) == 2
    assert golden.requests[0].outputs == {"fare": [7.0]}
    assert made["requests"][1]["inputs"]["pickup_latitude"] == [None]
    assert set(golden.requests[0].inputs) == set(CONFIG.data.inputs)


def test_texts_and_truth_values_are_plain() -> None:
    made = golden_json(CONFIG, DIGEST, [row(vendor="x", store_forward=True)], [1.0])
    inputs = made["requests"][0]["inputs"]
    assert inputs["vendor"] == ["x"]
    assert json.dumps(inputs["store_forward"]) == "[1]"


def test_every_question_needs_its_answer() -> None:
    with pytest.raises(ValueError, match="zip"):
        golden_json(CONFIG, DIGEST, [row()], [])
