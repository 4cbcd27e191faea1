"""The head of every graph that sees images: it brings images of any size to that of the model.

The trained model is asked through the same head, run by the same runtime, so that model and
artifact agree: no two libraries scale images alike.
"""

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from edge_assets.graphs import IR_VERSION, OPSETS, ROWS

if TYPE_CHECKING:
    import numpy as np
    import onnx
    import pandas as pd
    from numpy.typing import NDArray

SCALED = "scaled"
"""What the head makes: float32 [rows, height, width, channels], from 0 to 255."""
_CHUNK = 64


def resize_head(name: str, height: int, width: int, channels: int = 3) -> "onnx.ModelProto":
    """A graph from the input `name`, uint8 [rows, any height, any width, channels], to `SCALED`.

    Linear, averaging over all pixels that a scaled one stands for (antialias of ONNX's Resize 18):
    without it, thin lines of large images would come and go. Proportions are not kept.
    """
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    def info(value: str, kind: int, sizes: list[Any]) -> Any:
        return helper.make_tensor_value_info(value, kind, sizes)

    nodes = [
        helper.make_node("Cast", [name], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["numbers"], ["planes"], perm=[0, 3, 1, 2]),
        # onnxruntime 1.31 does not take the sizes of some axes alone, as Resize 18 allows
        helper.make_node("Shape", ["planes"], ["rows_and_channels"], start=0, end=2),
        helper.make_node("Concat", ["rows_and_channels", "height_and_width"], ["sizes"], axis=0),
        helper.make_node(
            "Resize", ["planes", "", "", "sizes"], ["fitting"], mode="linear", antialias=1
        ),
        helper.make_node("Transpose", ["fitting"], [SCALED], perm=[0, 2, 3, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "head",
        [info(name, TensorProto.UINT8, [ROWS, f"{name}_height", f"{name}_width", channels])],
        [info(SCALED, TensorProto.FLOAT, [ROWS, height, width, channels])],
        [numpy_helper.from_array(np.array([height, width], dtype=np.int64), "height_and_width")],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def scale(column: "pd.Series", height: int, width: int) -> "NDArray[np.float32]":
    """The images of `column` (PNG bytes) as the head gives them to the model."""
    import numpy as np

    from edge_assets.core.images import CHANNELS, by_size

    session = _session(height, width, CHANNELS)
    made = np.empty((len(column), height, width, CHANNELS), dtype=np.float32)
    for places, images in by_size(column, _CHUNK):
        made[places] = session.run([SCALED], {"image": images})[0]
    return made


@lru_cache(maxsize=4)
def _session(height: int, width: int, channels: int) -> Any:
    # The Linux wheels send telemetry unless this is set before the first import.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    graph = resize_head("image", height, width, channels).SerializeToString()
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
