"""`runtime` of model.json: what is read, and what is refused by name."""

import json
from dataclasses import fields
from typing import Any

import pytest

from edge_assets.core.config_schema import Runtime
from inference_service.description import parse_description
from inference_service.runtime_options import DEFAULT_RUNTIME, RuntimeOptions, parse_runtime
from protos.errors import ConfigurationError

TENSOR = [{"name": "x", "datatype": "FP32", "shape": [-1, 1]}]


def described(**more: Any) -> bytes:
    base = {"name": "m", "version": "1", "digest": "sha256:" + "a" * 64}
    return json.dumps({**base, "inputs": TENSOR, "outputs": TENSOR, **more}).encode()


def test_without_options_the_defaults_hold() -> None:
    assert parse_description(described()).runtime == RuntimeOptions() == DEFAULT_RUNTIME
    assert parse_runtime({}) == DEFAULT_RUNTIME
    assert DEFAULT_RUNTIME.intra_op_threads == 1
    assert DEFAULT_RUNTIME.spinning is False


def test_options_are_read_from_model_json() -> None:
    given = {"intra_op_threads": 4, "spinning": True, "graph_optimization": "basic"}
    read = parse_description(described(runtime=given)).runtime
    assert read == RuntimeOptions(intra_op_threads=4, spinning=True, graph_optimization="basic")


def test_what_is_written_can_be_read() -> None:
    options = RuntimeOptions(2, 3, True, False, False, "extended", False)
    assert parse_runtime(json.loads(json.dumps(options.as_json()))) == options


@pytest.mark.parametrize(
    ("given", "field", "expected"),
    [
        ({"threads": 2}, "runtime.threads", "intra_op_threads, inter_op_threads"),
        ({"intra_op_threads": 0}, "runtime.intra_op_threads", "1 to 256"),
        ({"intra_op_threads": 257}, "runtime.intra_op_threads", "1 to 256"),
        ({"intra_op_threads": True}, "runtime.intra_op_threads", "1 to 256"),
        ({"inter_op_threads": 1.5}, "runtime.inter_op_threads", "1 to 256"),
        ({"inter_op_threads": None}, "runtime.inter_op_threads", "1 to 256"),
        ({"spinning": 1}, "runtime.spinning", "true or false"),
        ({"batching": "no"}, "runtime.batching", "true or false"),
        ({"graph_optimization": "most"}, "runtime.graph_optimization", "all, extended, basic"),
        ({"graph_optimization": []}, "runtime.graph_optimization", "all, extended, basic"),
        ([], "runtime", "an object"),
        ("fast", "runtime", "an object"),
    ],
)
def test_a_wrong_option_is_named(given: Any, field: str, expected: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_description(described(runtime=given))
    assert refused.value.what.startswith(f"model.json: {field} is ")
    assert expected in refused.value.why


def test_model_yaml_has_the_same_keys_and_defaults() -> None:
    assert Runtime().model_dump() == DEFAULT_RUNTIME.as_json()
    assert list(Runtime.model_fields) == [field.name for field in fields(RuntimeOptions)]
