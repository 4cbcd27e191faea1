"""The trained network as one ONNX graph: raw text in; label, probabilities and words out."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, compose, helper, numpy_helper

from edge_assets.edge_model import EdgeModel
from edge_assets.flavours.torch import export
from edge_assets.graphs import finish
from edge_assets.models.compliance.network import ComplianceNet
from edge_assets.models.compliance.text_graph import IR_VERSION, NUMBERS, OPSETS, text_graph
from edge_assets.models.compliance.text_graph import SHOWN as WORDS
from edge_assets.models.compliance.train import SHOWN

_LABEL, _PROBABILITIES, _WEIGHTS, _CUT = "label", "scores", "weights", "cut_weights"
_REASONS = "reasons"
_PREFIX = "net_"


def to_onnx(model: ComplianceNet) -> onnx.ModelProto:
    """`model` behind its text preprocessing; equal models give equal bytes.

    The input `description` is text [rows, 1]; outputs are as `train.predict` gives them, and differ
    only by adding up in another order. `rows` is free, and so is the length of a text: all of its
    words are reckoned with, the first `SHOWN` are shown.
    """
    net = export(
        model,
        {NUMBERS: torch.ones((3, 7), dtype=torch.int64)},
        [_LABEL, _PROBABILITIES, _WEIGHTS, _REASONS],
        {NUMBERS: {0: "rows", 1: "length"}},
        opset=OPSETS[""],
    )
    net.ir_version = IR_VERSION
    _use_opsets(net)
    joined = compose.merge_models(
        text_graph(model.places, SHOWN),
        compose.add_prefix(net, _PREFIX),
        io_map=[(NUMBERS, _PREFIX + NUMBERS)],
    )
    _cut(joined)
    return finish(joined, EdgeModel.load(Path(__file__).parent).config)


def _cut(model: onnx.ModelProto) -> None:
    """The weights of the first words, filled up with 0; outputs in the order of `model.yaml`."""
    graph, weights = model.graph, _PREFIX + _WEIGHTS
    filler = numpy_helper.from_array(np.array([0, 0, 0, SHOWN], np.int64), "filler")
    ends = numpy_helper.from_array(np.array([SHOWN], np.int64), "ends")
    starts = numpy_helper.from_array(np.array([0], np.int64), "starts")
    axes = numpy_helper.from_array(np.array([1], np.int64), "axes")
    graph.initializer.extend([filler, ends, starts, axes])
    graph.node.extend(
        [
            helper.make_node("Pad", [weights, "filler"], ["long_weights"]),
            helper.make_node("Slice", ["long_weights", "starts", "ends", "axes"], [_CUT]),
        ]
    )
    found = {value.name: value for value in graph.output}
    found[_CUT] = helper.make_tensor_value_info(_CUT, TensorProto.FLOAT, ["rows", SHOWN])
    order = (_PREFIX + _LABEL, _PREFIX + _PROBABILITIES, WORDS, _CUT, _PREFIX + _REASONS)
    del graph.output[:]
    graph.output.extend(found[name] for name in order)


def _use_opsets(model: onnx.ModelProto) -> None:
    """Joining asks for equal opsets on both sides; the network uses none of ai.onnx.ml."""
    del model.opset_import[:]
    model.opset_import.extend(
        helper.make_opsetid(domain, version) for domain, version in OPSETS.items()
    )
