"""How a trained model of each kind is stored, asked and converted.

A flavour knows no edge model; what it needs of one comes from `model.yaml`. Functions beside
`model.yaml` (`predict`, `to_onnx`, `restore`) take its place where they are.
"""

import importlib
import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from edge_assets.core.extras import lacking

if TYPE_CHECKING:
    import onnx
    import pandas as pd

    from edge_assets.core.config_schema import ModelConfig
    from edge_assets.core.measuring import Outputs

Restore = Callable[[dict[str, Any]], Any]
"""The folder's function that makes an empty model from what `meta` of the trained one said."""


class Flavour(Protocol):
    """What every module of this package offers."""

    NEEDS: tuple[str, ...]
    EXTRA: str

    def dump(self, model: Any) -> bytes:
        """The model as bytes that hold no code."""

    def load(self, data: bytes, restore: Restore | None) -> Any:
        """The model again; nothing is unpickled. Raises VerificationFailed for what is refused."""

    def predict(self, model: Any, rows: "pd.DataFrame", config: "ModelConfig") -> "Outputs":
        """Every output of `prediction` by name."""

    def to_onnx(self, model: Any, config: "ModelConfig") -> "onnx.ModelProto":
        """Raw columns in, the outputs of `prediction` out."""


def flavour_of(name: str) -> Flavour:
    """The flavour `name`. Raises ConfigurationError naming the extra to install when it needs one.

    Edge models of a flavour that is not installed stay visible in the graph; only what runs them
    comes by here.
    """
    module: Any = importlib.import_module(f"edge_assets.flavours.{name}")
    missing = [needed for needed in module.NEEDS if importlib.util.find_spec(needed) is None]
    if missing:
        raise lacking(f"models of the flavour {name} cannot be run here", missing, module.EXTRA)
    flavour: Flavour = module
    return flavour
