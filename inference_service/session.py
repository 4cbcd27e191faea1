"""An onnxruntime session as `model.json` asks for it."""

import logging
from typing import Any

import onnxruntime as ort

from inference_service.runtime_options import RuntimeOptions
from protos.errors import ConfigurationError

log = logging.getLogger(__name__)

_LEVELS = {
    "all": "ORT_ENABLE_ALL",
    "extended": "ORT_ENABLE_EXTENDED",
    "basic": "ORT_ENABLE_BASIC",
    "disabled": "ORT_DISABLE_ALL",
}
_ERRORS_ONLY = 3  # of onnxruntime's log severities 0 (verbose) to 4 (fatal)


def session_options(options: RuntimeOptions) -> Any:
    """`options` as onnxruntime's SessionOptions."""
    made = ort.SessionOptions()
    made.intra_op_num_threads = options.intra_op_threads
    made.inter_op_num_threads = options.inter_op_threads
    mode = "ORT_PARALLEL" if options.inter_op_threads > 1 else "ORT_SEQUENTIAL"
    made.execution_mode = getattr(ort.ExecutionMode, mode)
    made.enable_cpu_mem_arena = options.memory_arena
    made.enable_mem_pattern = options.memory_pattern
    made.graph_optimization_level = getattr(
        ort.GraphOptimizationLevel, _LEVELS[options.graph_optimization]
    )
    made.log_severity_level = _ERRORS_ONLY
    for pool in ("intra", "inter"):
        made.add_session_config_entry(
            f"session.{pool}_op.allow_spinning", "1" if options.spinning else "0"
        )
    return made


def make_session(data: bytes, options: RuntimeOptions) -> Any:
    """An `ort.InferenceSession` on the CPU over the bytes of a model.

    Raises ConfigurationError if onnxruntime refuses the bytes; why is in the log only, because its
    texts may hold paths.
    """
    try:
        session = ort.InferenceSession(
            data, sess_options=session_options(options), providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime raises many kinds, all of them mean this
        log.exception("onnxruntime refuses the model")
        raise ConfigurationError(
            "the model cannot be opened",
            why="onnxruntime refuses it",
            remedy="read the log of the service, export the model again",
        ) from error
    # It keeps the bytes to make itself anew for another provider, which nobody asks for here: a
    # whole copy of the model (185 MB instead of 121 MB for one of 64 MB). Private, hence the guard.
    if hasattr(session, "_model_bytes"):
        session._model_bytes = None
    return session
