"""Rewritten graphs, and the gate of parity on a real quantisation: it opens and it closes."""

import json
from pathlib import Path

import onnx
import onnxruntime
import pytest

from edge_assets.tuning.graphs import INT8, PREPARED, prepare, quantise
from inference_service.tune.choose import Policy
from inference_service.tune.machine import usable_cores
from inference_service.tune.measurement import Measurement
from inference_service.tune.runner import Effort
from inference_service.tune.subject import read_subject
from inference_service.tune.tuning import Tuning, tune
from protos.digests import digest_bytes
from protos.errors import ConfigurationError
from tests.edge_assets.tuning.networks import calibration, images, network
from tests.inference_service.models import taxi_model

TINY = Effort(rounds=1, runs=5, batch_rows=4, seconds=0.1)


def tuned(folder: Path, work: Path, tolerance: float) -> Tuning:
    rows = calibration(work / "rows.npz")
    subject = read_subject(folder, rows, tolerance)
    graphs = {PREPARED: work / "prepared.onnx", INT8: work / "int8.onnx"}
    prepare(subject.model, graphs[PREPARED])
    quantise(subject.model, graphs[INT8], subject.questions)
    return tune(subject, usable_cores()[:1], Policy(), TINY, lambda _: None, graphs)


def named(tuning: Tuning, name: str) -> Measurement:
    return next(m for m in tuning.measurements if m.candidate.name == name)


def test_a_good_quantisation_passes(tmp_path: Path) -> None:
    tuning = tuned(network(tmp_path / "m"), tmp_path, tolerance=0.02)
    int8 = named(tuning, INT8)
    assert int8.refused == ""
    assert int8.largest_difference is not None
    assert 0 < int8.largest_difference < 0.02
    assert not named(tuning, PREPARED).refused


def test_a_quantisation_that_destroys_the_answer_is_refused(tmp_path: Path) -> None:
    tuning = tuned(network(tmp_path / "m", outlier=10_000.0), tmp_path, tolerance=0.02)
    int8 = named(tuning, INT8)
    assert int8.largest_difference is not None
    assert int8.largest_difference > 0.02
    assert int8.refused
    assert tuning.choice.verdicts[INT8].startswith("refused: ")
    assert tuning.choice.candidate != INT8
    assert not named(tuning, PREPARED).refused


@pytest.mark.parametrize("outlier", [0.0, 10_000.0])
def test_no_golden_label_may_change_however_few_must_agree(tmp_path: Path, outlier: float) -> None:
    folder = network(tmp_path / "m", outlier=outlier)
    model = folder / "model.onnx"
    labels = onnxruntime.InferenceSession(str(model)).run(["label"], {"image": images(3)})[0]
    assert sorted(labels.ravel().tolist()) == [0, 1, 2]
    golden = {
        "model_digest": digest_bytes(model.read_bytes()),
        "tolerance": {"absolute": 1e6, "relative": 0},
        "latency_budget_ms": 50,
        "requests": [
            {"inputs": {"image": image.ravel().tolist()}, "outputs": {"label": label.tolist()}}
            for image, label in zip(images(3), labels, strict=True)
        ],
    }
    (folder / "golden.json").write_text(json.dumps(golden))
    subject = read_subject(folder, agreement=0.0)
    quantise(model, tmp_path / "int8.onnx", subject.questions)
    graphs = {INT8: tmp_path / "int8.onnx"}
    tuning = tune(subject, usable_cores()[:1], Policy(), TINY, lambda _: None, graphs)
    refused = named(tuning, INT8).refused
    assert refused.startswith("golden answers: ") if outlier else not refused


def test_the_quantised_graph_really_is_of_8_bits(tmp_path: Path) -> None:
    folder = network(tmp_path / "m")
    rows = [{"image": image[None]} for image in images()]
    quantise(folder / "model.onnx", tmp_path / "int8.onnx", rows)
    made = onnx.load(str(tmp_path / "int8.onnx"))
    kinds = {tensor.data_type for tensor in made.graph.initializer}
    assert onnx.TensorProto.INT8 in kinds
    assert {"QuantizeLinear", "DequantizeLinear"} <= {node.op_type for node in made.graph.node}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["int8.onnx", "m"]


def test_a_prepared_graph_is_smaller_and_answers_the_same(tmp_path: Path) -> None:
    folder = network(tmp_path / "m")
    prepare(folder / "model.onnx", tmp_path / "prepared.onnx")
    before, after = (
        onnx.load(str(path)) for path in (folder / "model.onnx", tmp_path / "prepared.onnx")
    )
    assert len(after.graph.node) < len(before.graph.node), "Conv and Relu became one"
    answers = [
        onnxruntime.InferenceSession(str(path)).run(["score"], {"image": images()})[0]
        for path in (folder / "model.onnx", tmp_path / "prepared.onnx")
    ]
    assert abs(answers[0] - answers[1]).max() < 1e-5


def test_without_rows_nothing_is_quantised(tmp_path: Path) -> None:
    folder = network(tmp_path / "m")
    with pytest.raises(ConfigurationError, match="need rows to calibrate with"):
        quantise(folder / "model.onnx", tmp_path / "int8.onnx", [])


def test_a_graph_without_products_is_not_quantised(tmp_path: Path) -> None:
    folder = taxi_model(tmp_path / "m")
    subject = read_subject(folder)
    with pytest.raises(ConfigurationError, match="none of Conv, MatMul, Gemm"):
        quantise(subject.model, tmp_path / "int8.onnx", subject.questions)


def test_what_is_no_model_is_not_prepared(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"no model")
    with pytest.raises(ConfigurationError, match=r"m\.onnx cannot be optimised"):
        prepare(tmp_path / "m.onnx", tmp_path / "prepared.onnx")
