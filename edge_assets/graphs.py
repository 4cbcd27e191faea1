"""What every ONNX artifact has in common, and the joints between a model and its columns."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edge_assets.core.config_data import Column, Output
from protos.errors import ConfigurationError

if TYPE_CHECKING:
    import onnx

    from edge_assets.core.config_schema import ModelConfig

OPSETS = {"": 18, "ai.onnx.ml": 3}
IR_VERSION = 10
MATRIX = "matrix"
"""The input of a converted model that sees its columns as one matrix of float32."""
ROWS = "rows"

_ELEMENTS = {"BOOL": 9, "UINT8": 2, "INT32": 6, "INT64": 7, "FP32": 1, "FP64": 11, "BYTES": 8}
"""The element types of onnx.proto by the protocol's words for them."""


def join_matrix(converted: "onnx.ModelProto", columns: Sequence[Column]) -> "onnx.ModelProto":
    """`converted`, which takes a matrix, as a graph that takes the columns, each [rows, 1].

    Every number becomes float32, as scikit-learn's trees and ONNX's operators reckon. Raises
    ConfigurationError for a column of texts.
    """
    from onnx import TensorProto, compose, helper

    for column in columns:
        if column.datatype == "BYTES":
            raise ConfigurationError(
                f"the column {column.name} cannot be part of a matrix of numbers",
                why="it is text",
                remedy="begin the model with a ColumnTransformer, or leave it out of data.features",
            )
    cast = [f"single_{column.name}" for column in columns]
    nodes = [
        helper.make_node("Cast", [column.name], [made], to=TensorProto.FLOAT)
        for column, made in zip(columns, cast, strict=True)
    ]
    nodes.append(helper.make_node("Concat", cast, [MATRIX], axis=1))
    graph = helper.make_graph(
        nodes,
        "columns",
        [_value(column.name, column.datatype, column.shape) for column in columns],
        [helper.make_tensor_value_info(MATRIX, TensorProto.FLOAT, [ROWS, len(columns)])],
    )
    head = helper.make_model(graph, opset_imports=_opsets(), ir_version=IR_VERSION)
    converted.ir_version = IR_VERSION
    use_opsets(converted)
    return compose.merge_models(
        compose.add_prefix(head, "columns_", rename_inputs=False),
        compose.add_prefix(converted, "model_"),
        io_map=[(f"columns_{MATRIX}", f"model_{MATRIX}")],
    )


def use_opsets(model: "onnx.ModelProto") -> None:
    """Converters write the lowest opsets that do; joining asks for equal ones on both sides."""
    del model.opset_import[:]
    model.opset_import.extend(_opsets())


def choose_class(model: "onnx.ModelProto", scores: str, classes: Sequence[int | str]) -> None:
    """Makes the class of the largest of `scores` [rows, classes] the first output, `scores` the
    second. Any other output, and what made only that, is dropped. Of equal scores the first wins.
    """
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    text = isinstance(classes[0], str)
    kind = TensorProto.STRING if text else TensorProto.INT64
    table = np.array(classes, dtype=object if text else np.int64)
    graph.initializer.append(numpy_helper.from_array(table, "classes"))
    graph.node.append(helper.make_node("ArgMax", [scores], ["class_place"], axis=1, keepdims=1))
    graph.node.append(helper.make_node("Gather", ["classes", "class_place"], ["class"], axis=0))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("class", kind, [ROWS, 1]))
    graph.output.append(
        helper.make_tensor_value_info(scores, TensorProto.FLOAT, [ROWS, len(classes)])
    )
    _drop_unused(graph)


def finish(model: "onnx.ModelProto", config: "ModelConfig") -> "onnx.ModelProto":
    """Names and shapes as `model.yaml` declares them: outputs in their order, rows first, and one
    value a row as [rows, 1]. Texts are normalised in the locale C. Equal models give equal bytes.

    Raises ConfigurationError when the graph has other outputs, or lacks an input.
    """
    import onnx
    from onnx import helper, numpy_helper

    declared = config.prediction.outputs
    graph = model.graph
    if len(graph.output) != len(declared):
        raise _unfit(config, f"{len(graph.output)} outputs, {len(declared)} are declared")
    outputs = []
    for made, wanted in zip(list(graph.output), declared, strict=True):
        flat = f"{wanted.name}_as_made"
        _rename(graph, made.name, flat)
        kind = made.type.tensor_type.elem_type
        if kind != _ELEMENTS[wanted.datatype]:
            if _ELEMENTS["BYTES"] in (kind, _ELEMENTS[wanted.datatype]):
                raise _unfit(config, f"an output {wanted.name} that is not {wanted.datatype}")
            cast = helper.make_node(
                "Cast", [flat], [f"{wanted.name}_cast"], to=_ELEMENTS[wanted.datatype]
            )
            graph.node.append(cast)
            flat = cast.output[0]
        shape = numpy_helper.from_array(_shape(wanted), f"{wanted.name}_shape")
        graph.initializer.append(shape)
        graph.node.append(helper.make_node("Reshape", [flat, shape.name], [wanted.name]))
        outputs.append(_value(wanted.name, wanted.datatype, wanted.shape))
    del graph.output[:]
    graph.output.extend(outputs)
    _use_locale_c(graph)
    used = {name for node in graph.node for name in node.input}
    inputs = [_value(column.name, column.datatype, column.shape) for column in config.data.columns]
    present = {value.name for value in graph.input}
    strangers = sorted(present - {value.name for value in inputs})
    if strangers:
        raise _unfit(config, f"an input {strangers[0]}, which is no column")
    del graph.input[:]
    graph.input.extend(inputs)  # also those that the model does not look at: one contract for all
    unused = [value for value in inputs if value.name not in used]
    if len(unused) == len(inputs):
        raise _unfit(config, "none of the columns as its input")
    graph.name = config.name
    model.producer_name, model.producer_version = "edge-assets", ""
    model.ir_version = min(model.ir_version, IR_VERSION)
    del graph.value_info[:]
    onnx.checker.check_model(model, full_check=True)
    return model


def check_interface(model: "onnx.ModelProto", config: "ModelConfig") -> None:
    """Raises ConfigurationError unless inputs and outputs are those of `model.yaml`."""
    pairs = (
        ("input", model.graph.input, config.data.columns),
        ("output", model.graph.output, config.prediction.outputs),
    )
    known = {tensor.name for tensor in model.graph.initializer}
    for word, values, declared in pairs:
        found = {value.name: value for value in values if value.name not in known}
        if set(found) != {one.name for one in declared}:
            names = ", ".join(one.name for one in declared)
            raise _unfit(config, f"{word}s {', '.join(sorted(found))}; declared: {names}")
        for one in declared:
            tensor = found[one.name].type.tensor_type
            if tensor.elem_type != _ELEMENTS[one.datatype]:
                raise _unfit(config, f"{word} {one.name} is not {one.datatype}")
            sizes = [axis.dim_value for axis in tensor.shape.dim]  # 0 where it is free
            if len(sizes) != len(one.shape) + 1:
                raise _unfit(config, f"{word} {one.name} has {len(sizes)} axes, rows included")
            if sizes[0]:
                raise _unfit(
                    config, f"{word} {one.name} is for {sizes[0]} rows, not for any number"
                )
            if any(
                size not in (0, wanted) for size, wanted in zip(sizes[1:], one.shape, strict=True)
            ):
                raise _unfit(config, f"{word} {one.name} has the shape {sizes[1:]} a row")


def _unfit(config: "ModelConfig", got: str) -> ConfigurationError:
    return ConfigurationError(
        f"the ONNX graph of {config.name} is not what model.yaml declares",
        why=f"it has {got}",
        remedy="change the graph, or data.columns and prediction in model.yaml",
    )


def _shape(output: Output) -> Any:
    import numpy as np

    if list(output.shape).count(-1):  # Reshape keeps a size with 0, and finds one with -1
        return np.array([0, *output.shape], dtype=np.int64)
    return np.array([-1, *output.shape], dtype=np.int64)


def _value(name: str, datatype: str, shape: Sequence[int]) -> "onnx.ValueInfoProto":
    from onnx import helper

    sizes = [f"{name}_{place}" if size == -1 else size for place, size in enumerate(shape)]
    return helper.make_tensor_value_info(name, _ELEMENTS[datatype], [ROWS, *sizes])


def _opsets() -> "list[onnx.OperatorSetIdProto]":
    from onnx import helper

    return [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]


def _rename(graph: "onnx.GraphProto", old: str, new: str) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new


def _use_locale_c(graph: "onnx.GraphProto") -> None:
    """The locale that every device has; another one that lacks there ends the session."""
    from onnx import helper

    for node in graph.node:
        if node.op_type == "StringNormalizer":
            kept = [attribute for attribute in node.attribute if attribute.name != "locale"]
            del node.attribute[:]
            node.attribute.extend([*kept, helper.make_attribute("locale", "C")])


def _drop_unused(graph: "onnx.GraphProto") -> None:
    """Drops the nodes and initializers that no output needs."""
    needed = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):  # in ONNX a node stands after those that feed it
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    tensors = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(tensors)
