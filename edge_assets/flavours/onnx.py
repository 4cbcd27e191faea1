"""Bring your own ONNX: `model.onnx` lies beside `model.yaml`, and nothing is trained.

What comes from outside is checked before it is asked: the graph as ONNX defines it, and its inputs
and outputs against `model.yaml`.
"""

from typing import TYPE_CHECKING, Any

from edge_assets.flavours import Restore
from protos.errors import ConfigurationError

if TYPE_CHECKING:
    import onnx
    import pandas as pd

    from edge_assets.core.config_schema import ModelConfig
    from edge_assets.core.measuring import Outputs

NEEDS = ("onnx", "onnxruntime")
EXTRA = "dev"
FILE = "model.onnx"


def dump(model: Any) -> bytes:
    """The graph."""
    return bytes(model)


def load(data: bytes, restore: Restore | None = None) -> Any:
    """The graph again."""
    return data


def predict(model: Any, rows: "pd.DataFrame", config: "ModelConfig") -> "Outputs":
    """What the graph answers, run without any optimisation: the device's is compared with it."""
    from edge_assets.onnx_session import run

    return run(config, model, rows, optimised=False)


def to_onnx(model: Any, config: "ModelConfig") -> "onnx.ModelProto":
    """The graph as it came. Raises ConfigurationError when it is none, when it points to files
    beside it, and when it is not what `model.yaml` declares.
    """
    import onnx
    from google.protobuf.message import DecodeError
    from onnx.external_data_helper import uses_external_data

    from edge_assets.graphs import check_interface

    try:
        graph = onnx.load_model_from_string(model)
        onnx.checker.check_model(graph, full_check=True)
    except (
        DecodeError,
        onnx.checker.ValidationError,
        onnx.shape_inference.InferenceError,
    ) as error:
        raise _refused(config, str(error).strip().splitlines()[0][:300]) from error
    outside = [tensor.name for tensor in graph.graph.initializer if uses_external_data(tensor)]
    if outside:
        raise _refused(config, f"{outside[0]} lies in another file, which no device would have")
    check_interface(graph, config)
    return graph


def _refused(config: "ModelConfig", why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{FILE} of {config.name} is no ONNX graph that can be served",
        why=why,
        remedy="export it again, as one file",
    )
