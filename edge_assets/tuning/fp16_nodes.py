"""Which nodes of a graph can reckon in float16, and which of those shall."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, TensorProto, numpy_helper

from inference_service.runtime_options import RuntimeOptions
from inference_service.session import make_session

LARGE = 64
"""Numbers in the constants of a node that are worth it: fewer save less than the Casts cost."""

_FLOAT, _F16 = "tensor(float)", "tensor(float16)"

SHAPES = ("Shape", "Size")
"""They look at no value, so that they take it in whatever type it is."""

_LEFT = {
    # A type is their argument, so that their float is no choice of the graph.
    *("Cast", "CastLike", "ConstantOfShape", "EyeLike", "Bernoulli", "Multinomial"),
    *("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"),
    # Already in 8 bits, or on the way there and back.
    *("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"),
    # Positions, counts and orders: float16 has no odd number above 2048.
    *("Range", "CumSum", "OneHot", "TopK", "NonMaxSuppression", "RoiAlign", "GridSample"),
    # Images are brought to their size by the very code that training used.
    *("Resize", "Upsample"),
}


@dataclass(frozen=True)
class Slots:
    """The places of a node's inputs and outputs that can be float16."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def names(self, node: onnx.NodeProto) -> set[str]:
        """The values at these places."""
        return {node.input[at] for at in self.inputs} | {node.output[at] for at in self.outputs}


@dataclass(frozen=True)
class Values:
    """The types of all values of a graph by name, as onnxruntime calls them, and its constants of
    float32. A constant that callers may replace, because it is an input too, is none.
    """

    types: dict[str, str]
    constants: dict[str, NDArray[np.float32]]
    opset: int

    @classmethod
    def of(cls, model: onnx.ModelProto) -> "Values":
        """Those of `model`. Raises ConfigurationError if it cannot be opened.

        Asked of onnxruntime: onnx 1.23 infers types too, and takes the whole process down with it
        on the graph of `compliance`.
        """
        graph = model.graph
        session = session_with(model, [name for node in graph.node for name in node.output if name])
        types = {v.name: v.type for v in (*session.get_inputs(), *session.get_outputs())}
        for tensor in graph.initializer:
            number = tensor.data_type == TensorProto.FLOAT
            types[tensor.name] = _FLOAT if number else "another"
        replaceable = {value.name for value in graph.input}
        constants = {
            tensor.name: numpy_helper.to_array(tensor)
            for tensor in graph.initializer
            if tensor.data_type == TensorProto.FLOAT and tensor.name not in replaceable
        }
        opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 1)
        return cls(types, constants, opset)

    def is_float(self, name: str) -> bool:
        """Whether it is of 32-bit floats."""
        return self.types.get(name) == _FLOAT


def session_with(model: onnx.ModelProto, names: Sequence[str]) -> Any:
    """A session on `model` that also answers its values `names`, rewritten as little as can be.

    Raises ConfigurationError if it cannot be opened.
    """
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    # without types: onnxruntime knows them
    del shown.graph.output[:]
    shown.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = RuntimeOptions(graph_optimization="disabled")
    return make_session(shown.SerializeToString(), options)


def convertible(node: onnx.NodeProto, values: Values) -> Slots | None:
    """The places of `node` that can be float16, by the types that ONNX allows for its operator.

    None where there is none, and where it must be left: another domain, a subgraph, a type that is
    not known.
    """
    inside = {AttributeProto.GRAPH, AttributeProto.GRAPHS, AttributeProto.TENSOR}
    if node.domain not in ("", "ai.onnx") or node.op_type in _LEFT:
        return None
    if any(attribute.type in inside for attribute in node.attribute):
        return None
    if not all(values.types.get(name) for name in (*node.input, *node.output) if name):
        return None
    try:
        schema = onnx.defs.get_schema(node.op_type, values.opset, "")
    except onnx.defs.SchemaError:
        return None
    takes = {c.type_param_str for c in schema.type_constraints if _F16 in c.allowed_type_strs}

    def places(
        names: Sequence[str], formal: Sequence[onnx.defs.OpSchema.FormalParameter]
    ) -> tuple[int, ...]:
        return tuple(
            at
            for at, name in enumerate(names)
            if values.is_float(name) and formal[min(at, len(formal) - 1)].type_str in takes
        )

    slots = Slots(places(node.input, schema.inputs), places(node.output, schema.outputs))
    return slots if slots.inputs else None


def half_nodes(
    graph: onnx.GraphProto, fit: Sequence[Slots | None], values: Values
) -> list[Slots | None]:
    """Of the nodes that can, those that shall be in 16 bits: `fit`, the others None.

    Those with large constants, and those behind them all of whose other inputs are in 16 bits.
    """
    made: set[str] = set()
    half: list[Slots | None] = []
    for node, slots in zip(graph.node, fit, strict=True):
        if slots is None or node.op_type in SHAPES:
            half.append(None)
            continue
        taken = [node.input[at] for at in slots.inputs]
        size = sum(values.constants[name].size for name in taken if name in values.constants)
        free = [name for name in taken if name not in values.constants]
        chosen = size >= LARGE or (bool(free) and made.issuperset(free))
        half.append(slots if chosen else None)
        if chosen:
            made.update(node.output[at] for at in slots.outputs)
    return half
