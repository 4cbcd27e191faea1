import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_assets.core.config import load_model_config
from edge_assets.core.model_folder import (
    GOLDEN_SIDE,
    GOLDEN_VALUES,
    affordable,
    golden_json,
    model_json,
)
from inference_service.description import parse_description
from protos.golden import Golden

CONFIG = load_model_config(
    Path(__file__).parents[3] / "edge_assets" / "models" / "nyc_taxi" / "model.yaml"
)
DIGEST = "sha256:" + "a1" * 32


def row(**changes: object) -> dict[str, np.ndarray[Any, Any]]:
    values = {**dict.fromkeys(CONFIG.data.inputs, 1), "distance": 2.5, **changes}
    return {name: np.array([[value]]) for name, value in values.items()}


def answer(value: float) -> dict[str, np.ndarray[Any, Any]]:
    return {"fare": np.array([[value]], dtype=np.float32)}


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
        "nullable": False,
    }
    latitude = next(tensor for tensor in made["inputs"] if tensor["name"] == "pickup_latitude")
    assert "nullable" not in latitude


def test_the_inference_service_can_read_the_description() -> None:
    read = parse_description(json.dumps(model_json(CONFIG, DIGEST)).encode())
    assert read.digest == DIGEST
    assert [tensor.name for tensor in read.inputs] == list(CONFIG.data.inputs)


def test_golden_questions_can_be_read_by_the_smoke_test() -> None:
    made = golden_json(
        CONFIG, DIGEST, [row(), row(pickup_latitude=float("nan"))], [answer(7), answer(8.5)]
    )
    golden = Golden.parse(json.loads(json.dumps(made, allow_nan=False)))
    assert golden.model_digest == DIGEST
    assert golden.latency_budget_ms == CONFIG.budget.latency_p95_ms
    assert golden.tolerance.absolute == CONFIG.parity.absolute
    assert len(golden.requests) == 2
    assert golden.requests[0].outputs == {"fare": [7.0]}
    assert made["requests"][1]["inputs"]["pickup_latitude"] == [None]
    assert set(golden.requests[0].inputs) == set(CONFIG.data.inputs)


def test_texts_and_truth_values_are_plain() -> None:
    made = golden_json(CONFIG, DIGEST, [row(vendor="x", store_forward=True)], [answer(1)])
    inputs = made["requests"][0]["inputs"]
    assert inputs["vendor"] == ["x"]
    assert json.dumps(inputs["store_forward"]) == "[1]"


def test_classes_and_images_are_told_as_they_are() -> None:
    question = {"image": np.zeros((1, 2, 3, 3), np.uint8)}
    told = {"part": np.array([["bolt"]], object), "probabilities": np.array([[0.9, 0.1]])}
    made = golden_json(CONFIG, DIGEST, [question], [told])["requests"][0]
    assert made["inputs"]["image"] == [0] * 18
    assert made["shapes"] == {"image": [1, 2, 3, 3]}
    assert made["outputs"] == {"part": ["bolt"], "probabilities": [0.9, 0.1]}


def test_every_question_needs_its_answer() -> None:
    with pytest.raises(ValueError, match="zip"):
        golden_json(CONFIG, DIGEST, [row()], [])


def test_as_many_questions_as_fit_into_one_file() -> None:
    def asked(count: int, *shape: int) -> list[dict[str, np.ndarray[Any, Any]]]:
        return [{"image": np.zeros((1, *shape), np.uint8)} for _ in range(count)]

    assert affordable(asked(16, 1)) == list(range(16))
    assert affordable(asked(16, GOLDEN_SIDE, GOLDEN_SIDE, 3)) == list(range(16))
    assert affordable(asked(16, 224, 224, 3)) == [0, 8]  # of a fixed size
    assert affordable(asked(16, GOLDEN_VALUES + 1)) == [0]
    assert affordable([]) == []


def test_the_shapes_of_images_stand_beside_their_values() -> None:
    image = np.arange(18, dtype=np.uint8).reshape(1, 2, 3, 3)
    made = golden_json(CONFIG, DIGEST, [{"image": image, "n": np.ones((1, 1))}], [answer(1)])
    assert made["requests"][0]["shapes"] == {"image": [1, 2, 3, 3]}
    assert made["requests"][0]["inputs"]["image"] == list(range(18))
    (asked,) = Golden.parse(json.loads(json.dumps(made))).requests
    assert asked.shape_of("image", [-1, -1, -1, 3]) == [1, 2, 3, 3]
    assert "shapes" not in golden_json(CONFIG, DIGEST, [row()], [answer(7)])["requests"][0]
