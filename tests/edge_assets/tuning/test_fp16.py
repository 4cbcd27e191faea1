"""16-bit floats, and the gates on a real conversion: they open and they close."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_assets.graphs_of_images import resize_head
from edge_assets.models.compliance.text_graph import text_graph
from edge_assets.models.compliance.words import FIRST, places_of
from edge_assets.tuning.fp16 import FP16, halve
from edge_assets.tuning.fp16_rounded import judge_rounded
from inference_service.tune.choose import Policy
from inference_service.tune.machine import usable_cores
from inference_service.tune.measurement import Measurement
from inference_service.tune.parity import Tolerance
from inference_service.tune.runner import Effort
from inference_service.tune.subject import Subject, read_subject
from inference_service.tune.tuning import Tuning, tune
from protos.digests import digest_bytes
from protos.errors import ConfigurationError, ParityFailed
from tests.edge_assets.tuning.halvable import (
    FEATURES,
    asked,
    calibration,
    regression,
    rows,
    weights,
    written,
)
from tests.inference_service.models import taxi_model

TINY = Effort(rounds=1, runs=5, batch_rows=4, seconds=0.1)


def answers(model: Path) -> np.ndarray:
    return np.asarray(onnxruntime.InferenceSession(str(model)).run(None, {"x": rows()})[0])


def tuned(folder: Path, work: Path, tolerance: float) -> Tuning:
    subject = read_subject(folder, work / "rows.npz", tolerance)
    return measured(subject, work)


def measured(subject: Subject, work: Path) -> Tuning:
    graphs = {FP16: work / "fp16.onnx"}
    done = halve(subject.model, graphs[FP16], subject.questions)
    judged = {FP16: judge_rounded(subject, done.rounded)}
    cores = usable_cores()[:1]
    return tune(subject, cores, Policy("size"), TINY, lambda _: None, graphs, judged)


def fp16_of(tuning: Tuning) -> Measurement:
    return next(m for m in tuning.measurements if m.candidate.name == FP16)


def types_of(model: onnx.ModelProto) -> list[int]:
    values = (*model.graph.input, *model.graph.output)
    return [value.type.tensor_type.elem_type for value in values]


def test_half_of_the_file_and_the_same_answers(tmp_path: Path) -> None:
    model = regression(tmp_path / "m") / "model.onnx"
    done = halve(model, tmp_path / "fp16.onnx", asked())
    made = onnx.load(str(tmp_path / "fp16.onnx"))
    onnx.checker.check_model(made, full_check=True)
    assert done.bytes_before == model.stat().st_size
    assert done.bytes_after == (tmp_path / "fp16.onnx").stat().st_size < 0.65 * done.bytes_before
    assert (done.nodes, done.left) == (5, {})
    kinds = {tensor.data_type for tensor in made.graph.initializer}
    assert kinds == {TensorProto.FLOAT16}
    assert types_of(made) == [TensorProto.FLOAT, TensorProto.FLOAT], "nothing changes for clients"
    difference = np.abs(answers(model) - answers(tmp_path / "fp16.onnx")).max()
    assert 0 < difference < 0.01


def test_a_good_conversion_passes_and_is_chosen_for_its_size(tmp_path: Path) -> None:
    folder = regression(tmp_path / "m")
    calibration(tmp_path / "rows.npz", y=answers(folder / "model.onnx") + np.float32(0.5))
    tuning = tuned(folder, tmp_path, tolerance=0.01)
    made = fp16_of(tuning)
    assert made.refused == ""
    assert made.largest_difference is not None
    assert 0 < made.largest_difference < 0.01
    assert made.metric["y"] == pytest.approx(0.5, abs=0.01)
    assert tuning.choice.candidate == FP16
    assert tuning.choice.why.startswith("size of the file is ")


def test_large_answers_lose_their_digits_and_are_refused(tmp_path: Path) -> None:
    folder = regression(tmp_path / "m", scale=3000.0)
    calibration(tmp_path / "rows.npz")
    tuning = tuned(folder, tmp_path, tolerance=0.01)
    made = fp16_of(tuning)
    assert made.largest_difference is not None
    assert made.largest_difference > 1
    assert made.refused.startswith("with every value rounded, the largest difference is ")
    assert made.rounds == (), "it need not be measured"
    assert tuning.choice.candidate == "default"
    assert tuning.choice.verdicts[FP16] == f"refused: {made.refused}"


def test_within_the_tolerance_of_answers_but_less_right_is_refused(tmp_path: Path) -> None:
    folder = regression(tmp_path / "m", scale=3000.0)
    right = answers(folder / "model.onnx") + np.float32(0.05)
    calibration(tmp_path / "rows.npz", y=right)
    subject = read_subject(folder, tmp_path / "rows.npz", None)
    assert len(subject.truth) == len(subject.questions) == 40
    # a wide relative tolerance opens the gate of answers: 1 of 1,000 beside an error of 0.05
    tuning = measured(replace(subject, tolerance=Tolerance(0.01, 100.0)), tmp_path)
    assert "the mean absolute error in 'y' is " in fp16_of(tuning).refused
    assert tuning.choice.candidate == "default"


@pytest.mark.parametrize("scale", [15_000, 200_000])
def test_what_is_beyond_the_range_is_refused_with_its_name(tmp_path: Path, scale: float) -> None:
    random = np.random.default_rng(1)
    huge = random.uniform(-scale, scale, (FEATURES, 8)).astype("f4")
    huge[:, 4:] = -huge[:, :4]
    nodes = [
        helper.make_node("MatMul", ["x", "huge"], ["score"]),
        helper.make_node("ReduceMean", ["score", "axes"], ["y"], keepdims=1),
    ]
    constants = {"huge": huge, "axes": np.array([1], np.int64)}
    model = written(tmp_path / "m", nodes, constants) / "model.onnx"
    before = digest_bytes(model.read_bytes())
    with pytest.raises(ParityFailed, match="and float16 holds 6e-08 to 65504") as refused:
        halve(model, tmp_path / "fp16.onnx", asked())
    assert "'score' reaches " in refused.value.why
    assert "--fp16" in refused.value.remedy
    assert digest_bytes(model.read_bytes()) == before
    assert not (tmp_path / "fp16.onnx").exists()


def test_only_what_is_in_range_becomes_16_bits(tmp_path: Path) -> None:
    model = regression(tmp_path / "m", behind=1e6) / "model.onnx"
    done = halve(model, tmp_path / "fp16.onnx", asked())
    assert (done.nodes, done.left) == (4, {"Mul": 1})
    right, got = answers(model), answers(tmp_path / "fp16.onnx")
    assert np.abs(right).max() > 65504
    assert np.isfinite(got).all()
    assert np.abs(got / right - 1).max() < 0.1


@pytest.mark.parametrize("constant", [1e30, -1e5, 1e-20])
def test_a_constant_that_float16_cannot_hold_stays(tmp_path: Path, constant: float) -> None:
    constants = {**weights(), "odd": np.array(constant, "f4")}
    nodes = [
        helper.make_node("MatMul", ["x", "first"], ["product"]),
        helper.make_node("Max", ["product", "odd"], ["bounded"]),
        helper.make_node("MatMul", ["bounded", "last"], ["y"]),
    ]
    del constants["bias"]
    model = written(tmp_path / "m", nodes, constants) / "model.onnx"
    done = halve(model, tmp_path / "fp16.onnx", asked())
    assert done.left == {"Max": 1} | ({"MatMul": 1} if constant > 1 else {})  # what it meets
    held = {t.name: t for t in onnx.load(str(tmp_path / "fp16.onnx")).graph.initializer}
    assert numpy_helper.to_array(held["odd"]) == np.float32(constant)
    right, got = answers(model), answers(tmp_path / "fp16.onnx")
    assert np.allclose(right, got, atol=0.01, rtol=0.001)


def test_an_infinity_is_one_in_16_bits_too(tmp_path: Path) -> None:
    constants = {**weights(), "odd": np.array(-np.inf, "f4")}
    del constants["bias"]
    nodes = [
        helper.make_node("MatMul", ["x", "first"], ["product"]),
        helper.make_node("Max", ["product", "odd"], ["bounded"]),
        helper.make_node("MatMul", ["bounded", "last"], ["y"]),
    ]
    model = written(tmp_path / "m", nodes, constants) / "model.onnx"
    assert halve(model, tmp_path / "fp16.onnx", asked()).left == {}
    assert np.abs(answers(model) - answers(tmp_path / "fp16.onnx")).max() < 0.01


def test_doubles_stay_doubles(tmp_path: Path) -> None:
    constants = {**weights(), "mean": np.full(FEATURES, 0.1)}
    nodes = [
        helper.make_node("Cast", ["x"], ["long"], to=TensorProto.DOUBLE),
        helper.make_node("Sub", ["long", "mean"], ["centred"]),
        helper.make_node("Cast", ["centred"], ["short"], to=TensorProto.FLOAT),
        helper.make_node("Gemm", ["short", "first", "bias"], ["product"]),
        helper.make_node("MatMul", ["product", "last"], ["y"]),
    ]
    model = written(tmp_path / "m", nodes, constants) / "model.onnx"
    done = halve(model, tmp_path / "fp16.onnx", asked())
    assert (done.nodes, done.left) == (2, {"Cast": 2})
    kinds = {t.name: t.data_type for t in onnx.load(str(tmp_path / "fp16.onnx")).graph.initializer}
    assert kinds["mean"] == TensorProto.DOUBLE
    assert np.abs(answers(model) - answers(tmp_path / "fp16.onnx")).max() < 0.01


def test_what_a_subgraph_takes_from_outside_stays_as_it_was(tmp_path: Path) -> None:
    """The Loop takes a converted value, a converted constant and `bias`, used on both sides."""
    inner = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Add", ["before", "product"], ["grown"]),
            helper.make_node("Add", ["grown", "bias"], ["after"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, None),
        ],
    )
    nodes = [
        helper.make_node("Gemm", ["x", "first", "bias"], ["product"]),
        helper.make_node("Relu", ["product"], ["active"]),
        helper.make_node("Loop", ["three", "", "active"], ["looped"], body=inner),
        helper.make_node("MatMul", ["looped", "last"], ["y"]),
    ]
    model = written(tmp_path / "m", nodes, {**weights(), "three": np.array(3, np.int64)})
    done = halve(model / "model.onnx", tmp_path / "fp16.onnx", asked())
    made = onnx.load(str(tmp_path / "fp16.onnx"))
    (loop,) = [node for node in made.graph.node if node.op_type == "Loop"]
    assert onnx.helper.get_attribute_value(loop.attribute[0]) == inner
    assert done.left["Loop"] == 1
    onnx.checker.check_model(made)
    assert np.abs(answers(model / "model.onnx") - answers(tmp_path / "fp16.onnx")).max() < 0.02


def test_a_value_that_many_ask_for_is_cast_once(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Gemm", ["x", "first", "bias"], ["product"]),
        helper.make_node("CumSum", ["product", "axis"], ["sums"]),
        helper.make_node("CumSum", ["product", "axis"], ["more"], reverse=1),
        helper.make_node("Add", ["sums", "more"], ["both"]),
        helper.make_node("Shape", ["product"], ["sizes"]),
        helper.make_node("Reshape", ["both", "sizes"], ["shaped"]),
        helper.make_node("MatMul", ["shaped", "last"], ["y"]),
    ]
    constants = {**weights(), "axis": np.array(0, np.int64)}
    model = written(tmp_path / "m", nodes, constants) / "model.onnx"
    done = halve(model, tmp_path / "fp16.onnx", asked())
    made = onnx.load(str(tmp_path / "fp16.onnx"))
    onnx.checker.check_model(made, full_check=True)  # also: sorted, and each value made once
    assert sum(node.op_type == "Cast" for node in made.graph.node) == 4
    assert done.left == {"Add": 1, "CumSum": 2, "Reshape": 1, "Shape": 1}


def test_constants_of_nodes_are_seen_too(tmp_path: Path) -> None:
    constants = weights()
    first = numpy_helper.from_array(constants.pop("first"))
    nodes = [
        helper.make_node("Constant", [], ["first"], value=first),
        helper.make_node("Constant", [], ["two"], value_float=2.0),
        helper.make_node("MatMul", ["x", "first"], ["product"]),
        helper.make_node("Mul", ["product", "two"], ["doubled"]),
        helper.make_node("Add", ["doubled", "bias"], ["sum"]),
        helper.make_node("MatMul", ["sum", "last"], ["y"]),
    ]
    model = written(tmp_path / "m", nodes, constants) / "model.onnx"
    done = halve(model, tmp_path / "fp16.onnx", asked())
    assert (done.nodes, done.left) == (4, {})
    assert np.abs(answers(model) - answers(tmp_path / "fp16.onnx")).max() < 0.02


def test_images_are_brought_to_their_size_in_32_bits(tmp_path: Path) -> None:
    head = resize_head("image", 8, 8)
    kernels = np.random.default_rng(2).normal(0, 0.05, (8, 3, 3, 3)).astype("f4")
    head.graph.initializer.append(numpy_helper.from_array(kernels, "kernels"))
    head.graph.node.extend(
        [
            helper.make_node("Transpose", ["scaled"], ["first"], perm=[0, 3, 1, 2]),
            helper.make_node("Conv", ["first", "kernels"], ["seen"]),
            helper.make_node("GlobalMaxPool", ["seen"], ["y"]),
        ]
    )
    del head.graph.output[:]
    head.graph.output.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, None))
    model = tmp_path / "m.onnx"
    model.write_bytes(head.SerializeToString())
    images = np.random.default_rng(3).integers(0, 256, (4, 30, 20, 3), dtype=np.uint8)
    done = halve(model, tmp_path / "fp16.onnx", [{"image": image[None]} for image in images])
    assert done.nodes == 2
    assert done.left == {"Cast": 1, "Resize": 1, "Shape": 1, "Transpose": 3}
    right, got = (
        onnxruntime.InferenceSession(str(path)).run(None, {"image": images})[0]
        for path in (model, tmp_path / "fp16.onnx")
    )
    assert right.max() > 10
    assert np.abs(got / right - 1).max() < 0.005


def test_texts_and_their_loops_stay_as_they_are(tmp_path: Path) -> None:
    words = ("steel", "brass", "broken")
    made = text_graph(places_of(words), 4)
    random = np.random.default_rng(5)
    constants = {
        "table": random.normal(0, 1, (FIRST + len(words), 32)).astype("f4"),
        "matrix": random.normal(0, 0.2, (32, 1)).astype("f4"),
        "axes": np.array([1], np.int64),
    }
    made.graph.initializer.extend(numpy_helper.from_array(a, n) for n, a in constants.items())
    made.graph.node.extend(
        [
            helper.make_node("Gather", ["table", "numbers"], ["vectors"]),
            helper.make_node("ReduceMean", ["vectors", "axes"], ["text_vector"], keepdims=0),
            helper.make_node("MatMul", ["text_vector", "matrix"], ["y"]),
        ]
    )
    made.graph.output.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, None))
    model = tmp_path / "m.onnx"
    model.write_bytes(made.SerializeToString())
    texts = np.array([["Steel; (broken)"], ["BRASS/steel - fine"], [""]], dtype=object)
    done = halve(model, tmp_path / "fp16.onnx", [{"description": row[None]} for row in texts])
    assert (done.nodes, done.left) == (3, {})
    right, got = (
        onnxruntime.InferenceSession(str(path)).run(["y", "words"], {"description": texts})
        for path in (model, tmp_path / "fp16.onnx")
    )
    assert right[0].dtype == got[0].dtype == np.float32
    assert 0 < np.abs(right[0] - got[0]).max() < 0.002
    assert right[1].tolist() == got[1].tolist()


def test_equal_models_give_equal_bytes(tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        model = regression(tmp_path / name) / "model.onnx"
        halve(model, tmp_path / f"{name}.onnx", asked())
        made.append((tmp_path / f"{name}.onnx").read_bytes())
    assert made[0] == made[1]


def test_a_name_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "first"], ["x_fp16"]),
        helper.make_node("MatMul", ["x_fp16", "last"], ["y"]),
    ]
    constants = weights()
    del constants["bias"]
    model = written(tmp_path / "m", nodes, constants) / "model.onnx"
    halve(model, tmp_path / "fp16.onnx", asked())
    assert np.abs(answers(model) - answers(tmp_path / "fp16.onnx")).max() < 0.01


def test_trees_are_told_to_have_nothing_to_convert(tmp_path: Path) -> None:
    nodes = [
        helper.make_node(
            "TreeEnsembleRegressor",
            ["x"],
            ["y"],
            domain="ai.onnx.ml",
            n_targets=1,
            nodes_treeids=[0, 0, 0],
            nodes_nodeids=[0, 1, 2],
            nodes_featureids=[0, 0, 0],
            nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"],
            nodes_values=[0.5, 0.0, 0.0],
            nodes_truenodeids=[1, 0, 0],
            nodes_falsenodeids=[2, 0, 0],
            target_treeids=[0, 0],
            target_nodeids=[1, 2],
            target_ids=[0, 0],
            target_weights=[1.0, 2.0],
        )
    ]
    model = written(tmp_path / "m", nodes, {}) / "model.onnx"
    with pytest.raises(ConfigurationError, match="TreeEnsembleRegressor") as refused:
        halve(model, tmp_path / "fp16.onnx", asked())
    assert "without --fp16" in refused.value.remedy
    assert not (tmp_path / "fp16.onnx").exists()


def test_a_small_graph_has_nothing_to_gain(tmp_path: Path) -> None:
    folder = taxi_model(tmp_path / "m")
    with pytest.raises(ConfigurationError, match="constants that are worth it"):
        halve(folder / "model.onnx", tmp_path / "fp16.onnx", read_subject(folder).questions)


def test_what_is_no_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"no model")
    with pytest.raises(ConfigurationError, match=r"m\.onnx cannot be read"):
        halve(tmp_path / "m.onnx", tmp_path / "fp16.onnx", [])
