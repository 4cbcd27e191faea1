"""Reads an ONNX graph that came from outside, and makes a copy with the interface of the project.

The copy takes one column for each input, [rows, 1], and answers the target as [rows, 1], with
`probabilities` [rows, classes] beside it for classes. What the graph reckons stays untouched.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_assets.core.config_data import PROBABILITIES, Column, Datatype
from edge_assets.onboarding.naming import identifiers, to_identifier
from protos.errors import ConfigurationError

if TYPE_CHECKING:
    import onnx

MAX_BYTES = 1 << 30
MAX_COLUMNS = 300
_DATATYPES: dict[int, Datatype] = {
    9: "BOOL",
    2: "UINT8",
    6: "INT32",
    7: "INT64",
    1: "FP32",
    11: "FP64",
    8: "BYTES",
}
"""The element types of onnx.proto that the protocol serves."""
_DTYPES = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "INT32": "int32",
    "INT64": "int64",
    "FP32": "float32",
    "FP64": "float64",
    "BYTES": "object",
}
_PREFIX = "given_"
_CLASS_ATTRIBUTES = ("classlabels_int64s", "classlabels_ints", "classlabels_strings")


@dataclass(frozen=True)
class GraphInput:
    """An input of the graph: `width` columns of one type; `flat` when its shape is [rows]."""

    name: str
    datatype: Datatype
    width: int
    flat: bool


@dataclass(frozen=True)
class GraphOutput:
    """An output as it came from a trial run: numpy's kind of its values, and values a row."""

    name: str
    kind: str
    width: int


@dataclass(frozen=True)
class Given:
    """A graph that can be served, with what a trial run showed."""

    model: "onnx.ModelProto"
    inputs: tuple[GraphInput, ...]
    outputs: tuple[GraphOutput, ...]
    classes: tuple[int, ...] | tuple[str, ...]
    """That the graph itself names; empty where it does not."""

    @property
    def width(self) -> int:
        """How many columns it takes."""
        return sum(given.width for given in self.inputs)

    @property
    def label(self) -> GraphOutput | None:
        """The output that tells the class."""
        found = [o for o in self.outputs if o.width == 1 and o.kind in "iuOSU"]
        return found[0] if found else None

    @property
    def scores(self) -> GraphOutput | None:
        """The output with one number for each class."""
        found = [o for o in self.outputs if o.width > 1 and o.kind == "f"]
        return found[0] if found else None

    @property
    def number(self) -> GraphOutput | None:
        """The output of a regression."""
        found = [o for o in self.outputs if o.width == 1 and o.kind == "f"]
        return found[0] if found else None

    @property
    def kind(self) -> str:
        """`classification` or `regression`. Raises ConfigurationError when it is neither."""
        if self.scores is not None:
            return "classification"
        if self.number is not None and self.label is None:
            return "regression"
        if self.label is not None:
            raise _refused(
                "it answers a class without probabilities",
                "export it with the probabilities of its classes as a second output",
            )
        raise _refused("it answers no number and no class", "export its predictions as tensors")


def read_graph(path: Path) -> Given:
    """The graph in `path`, checked and tried. Raises ConfigurationError for what is not served."""
    import onnx

    try:
        size = path.stat().st_size
        if not 0 < size <= MAX_BYTES:
            raise _refused(f"{path.name} has {size} bytes", f"at most {MAX_BYTES} are served")
        model = onnx.load_model_from_string(path.read_bytes())
        onnx.checker.check_model(model, full_check=True)
    except ConfigurationError:
        raise
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read", why=error.strerror or "", remedy="correct the path"
        ) from None
    except Exception as error:  # protobuf, the checker and shape inference raise their own
        why = str(error).strip().splitlines() or [type(error).__name__]
        raise _refused(
            f"{path.name} is no valid graph: {why[0][:300]}", "export it again"
        ) from None
    if any(t.data_location == onnx.TensorProto.EXTERNAL for t in model.graph.initializer):
        raise _refused("its weights lie in another file", "save it with the weights inside")
    inputs = tuple(_inputs(model))
    if sum(given.width for given in inputs) > MAX_COLUMNS:
        raise _refused(f"it takes more than {MAX_COLUMNS} values a row", "put features into it")
    return Given(model, inputs, _tried(model, inputs), _classes(model))


def _inputs(model: "onnx.ModelProto") -> Iterator[GraphInput]:
    constants = {tensor.name for tensor in model.graph.initializer}
    values = [value for value in model.graph.input if value.name not in constants]
    if not values:
        raise _refused("it has no input", "export it with its inputs free")
    for value in values:
        tensor = value.type.tensor_type
        if not value.type.HasField("tensor_type"):
            raise _refused(f"its input {value.name} is no tensor", "export it with tensors only")
        datatype = _DATATYPES.get(tensor.elem_type)
        if datatype is None:
            raise _refused(
                f"its input {value.name} has an element type that is not served "
                f"({_type_name(tensor.elem_type)})",
                f"cast it inside the graph from one of {', '.join(_DATATYPES.values())}",
            )
        sizes = [d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim]
        if not sizes or sizes[0] is not None:
            shown = f"fixed to {sizes[0]}" if sizes else "missing"
            raise _refused(
                f"the first axis of its input {value.name} is {shown}",
                "export it with a dynamic batch axis: any number of rows is asked at once",
            )
        if len(sizes) > 2 or (len(sizes) == 2 and not sizes[1]):
            raise _refused(
                f"its input {value.name} has the shape {_shape(sizes)}: no table",
                "tables are [rows] or [rows, columns]; images are made with --from FOLDER",
            )
        width = int(sizes[1] or 1) if len(sizes) == 2 else 1
        yield GraphInput(value.name, datatype, width, len(sizes) == 1)


def _tried(model: "onnx.ModelProto", inputs: Sequence[GraphInput]) -> tuple[GraphOutput, ...]:
    """Runs the graph on three rows, then on two: shapes in a file are only what it says."""
    session = _session(model.SerializeToString())
    found: list[GraphOutput] = []
    for rows in (3, 2):
        found = []
        answers = _ask(session, {g.name: _trial(g, rows) for g in inputs})
        for output, answer in zip(session.get_outputs(), answers, strict=True):
            if not isinstance(answer, np.ndarray):
                raise _refused(
                    f"its output {output.name} is a list or a map, no tensor",
                    "convert it with zipmap=False",
                )
            if answer.ndim not in (1, 2) or len(answer) != rows:
                raise _refused(
                    f"its output {output.name} has the shape {list(answer.shape)} for {rows} rows",
                    "the first axis of every output counts the rows; a second one the classes",
                )
            width = answer.shape[1] if answer.ndim == 2 else 1
            found.append(GraphOutput(output.name, answer.dtype.kind, int(width)))
    return tuple(found)


def _trial(given: GraphInput, rows: int) -> NDArray[Any]:
    shape = (rows,) if given.flat else (rows, given.width)
    if given.datatype == "BYTES":
        return np.full(shape, "", dtype=object)
    return np.zeros(shape, dtype=_DTYPES[given.datatype])


def _session(data: bytes) -> Any:
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a dozen classes of its own
        why = str(error).splitlines()[0][:300]
        raise _refused(
            f"onnxruntime does not load it: {why}", "export it for its operators"
        ) from None


def _ask(session: Any, feed: Mapping[str, NDArray[Any]]) -> list[Any]:
    try:
        answers: list[Any] = session.run(None, dict(feed))
    except Exception as error:
        why = str(error).splitlines()[0][:300]
        raise _refused(f"it fails on a trial of rows of zeros: {why}", "mend the graph") from None
    return answers


def _classes(model: "onnx.ModelProto") -> tuple[int, ...] | tuple[str, ...]:
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name in _CLASS_ATTRIBUTES:
                if attribute.strings:
                    return tuple(text.decode() for text in attribute.strings)
                if attribute.ints:
                    return tuple(int(label) for label in attribute.ints)
    return ()


def column_names(given: Given, headers: Sequence[str] = ()) -> list[tuple[str, str]]:
    """(name, header) of each column, in the order of the graph.

    A matrix takes its columns from `headers` in their order; another input is found by its name.
    Without headers the names of the graph are used. Raises ConfigurationError when they do not fit.
    """
    from edge_assets.core.preparing import plain

    plain_names = {plain(header): header for header in headers}
    chosen: list[str] = []
    matrices = [g for g in given.inputs if g.width > 1]
    if headers and len(matrices) == len(given.inputs) == 1 and len(headers) != given.width:
        raise ConfigurationError(
            f"the graph takes {given.width} columns, and the table has {len(headers)} beside the "
            "target",
            why=f"the table has {', '.join(headers)[:300]}",
            remedy="give a table with exactly these columns, in the order of the training",
        )
    for one in given.inputs:
        if one.width > 1 and headers and len(given.inputs) == 1:
            chosen += headers
        elif one.width > 1:
            chosen += [f"{one.name}_{place}" for place in range(one.width)]
        else:
            chosen.append(plain_names.get(plain(one.name), one.name))
    missing = [name for name in chosen if headers and name not in headers]
    if missing:
        raise ConfigurationError(
            f"the table has no column for the input {missing[0]}",
            why=f"it has {', '.join(headers)[:300]}",
            remedy="name the columns of the table as the graph names its inputs",
        )
    names = identifiers(chosen)
    return [(names[header], header) for header in chosen]


def target_name(given: Given, headers: Sequence[str] = ()) -> str:
    """An identifier for the target, after the output that tells it."""
    output = given.label or given.number or given.scores
    name = to_identifier(output.name if output else "", "answer")
    taken = {to_identifier(header, "") for header in headers}
    return f"predicted_{name}" if name in taken or name == PROBABILITIES else name


def adapt(
    given: Given,
    columns: Sequence[Column],
    target: str,
    classes: Sequence[int] | Sequence[str] = (),
) -> "onnx.ModelProto":
    """A copy of the graph: `columns` in, `target` (and `probabilities`) out."""
    import onnx
    from onnx import TensorProto, compose, helper, numpy_helper

    model = compose.add_prefix(given.model, _PREFIX)
    graph = model.graph
    if not any(opset.domain in ("", "ai.onnx") for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid("", 17))
    _join_columns(graph, given, columns)
    kept = {tensor.name for tensor in graph.initializer}
    constants = [value for value in graph.input if value.name in kept]
    del graph.input[:]
    graph.input.extend([*(_value(c.name, c.datatype, 1) for c in columns), *constants])

    def constant(name: str, values: NDArray[Any]) -> str:
        graph.initializer.append(numpy_helper.from_array(values, name))
        return name

    def answer(raw: str, name: str, element: int, width: int) -> None:
        cast = f"cast_{name}"
        shape = constant(f"shape_{name}", np.array([-1, width], dtype=np.int64))
        source = raw
        if element != TensorProto.STRING:
            graph.node.append(helper.make_node("Cast", [raw], [cast], to=element))
            source = cast
        graph.node.append(helper.make_node("Reshape", [source, shape], [name]))

    del graph.output[:]
    if given.kind == "regression":
        assert given.number is not None  # noqa: S101 - kind says so
        answer(_PREFIX + given.number.name, target, TensorProto.FLOAT, 1)
        graph.output.append(_value(target, "FP32", 1))
    else:
        assert given.scores is not None  # noqa: S101 - kind says so
        texts = isinstance(classes[0], str)
        element = TensorProto.STRING if texts else TensorProto.INT64
        raw = _PREFIX + given.scores.name
        label = "" if given.label is None else _PREFIX + given.label.name
        if not label:
            table = np.array(list(classes), dtype=object if texts else np.int64)
            names = constant("class_names", table)
            graph.node.append(helper.make_node("ArgMax", [raw], ["best"], axis=1, keepdims=1))
            graph.node.append(helper.make_node("Gather", [names, "best"], ["best_name"], axis=0))
            label = "best_name"
        elif texts and given.label is not None and given.label.kind in "iu":
            names = constant("class_names", np.array(list(classes), dtype=object))
            node = helper.make_node("Cast", [label], ["class_place"], to=TensorProto.INT64)
            graph.node.append(node)
            graph.node.append(helper.make_node("Gather", [names, "class_place"], ["class_name"]))
            label = "class_name"
        answer(label, target, element, 1)
        answer(raw, PROBABILITIES, TensorProto.FLOAT, len(classes))
        graph.output.append(_value(target, "BYTES" if texts else "INT64", 1))
        graph.output.append(_value(PROBABILITIES, "FP32", len(classes)))
    del graph.value_info[:]
    onnx.checker.check_model(model, full_check=True)
    return model


def _join_columns(graph: Any, given: Given, columns: Sequence[Column]) -> None:
    """Nodes before all others, that make each input of the graph from its columns."""
    from onnx import helper, numpy_helper

    nodes, start = [], 0
    for one in given.inputs:
        names = [column.name for column in columns[start : start + one.width]]
        start += one.width
        made = _PREFIX + one.name
        if one.width > 1:
            nodes.append(helper.make_node("Concat", names, [made], axis=1))
        elif one.flat:
            shape = f"shape_of_{names[0]}"
            graph.initializer.append(numpy_helper.from_array(np.array([-1], np.int64), shape))
            nodes.append(helper.make_node("Reshape", [names[0], shape], [made]))
        else:
            nodes.append(helper.make_node("Identity", names, [made]))
    old = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *old])


def _value(name: str, datatype: str, width: int) -> Any:
    from onnx import helper

    element = next(number for number, word in _DATATYPES.items() if word == datatype)
    return helper.make_tensor_value_info(name, element, ["rows", width])


def _type_name(number: int) -> str:
    import onnx

    try:
        return str(onnx.TensorProto.DataType.Name(number)).lower()
    except ValueError:
        return str(number)


def _shape(sizes: Sequence[int | None]) -> str:
    return "[" + ", ".join("any" if size is None else str(size) for size in sizes) + "]"


def _refused(why: str, remedy: str) -> ConfigurationError:
    return ConfigurationError("the ONNX graph cannot be served", why=why, remedy=remedy)
