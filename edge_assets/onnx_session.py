"""Asks an ONNX artifact on this machine, as the device would: same bytes, same runtime."""

import os
from typing import TYPE_CHECKING, Any

from edge_assets.core.config_schema import ModelConfig

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_NUMPY = {"BOOL": "bool", "INT32": "int32", "INT64": "int64", "FP32": "float32", "FP64": "float64"}


def feeds(config: ModelConfig, rows: "pd.DataFrame") -> dict[str, Any]:
    """The model's inputs for these rows: name -> array of shape [rows, 1] in its datatype."""
    return {
        column.name: rows[column.name]
        .to_numpy(dtype=_NUMPY.get(column.datatype, "object"))
        .reshape(-1, 1)
        for column in config.data.columns
    }


def predict(config: ModelConfig, onnx: bytes, rows: "pd.DataFrame") -> "np.ndarray[Any, Any]":
    """The artifact's predictions, shape [rows]."""
    # The Linux wheels send telemetry unless this is set before the first import.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    answer: np.ndarray[Any, Any] = session.run([config.prediction.target], feeds(config, rows))[0]
    return answer.reshape(len(rows))
