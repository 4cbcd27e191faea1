"""Sessions are made as the options say."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from inference_service.runtime_options import DEFAULT_RUNTIME, RuntimeOptions
from inference_service.session import make_session, session_options
from protos.errors import ConfigurationError
from tests.inference_service.models import FARE_PER_MILE, FLAG_DROP


def test_every_option_reaches_onnxruntime() -> None:
    made = session_options(RuntimeOptions(3, 2, True, False, False, "basic"))
    assert (made.intra_op_num_threads, made.inter_op_num_threads) == (3, 2)
    assert made.execution_mode == ort.ExecutionMode.ORT_PARALLEL
    assert (made.enable_cpu_mem_arena, made.enable_mem_pattern) == (False, False)
    assert made.graph_optimization_level == ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    for pool in ("intra", "inter"):
        assert made.get_session_config_entry(f"session.{pool}_op.allow_spinning") == "1"


def test_the_defaults_leave_the_other_cores_alone() -> None:
    made = session_options(DEFAULT_RUNTIME)
    assert (made.intra_op_num_threads, made.inter_op_num_threads) == (1, 1)
    assert made.execution_mode == ort.ExecutionMode.ORT_SEQUENTIAL
    assert made.graph_optimization_level == ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    assert made.log_severity_level == 3
    assert made.get_session_config_entry("session.intra_op.allow_spinning") == "0"


@pytest.mark.parametrize("level", ["all", "extended", "basic", "disabled"])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_answer_does_not_depend_on_the_options(taxi: Path, level: str, threads: int) -> None:
    options = RuntimeOptions(threads, threads, memory_arena=threads == 1, graph_optimization=level)
    session = make_session((taxi / "model.onnx").read_bytes(), options)
    rows = {"distance": np.ones((2, 1), "f4"), "passengers": np.ones((2, 1), "i8")}
    (fare,) = session.run(["fare"], rows)
    assert fare.tolist() == [[FARE_PER_MILE + FLAG_DROP]] * 2


def test_bytes_that_are_no_model_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="onnxruntime refuses it") as refused:
        make_session(b"no model", DEFAULT_RUNTIME)
    assert "/" not in str(refused.value)
