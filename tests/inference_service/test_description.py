"""model.json: what is read, and what is refused by name."""

import json
from typing import Any

import pytest

from inference_service.description import parse_description
from protos.errors import ConfigurationError

_GOOD: dict[str, Any] = {
    "name": "taxi",
    "version": "aaaaaaaaaaaa",
    "digest": "sha256:" + "a" * 64,
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 1], "minimum": 0, "maximum": 5.5}],
    "outputs": [{"name": "y", "datatype": "BYTES", "shape": [-1]}],
}


def test_a_good_description() -> None:
    described = parse_description(json.dumps(_GOOD).encode())
    assert (described.name, described.version) == ("taxi", "aaaaaaaaaaaa")
    assert described.inputs[0].shape == (-1, 1)
    assert (described.inputs[0].minimum, described.inputs[0].maximum) == (0, 5.5)
    assert (described.outputs[0].minimum, described.outputs[0].maximum) == (None, None)


def test_fields_of_the_future_are_ignored() -> None:
    assert parse_description(json.dumps(_GOOD | {"licence": "x"}).encode()).name == "taxi"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"version": 3}, "version"),
        ({"digest": "sha256:abc"}, "digest"),
        ({"inputs": []}, "inputs"),
        ({"outputs": "y"}, "outputs"),
        ({"inputs": ["x"]}, "inputs[0]"),
        ({"inputs": _GOOD["inputs"] * 2}, "inputs"),
        ({"inputs": [{"name": "x", "datatype": "FLOAT", "shape": [1]}]}, "inputs[0].datatype"),
        ({"inputs": [{"name": "x", "datatype": "FP32", "shape": [0]}]}, "inputs[0].shape"),
        ({"inputs": [{"name": "x", "datatype": "FP32", "shape": [True]}]}, "inputs[0].shape"),
        ({"inputs": [{"name": "x", "datatype": "FP32"}]}, "inputs[0].shape"),
        (
            {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "minimum": "0"}]},
            "inputs[0].minimum",
        ),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_description(json.dumps(_GOOD | changes).encode())
    assert refused.value.what.startswith(f"model.json: {field} is ")


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[]"])
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"model\.json"):
        parse_description(data)
