"""Graphs that came from outside: what is served, and what is refused with its reason."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_assets.edge_model import EdgeModel
from edge_assets.onboarding.checking import check_model, exit_code
from edge_assets.onboarding.folder import staged
from edge_assets.onboarding.from_onnx import make_from_onnx
from edge_assets.onboarding.from_table import Made
from edge_assets.onboarding.onnx_graph import read_graph
from edge_assets.onboarding.reading import as_text
from edge_assets.onnx_session import run
from protos.errors import ConfigurationError

FLOAT, INT, TEXT = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING
WEIGHTS = np.array([[2.0, -2.0], [0.5, -0.5], [0.0, 0.0]], dtype=np.float32)


def save(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[tuple[str, int, list[Any]]],
    outputs: Sequence[tuple[str, int, list[Any]]],
    **constants: Any,
) -> Path:
    graph = helper.make_graph(
        nodes,
        "given",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def classifier(path: Path, last: str = "Softmax") -> Path:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["z"]), helper.make_node(last, ["z"], ["p"])]
    return save(path, nodes, [("x", FLOAT, ["n", 3])], [("p", FLOAT, ["n", 2])], w=WEIGHTS)


def regression(path: Path, kind: int = FLOAT, rows: Any = "n") -> Path:
    nodes = [
        helper.make_node("Cast", ["size"], ["s"], to=FLOAT),
        helper.make_node("Mul", ["s", "two"], ["Price out"]),
    ]
    return save(
        path,
        nodes,
        [("size", kind, [rows])],
        [("Price out", FLOAT, [rows])],
        two=np.array([2.0], np.float32),
    )


def make(tmp_path: Path, source: Path, table: pd.DataFrame | None = None, **more: Any) -> Made:
    place = tmp_path / "models" / "bought"
    told = {"target": None, "classes": (), **more}
    with staged(place) as stage:
        return make_from_onnx(
            stage, place, source, 50079, None if table is None else as_text(table), "rows.csv",
            told["target"], told["classes"],
        )  # fmt: skip


def labelled(rows: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    data = pd.DataFrame(rng.normal(size=(rows, 3)).round(3), columns=["First one", "b", "c"])
    data["Verdict"] = np.where(data["First one"] * 2 + data["b"] / 2 > 0, "good", "poor")
    return data


def test_probabilities_alone_get_a_label_and_a_name(tmp_path: Path) -> None:
    made = make(tmp_path, classifier(tmp_path / "c.onnx"), labelled(), target="Verdict")
    assert (made.plan.kind, made.plan.classes) == ("classification", ("good", "poor"))
    assert made.better
    model = EdgeModel.load(tmp_path / "models" / "bought")
    assert model.config.data.inputs == ("first_one", "b", "c")
    rows = model.prepare(as_text(labelled())).kept
    answer = run(model.config, model.train(rows), rows)
    z = rows[["first_one", "b", "c"]].to_numpy(np.float32) @ WEIGHTS
    wanted = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    assert np.allclose(answer["probabilities"], wanted, atol=1e-5)
    assert (answer["verdict"].ravel() == rows["verdict"].to_numpy()).mean() > 0.99
    outcomes = list(check_model(model.folder, rows=300))
    assert [str(o) for o in outcomes if o.state != "ok"] == []


def test_without_labelled_rows_it_is_told_what_is_not_proven(tmp_path: Path) -> None:
    made = make(tmp_path, regression(tmp_path / "r.onnx"))
    assert made.plan.target == "price_out"
    assert "whether its answers are right" in made.not_proven[0]
    folder = tmp_path / "models" / "bought"
    assert "NOT PROVEN" in (folder / "model.yaml").read_text()
    outcomes = {o.name: o for o in check_model(folder)}
    assert exit_code(outcomes.values()) == 0
    assert [name for name, o in outcomes.items() if o.state == "not proven"] == ["sample", "floors"]
    assert {"parity", "served", "latency"} <= set(outcomes)
    config = EdgeModel.load(folder).config
    answer = run(config, (folder / "model.onnx").read_bytes(), pd.DataFrame({"size": [3.0, 4.0]}))
    assert answer["price_out"].tolist() == [[6.0], [8.0]]


def test_wrong_classes_are_found_by_the_answers(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["z"]),
        helper.make_node("Softmax", ["z"], ["p"]),
        helper.make_node("ArgMax", ["p"], ["label"], axis=1, keepdims=0),
    ]
    outputs: list[tuple[str, int, list[Any]]] = [("label", INT, ["n"]), ("p", FLOAT, ["n", 2])]
    path = save(tmp_path / "l.onnx", nodes, [("x", FLOAT, ["n", 3])], outputs, w=WEIGHTS)
    with pytest.raises(ConfigurationError, match="not in the order"):
        make(tmp_path, path, classes=("1", "0"))
    assert make(tmp_path, path).plan.classes == (0, 1)


def test_scores_that_are_no_probabilities_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="do not add up to 1"):
        make(tmp_path, classifier(tmp_path / "s.onnx", last="Relu"))
    assert not (tmp_path / "models" / "bought").exists()


def test_a_table_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    path = classifier(tmp_path / "c.onnx")
    with pytest.raises(ConfigurationError, match="takes 3 columns, and the table has 2"):
        make(tmp_path, path, labelled().drop(columns="b"), target="Verdict")
    with pytest.raises(ConfigurationError, match="no column 'p'") as told:
        make(tmp_path, path, labelled())
    assert "'Verdict'" in told.value.why


@pytest.mark.parametrize(
    ("kind", "rows", "words"),
    [
        (FLOAT, 1, "fixed to 1"),
        (TensorProto.FLOAT16, "n", "float16"),
        (TensorProto.UINT64, "n", "uint64"),
    ],
)
def test_inputs_that_are_not_served(tmp_path: Path, kind: int, rows: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read_graph(regression(tmp_path / "r.onnx", kind, rows))


def test_graphs_that_cannot_be_served(tmp_path: Path) -> None:
    label = [helper.make_node("ArgMax", ["x"], ["y"], axis=1, keepdims=0)]
    path = save(tmp_path / "a.onnx", label, [("x", FLOAT, ["n", 3])], [("y", INT, ["n"])])
    with pytest.raises(ConfigurationError, match="without probabilities"):
        assert read_graph(path).kind
    mean = [helper.make_node("ReduceMean", ["x"], ["y"], axes=[0], keepdims=0)]
    path = save(tmp_path / "m.onnx", mean, [("x", FLOAT, ["n", 3])], [("y", FLOAT, [3])])
    with pytest.raises(ConfigurationError, match=r"for 3 rows|for 2 rows"):
        read_graph(path)
    same = [helper.make_node("Identity", ["x"], ["y"])]
    path = save(
        tmp_path / "i.onnx", same, [("x", FLOAT, ["n", 4, 4, 3])], [("y", FLOAT, ["n", 4, 4, 3])]
    )
    with pytest.raises(ConfigurationError, match="no table"):
        read_graph(path)
    for name, content in (("e.onnx", b""), ("t.onnx", b"no graph at all")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigurationError, match="cannot be served"):
            read_graph(tmp_path / name)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_graph(tmp_path / "none.onnx")


def labels_and_codes(path: Path, labels: Sequence[int] = (0, 1)) -> Path:
    """Its label is an integer, and an integer input is a place in a table of five."""
    nodes = [
        helper.make_node("Gather", ["table", "code"], ["from_code"], axis=0),
        helper.make_node("Reshape", ["from_code", "flat"], ["one"]),
        helper.make_node("Add", ["one", "size"], ["sum"]),
        helper.make_node("Mul", ["sum", "signs"], ["z"]),
        helper.make_node("Softmax", ["z"], ["p"]),
        helper.make_node("ArgMax", ["p"], ["place"], axis=1, keepdims=0),
        helper.make_node("Gather", ["labels", "place"], ["label"], axis=0),
    ]
    return save(
        path,
        nodes,
        [("code", INT, ["n", 1]), ("size", FLOAT, ["n", 1])],
        [("label", INT, ["n"]), ("p", FLOAT, ["n", 2])],
        table=np.array([3, -3, 1, -1, 0], np.float32),
        flat=np.array([-1, 1], np.int64),
        signs=np.array([[1, -1]], np.float32),
        labels=np.array(labels, np.int64),
    )


def coded(rows: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    code, size = rng.integers(0, 5, rows), rng.normal(size=rows).round(2)
    good = np.array([3, -3, 1, -1, 0])[code] + size >= 0
    return pd.DataFrame({"code": code, "size": size, "verdict": np.where(good, "good", "poor")})


def test_texts_for_the_integers_of_a_graph_and_codes_that_it_has_no_place_for(
    tmp_path: Path,
) -> None:
    path = labels_and_codes(tmp_path / "g.onnx")
    with pytest.raises(ConfigurationError, match="'good', 'poor', the graph 0, 1") as told:
        make(tmp_path, path, coded(), target="verdict")
    assert "--classes good,poor" in told.value.remedy
    made = make(tmp_path, path, coded(), target="verdict", classes=("good", "poor"))
    assert (made.plan.classes, made.better) == (("good", "poor"), True)
    model = EdgeModel.load(tmp_path / "models" / "bought")
    assert (model.config.data.columns[0].minimum, model.config.data.columns[0].maximum) == (0, 4)
    assert "no room: code from 0 to 4" in (model.folder / "model.yaml").read_text()
    assert [str(o) for o in check_model(model.folder, rows=300) if o.state != "ok"] == []
    text = (model.folder / "model.yaml").read_text()
    (model.folder / "model.yaml").write_text(text.replace("maximum: 4", "maximum: 5"))
    (found,) = [o for o in check_model(model.folder, rows=300, own_tests=False) if o.failed]
    assert found.name == "edges"
    assert found.reason.startswith("it fails for code = 5: narrow its maximum")
    assert "train.py" not in found.reason


def test_integers_that_do_not_count_the_classes_are_refused(tmp_path: Path) -> None:
    path = labels_and_codes(tmp_path / "g.onnx", (3, 7))
    with pytest.raises(ConfigurationError, match="it fails when it is asked"):
        make(tmp_path, path, coded(), target="verdict", classes=("good", "poor"))


def test_rows_with_decimal_commas_are_read(tmp_path: Path) -> None:
    table = labelled()
    for name in ("First one", "b", "c"):
        table[name] = table[name].map(lambda value: str(value).replace(".", ","))
    made = make(tmp_path, classifier(tmp_path / "c.onnx"), table, target="Verdict")
    assert made.kept == made.rows == 200
