"""The rounding of every value, against numpy; and the gate where this CPU would not show it."""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import helper

from edge_assets.tuning.fp16 import halve
from edge_assets.tuning.fp16_rounded import judge_rounded
from inference_service.tune.subject import read_subject
from tests.edge_assets.tuning.halvable import (
    FEATURES,
    asked,
    calibration,
    regression,
    rows,
    weights,
    written,
)


def short(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values.astype(np.float16).astype(np.float32)


def test_every_value_is_rounded_as_numpy_rounds_it(tmp_path: Path) -> None:
    done = halve(regression(tmp_path / "m") / "model.onnx", tmp_path / "fp16.onnx", asked())
    (got,) = onnxruntime.InferenceSession(done.rounded).run(None, {"x": rows()})
    held = {name: short(array) for name, array in weights().items()}
    active = np.maximum(short(short(short(rows()) @ held["first"]) + held["bias"]), 0)
    assert np.allclose(got, short(active @ held["last"]), rtol=1e-3, atol=1e-6)


def test_what_only_float16_kernels_would_spoil_is_refused(tmp_path: Path) -> None:
    """A small difference of large sums: exact weights, so that all is lost between two nodes."""
    plain = np.zeros((FEATURES, 64), "f4")
    plain[0] = 1.0
    nodes = [
        helper.make_node("MatMul", ["x", "plain"], ["product"]),
        helper.make_node("Add", ["product", "offset"], ["far"]),
        helper.make_node("Sub", ["far", "offset"], ["near"]),
        helper.make_node("MatMul", ["near", "last"], ["y"]),
    ]
    last = np.full((64, 1), 1 / 64, "f4")
    constants = {"plain": plain, "offset": np.array(16384.0, "f4"), "last": last}
    folder = written(tmp_path / "m", nodes, constants)
    subject = read_subject(folder, calibration(tmp_path / "rows.npz"), 0.01)
    done = halve(subject.model, tmp_path / "fp16.onnx", subject.questions)
    parity = judge_rounded(subject, done.rounded)
    assert not parity.passed
    assert parity.reason.startswith("with every value rounded, the largest difference is ")
    assert parity.largest_difference > 1


def test_what_holds_passes(tmp_path: Path) -> None:
    folder = regression(tmp_path / "m")
    subject = read_subject(folder, calibration(tmp_path / "rows.npz"), 0.01)
    done = halve(subject.model, tmp_path / "fp16.onnx", subject.questions)
    parity = judge_rounded(subject, done.rounded)
    assert parity.passed
    assert 0 < parity.largest_difference < 0.01
