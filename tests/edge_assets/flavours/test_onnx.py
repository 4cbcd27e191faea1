"""Bring your own ONNX: served as it is if it is what model.yaml declares, else refused."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edge_assets.flavours import flavour_of
from edge_assets.onnx_session import run
from protos.errors import ConfigurationError
from tests.edge_assets.flavours.tables import config_of, numbers

FLAVOUR = flavour_of("onnx")
CONFIG = config_of({"name": "a"}, {"name": "b"}, flavour="onnx")
ROWS = numbers(30, nulls=0.0)
FLOAT = TensorProto.FLOAT


def graph(
    inputs: Sequence[str] = ("a", "b"),
    output: str = "y",
    shape: Sequence[Any] = ("rows", 1),
    kind: int = FLOAT,
) -> onnx.ModelProto:
    """The sum of all inputs."""
    made = helper.make_graph(
        [
            helper.make_node("Sum" if kind == FLOAT else "Max", list(inputs), [output]),
        ],
        "sum",
        [helper.make_tensor_value_info(name, kind, shape) for name in inputs],
        [helper.make_tensor_value_info(output, kind, shape)],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def test_the_graph_is_served_as_it_came() -> None:
    data = graph().SerializeToString()
    model = FLAVOUR.load(FLAVOUR.dump(data), None)
    served = FLAVOUR.to_onnx(model, CONFIG).SerializeToString()
    assert onnx.load_model_from_string(served) == onnx.load_model_from_string(data)
    for told in (FLAVOUR.predict(model, ROWS, CONFIG), run(CONFIG, served, ROWS)):
        np.testing.assert_allclose(told["y"].ravel(), ROWS["a"] + ROWS["b"], rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: graph(("a", "c")), "inputs a, c; declared: a, b"),
        (lambda: graph(("a",)), "inputs a; declared: a, b"),
        (lambda: graph(("a", "b", "c")), "inputs a, b, c"),
        (lambda: graph(output="z"), "outputs z; declared: y"),
        (lambda: graph(kind=TensorProto.DOUBLE), "input a is not FP32"),
        (lambda: graph(shape=("rows",)), "input a has 1 axes"),
        (lambda: graph(shape=("rows", 2)), "has the shape"),
        (lambda: graph(shape=(1, 1)), "is for 1 rows"),
    ],
)
def test_another_interface_is_refused(make: Callable[[], onnx.ModelProto], told: str) -> None:
    with pytest.raises(ConfigurationError, match="is not what model") as refused:
        FLAVOUR.to_onnx(make().SerializeToString(), CONFIG)
    assert told in str(refused.value)


def test_what_is_no_graph_is_refused() -> None:
    broken = graph()
    broken.graph.node[0].op_type = "NoSuchOperator"
    unconnected = graph()
    unconnected.graph.node[0].input[0] = "nobody"
    for bad in (b"garbage", b"", broken.SerializeToString(), unconnected.SerializeToString()):
        with pytest.raises(ConfigurationError, match="no ONNX graph that can be served"):
            FLAVOUR.to_onnx(bad, CONFIG)


def test_values_in_another_file_are_refused() -> None:
    model = graph(("a", "b"))
    tensor = TensorProto(
        name="far",
        data_type=FLOAT,
        dims=[1],
        data_location=TensorProto.EXTERNAL,
    )
    tensor.external_data.add(key="location", value="far.bin")
    model.graph.initializer.append(tensor)
    model.graph.node[0].input.append("far")
    with pytest.raises(ConfigurationError, match="no ONNX graph that can be served") as refused:
        FLAVOUR.to_onnx(model.SerializeToString(), CONFIG)
    assert "far" in str(refused.value)
