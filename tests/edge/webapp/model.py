"""A small model of descriptions whose answers are known: for the real inference service."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from protos.digests import digest_bytes

# log-odds that a word adds for non-compliant
WEIGHTS = {"plastic": 4.0, "iron": 4.0, "poor": 3.0, "fair": 3.0, "steel": -1.0, "good": -1.0}
WEIGHTS |= {word.capitalize(): weight for word, weight in WEIGHTS.items()}
BIAS = -2.0


def confidence(text: str, weights: Mapping[str, float] = WEIGHTS, bias: float = BIAS) -> float:
    """The probability of non-compliant that the model must answer."""
    odds = bias + sum(weights.get(word, 0.0) for word in text.split(" "))
    return 1 / (1 + math.exp(-odds))


def words_model(
    folder: Path,
    *,
    weights: Mapping[str, float] = WEIGHTS,
    bias: float = BIAS,
    explains: bool = True,
) -> Path:
    """`compliance`: words cut at spaces, each with its log-odds; `explains` tells them."""
    node = helper.make_node
    nodes = [
        node("Squeeze", ["description", "one"], ["texts"]),
        node("StringSplit", ["texts"], ["words", "counts"], delimiter=" "),
        node(
            "LabelEncoder",
            ["words"],
            ["word_weights"],
            domain="ai.onnx.ml",
            keys_strings=list(weights),
            values_floats=list(weights.values()),
            default_float=0.0,
        ),
        node("ReduceSum", ["word_weights", "one"], ["sum"], keepdims=1),
        node("Add", ["sum", "bias"], ["odds"]),
        node("Sigmoid", ["odds"], ["against"]),
        node("Sub", ["unit", "against"], ["for"]),
        node("Concat", ["for", "against"], ["probabilities"], axis=1),
        node("Greater", ["odds", "zero"], ["is_against"]),
        node("Cast", ["is_against"], ["non_compliant"], to=TensorProto.INT64),
    ]
    outputs = [
        ("non_compliant", TensorProto.INT64, "INT64", 1),
        ("probabilities", TensorProto.FLOAT, "FP32", 2),
    ]
    if explains:
        outputs += [
            ("words", TensorProto.STRING, "BYTES", -1),
            ("word_weights", TensorProto.FLOAT, "FP32", -1),
        ]
    graph = helper.make_graph(
        nodes,
        "compliance",
        [helper.make_tensor_value_info("description", TensorProto.STRING, [None, 1])],
        [
            helper.make_tensor_value_info(name, kind, [None, None if width < 0 else width])
            for name, kind, _, width in outputs
        ],
        [
            helper.make_tensor("one", TensorProto.INT64, [1], [1]),
            helper.make_tensor("bias", TensorProto.FLOAT, [1], [bias]),
            helper.make_tensor("unit", TensorProto.FLOAT, [1], [1.0]),
            helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0]),
        ],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", 3)]
    data = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    onnx.checker.check_model(onnx.load_from_string(data))
    digest = digest_bytes(data)
    folder.mkdir(parents=True, exist_ok=True)
    described = {
        "name": "compliance",
        "version": digest.removeprefix("sha256:")[:12],
        "digest": digest,
        "inputs": [{"name": "description", "datatype": "BYTES", "shape": [-1, 1]}],
        "outputs": [
            {"name": name, "datatype": datatype, "shape": [-1, width]}
            for name, _, datatype, width in outputs
        ],
    }
    (folder / "model.onnx").write_bytes(data)
    (folder / "model.json").write_text(json.dumps(described))
    return folder
