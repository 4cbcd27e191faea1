"""Rewrites the nodes of a graph that were chosen for float16, with Casts where types meet."""

from collections.abc import Iterator, Sequence

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from edge_assets.tuning.fp16_nodes import SHAPES, Slots, Values


def hoist_constants(model: onnx.ModelProto) -> None:
    """Makes the float32 `Constant` nodes of the graph initializers, which all exporters might."""
    graph = model.graph
    kept = []
    for node in graph.node:
        tensor = _float_constant(node)
        if tensor is None:
            kept.append(node)
        else:
            graph.initializer.append(tensor)
    del graph.node[:]
    graph.node.extend(kept)


def rewrite(model: onnx.ModelProto, half: Sequence[Slots | None], values: Values) -> None:
    """Makes the nodes with Slots in `half` of float16, in place; inputs and outputs stay.

    A value that is asked for in both types is cast once, right behind what makes it: so the nodes
    stay in an order in which they can run, and no two Casts make the same value.
    """
    graph = model.graph
    pairs = list(zip(graph.node, half, strict=True))
    made = {node.output[at] for node, slots in pairs if slots for at in slots.outputs}
    wanted = {node.input[at] for node, slots in pairs if slots for at in slots.inputs}
    full = _wanted_full(graph, half)
    taken = set(names_of(graph))
    short = {name: free_name(name, taken) for name in sorted(made | wanted)}
    nodes = [
        _cast(v.name, short[v.name], TensorProto.FLOAT16) for v in graph.input if v.name in wanted
    ]
    for node, slots in pairs:
        outputs = list(node.output)
        if slots is not None:
            for at in slots.inputs:
                node.input[at] = short[node.input[at]]
            for at in slots.outputs:
                node.output[at] = short[node.output[at]]
        elif node.op_type in SHAPES and node.input[0] in made - full:
            node.input[0] = short[node.input[0]]
        nodes.append(node)
        for name in outputs:
            if name in made and name in full:
                nodes.append(_cast(short[name], name, TensorProto.FLOAT))
            elif name not in made and name in wanted:
                nodes.append(_cast(name, short[name], TensorProto.FLOAT16))
    del graph.node[:], graph.value_info[:]  # the types of the latter are no longer true
    graph.node.extend(nodes)
    tensors: list[onnx.TensorProto] = []
    for tensor in graph.initializer:
        constant = values.constants.get(tensor.name)
        if constant is None or tensor.name not in wanted or tensor.name in full:
            tensors.append(tensor)
        if constant is not None and tensor.name in wanted:
            tensors.append(numpy_helper.from_array(constant.astype(np.float16), short[tensor.name]))
    del graph.initializer[:]
    graph.initializer.extend(tensors)


def _wanted_full(graph: onnx.GraphProto, half: Sequence[Slots | None]) -> set[str]:
    """What is asked for as it was: by nodes that are left, from inside of subgraphs, by callers."""
    names = {value.name for value in graph.output}
    for node, slots in zip(graph.node, half, strict=True):
        if slots is not None:
            names.update(name for at, name in enumerate(node.input) if at not in slots.inputs)
        elif node.op_type not in SHAPES:
            names.update(node.input)
        for inner in _subgraphs(node):
            names.update(names_of(inner))
    return names


def _subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def names_of(graph: onnx.GraphProto) -> Iterator[str]:
    """Every name of a value in the graph and in the graphs inside of it."""
    yield from (value.name for value in (*graph.input, *graph.output))
    yield from (tensor.name for tensor in graph.initializer)
    for node in graph.node:
        yield from (*node.input, *node.output)
        for inner in _subgraphs(node):
            yield from names_of(inner)


def free_name(name: str, taken: set[str]) -> str:
    """A new name for `name` in 16 bits; it is taken from then on."""
    made = f"{name}_fp16"
    while made in taken:
        made += "_"
    taken.add(made)
    return made


def _cast(name: str, made: str, to: int) -> onnx.NodeProto:
    return helper.make_node("Cast", [name], [made], to=to)


def _float_constant(node: onnx.NodeProto) -> onnx.TensorProto | None:
    """The value of a `Constant` node of float32, under the name of its output."""
    if node.op_type != "Constant" or node.domain not in ("", "ai.onnx"):
        return None
    (attribute,) = node.attribute
    if attribute.name in ("value_float", "value_floats"):
        value = np.array(helper.get_attribute_value(attribute), dtype=np.float32)
        return numpy_helper.from_array(value, node.output[0])
    if attribute.name != "value" or attribute.t.data_type != TensorProto.FLOAT:
        return None
    tensor: onnx.TensorProto = attribute.t
    tensor.name = node.output[0]
    return tensor
