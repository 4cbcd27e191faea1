"""What 16 bits do to the answers at worst: the gate that does not depend on this machine's CPU.

Where onnxruntime has no float16 kernel, as for most operators on x86, it reckons in 32 bits and
leaves out the rounding between two nodes (1.31, at every level of optimisation). A device that has
such kernels rounds every value. So parity is proven on a graph that rounds all of them, too.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge_assets.tuning.fp16_graph import free_name, names_of
from edge_assets.tuning.fp16_nodes import Slots, Values
from inference_service.runtime_options import RuntimeOptions
from inference_service.session import make_session
from inference_service.tune.parity import Parity
from inference_service.tune.runner import judge
from inference_service.tune.subject import Subject


def rounded(model: onnx.ModelProto, half: Sequence[Slots | None], values: Values) -> bytes:
    """`model` in 32 bits, with everything that nodes with Slots take and make rounded to float16.

    Sums inside of one node are those of 32 bits, as most kernels have them.
    """
    made = onnx.ModelProto()
    made.CopyFrom(model)
    graph = made.graph
    taken = set(names_of(graph))
    nodes: list[onnx.NodeProto] = []
    known: dict[str, str] = {}

    def cast_twice(name: str, to: str) -> list[onnx.NodeProto]:
        short = free_name(name, taken)
        return [
            helper.make_node("Cast", [name], [short], to=TensorProto.FLOAT16),
            helper.make_node("Cast", [short], [to], to=TensorProto.FLOAT),
        ]

    for node, slots in zip(list(graph.node), half, strict=True):
        if slots is None:
            nodes.append(node)
            continue
        for at in slots.inputs:
            name = node.input[at]
            if name not in known:
                known[name] = free_name(name, taken)
                constant = values.constants.get(name)
                if constant is None:
                    nodes += cast_twice(name, known[name])
                else:
                    short = constant.astype(np.float16).astype(np.float32)
                    graph.initializer.append(numpy_helper.from_array(short, known[name]))
            node.input[at] = known[name]
        behind = []
        for at in slots.outputs:
            name = node.output[at]
            node.output[at] = free_name(name, taken)
            behind += cast_twice(node.output[at], name)
            known[name] = name
        nodes += [node, *behind]
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    data: bytes = made.SerializeToString(deterministic=True)
    return data


def judge_rounded(subject: Subject, graph: bytes) -> Parity:
    """Whether the answers of `graph`, made by `rounded`, pass as those of a candidate must.

    Raises ConfigurationError if one of the two graphs cannot be opened.
    """
    names = [spec.name for spec in subject.description.outputs]
    # no optimisation: it could take two Casts that follow each other for none
    options = RuntimeOptions(graph_optimization="disabled")
    right, got = (
        [
            dict(zip(names, session.run(names, dict(question)), strict=True))
            for question in subject.questions
        ]
        for session in (make_session(data, options) for data in (subject.model.read_bytes(), graph))
    )
    found = judge(subject, right, got)
    reason = found.reason if found.passed else f"with every value rounded, {found.reason}"
    return replace(found, reason=reason)
