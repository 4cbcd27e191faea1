"""The joints of ONNX graphs: what they join answers as its parts, what does not fit is refused."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edge_assets.graphs import MATRIX, choose_class, finish, join_matrix
from protos.errors import ConfigurationError
from tests.edge_assets.flavours.tables import config_of

FLOAT, INT64, STRING = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING
COLUMNS = (
    {"name": "a"},
    {"name": "n", "datatype": "INT64"},
    {"name": "worn", "datatype": "BOOL"},
    {"name": "exact", "datatype": "FP64"},
)


def model(
    nodes: list[onnx.NodeProto],
    inputs: dict[str, tuple[int, list[Any]]],
    outputs: dict[str, tuple[int, list[Any]]],
    tensors: tuple[onnx.TensorProto, ...] = (),
) -> onnx.ModelProto:
    """A graph, as a converter gives it."""
    taken, given = (
        [helper.make_tensor_value_info(name, *kind) for name, kind in side.items()]
        for side in (inputs, outputs)
    )
    graph = helper.make_graph(nodes, "made", taken, given, list(tensors))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


def weighted(weights: list[float]) -> onnx.ModelProto:
    """The matrix times `weights`, as [rows, 1], under the name `variable`."""
    tensor = numpy_helper.from_array(np.array(weights, np.float32).reshape(-1, 1), "weights")
    return model(
        [helper.make_node("MatMul", [MATRIX, "weights"], ["variable"])],
        {MATRIX: (FLOAT, [None, len(weights)])},
        {"variable": (FLOAT, [None, 1])},
        (tensor,),
    )


def run(graph: onnx.ModelProto, feed: dict[str, Any]) -> dict[str, Any]:
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, feed), strict=True))


def shapes(graph: onnx.ModelProto) -> dict[str, list[Any]]:
    return {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in (*graph.graph.input, *graph.graph.output)
    }


@given(
    rows=st.lists(
        st.tuples(
            st.floats(-1e3, 1e3, width=32),
            st.integers(-1000, 1000),
            st.booleans(),
            st.floats(-1e3, 1e3),
        ),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=25, deadline=None)
def test_columns_of_every_kind_reach_the_model_as_one_matrix(rows: list[Any]) -> None:
    config = config_of(*COLUMNS)
    graph = finish(join_matrix(weighted([1, 10, 100, 1000]), config.data.columns), config)
    a, n, worn, exact = (np.array(values).reshape(-1, 1) for values in zip(*rows, strict=True))
    told = run(
        graph,
        {"a": a.astype(np.float32), "n": n.astype(np.int64), "worn": worn, "exact": exact},
    )
    wanted = a + 10.0 * n + 100.0 * worn + 1000.0 * exact
    assert told["y"].shape == (len(rows), 1)
    np.testing.assert_allclose(told["y"], wanted, rtol=1e-4, atol=0.5)


def test_a_column_that_the_model_does_not_see_is_an_input_all_the_same() -> None:
    config = config_of(*COLUMNS, features=["n", "a"])
    columns = {column.name: column for column in config.data.columns}
    graph = finish(join_matrix(weighted([1, 10]), [columns["n"], columns["a"]]), config)
    assert shapes(graph) == {
        **{name: ["rows", 1] for name in ("a", "n", "worn", "exact")},
        "y": ["rows", 1],
    }
    feed = {
        "a": np.array([[2.0]], np.float32),
        "n": np.array([[3]]),
        "worn": np.array([[True]]),
        "exact": np.array([[9.0]]),
    }
    assert run(graph, feed)["y"].tolist() == [[23.0]]


def test_equal_models_give_equal_bytes_and_name_their_maker() -> None:
    config = config_of({"name": "a"})
    one, two = (finish(join_matrix(weighted([2.0]), config.data.columns), config) for _ in range(2))
    assert one.SerializeToString(deterministic=True) == two.SerializeToString(deterministic=True)
    assert (one.graph.name, one.producer_name) == ("small", "edge-assets")


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("shape", [[None], [None, 1], [None, 1, 1]])
def test_one_value_a_row_comes_out_as_one_column(shape: list[Any], rows: int) -> None:
    axes = numpy_helper.from_array(np.array([-1, *shape[1:]], np.int64), "axes")
    made = model(
        [helper.make_node("Reshape", ["a", "axes"], ["out"])],
        {"a": (FLOAT, [None, 1])},
        {"out": (FLOAT, shape)},
        (axes,),
    )
    feed = {"a": np.arange(rows, dtype=np.float32).reshape(-1, 1)}
    told = run(finish(made, config_of({"name": "a"})), feed)
    assert told["y"].tolist() == feed["a"].tolist()


def test_another_number_type_is_cast_to_the_declared_one() -> None:
    config = config_of({"name": "n", "datatype": "INT64"})
    made = model(
        [helper.make_node("Abs", ["n"], ["out"])],
        {"n": (INT64, [None, 1])},
        {"out": (INT64, [None, 1])},
    )
    told = run(finish(made, config), {"n": np.array([[-3]])})["y"]
    assert (told.dtype, told.tolist()) == (np.float32, [[3.0]])


def _echo(name: str, kind: int, out: str = "out") -> onnx.ModelProto:
    return model(
        [helper.make_node("Identity", [name], [out])],
        {name: (kind, [None, 1])},
        {out: (kind, [None, 1])},
    )


@pytest.mark.parametrize(
    ("made", "columns", "told"),
    [
        (_echo("a", STRING), ({"name": "a", "datatype": "BYTES"},), "y that is not FP32"),
        (_echo("z", FLOAT), ({"name": "a"},), "an input z, which is no column"),
        (
            model(
                [helper.make_node("Identity", ["a"], [out]) for out in ("p", "q")],
                {"a": (FLOAT, [None, 1])},
                {"p": (FLOAT, [None, 1]), "q": (FLOAT, [None, 1])},
            ),
            ({"name": "a"},),
            "2 outputs, 1 are declared",
        ),
        (
            model(
                [helper.make_node("Identity", ["one"], ["out"])],
                {},
                {"out": (FLOAT, [1, 1])},
                (numpy_helper.from_array(np.ones((1, 1), np.float32), "one"),),
            ),
            ({"name": "a"},),
            "none of the columns as its input",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    made: onnx.ModelProto, columns: tuple[dict[str, Any], ...], told: str
) -> None:
    with pytest.raises(ConfigurationError, match="is not what model") as refused:
        finish(made, config_of(*columns))
    assert told in str(refused.value)


def test_texts_cannot_be_joined_to_a_matrix() -> None:
    config = config_of({"name": "a", "datatype": "BYTES"})
    with pytest.raises(ConfigurationError, match="a cannot be part of a matrix"):
        join_matrix(weighted([1.0]), config.data.columns)


@pytest.mark.parametrize("classes", [(7, 3, 5), ("x", "y", "z")])
def test_the_class_of_the_largest_score_is_told_and_the_first_of_equal_ones(
    classes: tuple[Any, ...],
) -> None:
    config = config_of({"name": "a"}, {"name": "b"}, {"name": "c"}, classes=classes)
    made = model(
        [
            helper.make_node("ReduceMax", [MATRIX], ["label"], axes=[1]),
            helper.make_node("Identity", [MATRIX], ["scores"]),
        ],
        {MATRIX: (FLOAT, [None, 3])},
        {"label": (FLOAT, [None, 1]), "scores": (FLOAT, [None, 3])},
    )
    choose_class(made, "scores", classes)
    assert "ReduceMax" not in {node.op_type for node in made.graph.node}
    graph = finish(join_matrix(made, config.data.columns), config)
    scores = np.array([[0.1, 0.7, 0.2], [0.4, 0.2, 0.4], [0.0, 0.1, 0.9]], np.float32)
    told = run(graph, {name: scores[:, [place]] for place, name in enumerate("abc")})
    assert list(told) == ["y", "probabilities"]
    assert told["y"].tolist() == [[classes[1]], [classes[0]], [classes[2]]]
    np.testing.assert_array_equal(told["probabilities"], scores)
    assert shapes(graph)["probabilities"] == ["rows", 3]


def test_texts_are_normalised_in_the_locale_that_every_device_has() -> None:
    config = config_of({"name": "a", "datatype": "BYTES"}, classes=("no", "yes"))
    flat = numpy_helper.from_array(np.array([-1], np.int64), "flat")
    scores = numpy_helper.from_array(np.zeros((1, 2), np.float32), "zeros")
    made = model(
        [
            helper.make_node("Reshape", ["a", "flat"], ["texts"]),
            helper.make_node(
                "StringNormalizer",
                ["texts"],
                ["lower"],
                case_change_action="LOWER",
                locale="en_US",
            ),
            helper.make_node("Identity", ["zeros"], ["scores"]),
        ],
        {"a": (STRING, [None, 1])},
        {"lower": (STRING, [None]), "scores": (FLOAT, [None, 2])},
        (flat, scores),
    )
    told = run(finish(made, config), {"a": np.array([["OLD Edge"]], object)})
    assert told["y"].tolist() == [["old edge"]]
