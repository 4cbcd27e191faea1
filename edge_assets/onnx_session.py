"""Asks an ONNX artifact on this machine, as the device would: same bytes, same runtime."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from edge_assets.core.config_data import Column
from edge_assets.core.config_schema import ModelConfig
from edge_assets.core.schema import dtype_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from edge_assets.core.measuring import Outputs

_CHUNK_ROWS = 65_536
_CHUNK_IMAGES = 32


def run(
    config: ModelConfig, onnx: bytes, rows: "pd.DataFrame", *, optimised: bool = True
) -> "Outputs":
    """The artifact's outputs for these rows, by name; the first axis counts the rows."""
    # The Linux wheels send telemetry unless this is set before the first import.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in config.prediction.outputs]
    parts: dict[str, list[Any]] = {name: [] for name in names}
    places: list[Any] = []
    for chosen, feed in feeds(config, rows):
        places.append(chosen)
        for name, array in zip(names, session.run(names, feed), strict=True):
            parts[name].append(array)
    order = np.argsort(np.concatenate(places)) if places else np.array([], dtype=np.int64)
    return {
        name: np.concatenate(found)[order] if found else np.empty((0, 1))
        for name, found in parts.items()
    }


def feeds(
    config: ModelConfig, rows: "pd.DataFrame"
) -> "Iterator[tuple[np.ndarray[Any, Any], dict[str, Any]]]":
    """Positions of rows, and the model's inputs for them by name; together every row once.

    Arrays are [rows, 1] in the column's datatype. Images are decoded to [rows, height, width,
    channels]; those in one feed have one size.
    """
    import numpy as np

    if config.data.kind == "images":
        from edge_assets.core.images import by_size

        (column,) = config.data.columns
        for places, pixels in by_size(rows[column.name], _CHUNK_IMAGES):
            yield places, {column.name: pixels}
        return
    for start in range(0, len(rows), _CHUNK_ROWS):
        chunk = rows.iloc[start : start + _CHUNK_ROWS]
        places = np.arange(start, start + len(chunk))
        yield places, {column.name: _array(chunk, column) for column in config.data.columns}


def _array(rows: "pd.DataFrame", column: Column) -> Any:
    return rows[column.name].to_numpy(dtype=dtype_of(column.datatype)).reshape(-1, 1)
