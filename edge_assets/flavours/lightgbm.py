"""LightGBM: stored in its text format, converted with onnxmltools.

`train` may return a `Booster` or an estimator of `lightgbm.sklearn`; what is loaded again is always
the `Booster`. It is fitted on the columns that `data.features` names, in their order.
"""

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_assets.flavours import Restore
from edge_assets.flavours.thresholds import floor32
from edge_assets.flavours.trees import (
    EXTRA,
    answers,
    as_artifact,
    check_columns,
    check_objective,
    check_places,
    matrix_of,
    refused_categories,
)
from protos.errors import ConfigurationError, VerificationFailed

if TYPE_CHECKING:
    import onnx
    import pandas as pd

    from edge_assets.core.config_schema import ModelConfig
    from edge_assets.core.measuring import Outputs

__all__ = ["EXTRA", "NEEDS", "dump", "load", "predict", "to_onnx"]
NEEDS = ("lightgbm", "onnxmltools")
_CLASSES = "edge_assets_classes:"
_PANDAS = "\npandas_categorical:"
_OBJECTIVES = {
    "regression": (
        "regression",
        "regression_l1",
        "huber",
        "quantile",
        "poisson",
        "gamma",
        "tweedie",
    ),
    "classification": ("binary sigmoid:1", "multiclass"),
}
_OPSET = 15


def dump(model: Any) -> bytes:
    """The trees as text; of an estimator also the classes that it learned."""
    booster = getattr(model, "booster_", model)
    text: str = booster.model_to_string()
    classes = _classes(model)
    if classes is not None:
        head, mark, tail = text.rpartition(_PANDAS)  # LightGBM looks for it in the last line
        text = f"{head}\n{_CLASSES}{json.dumps(classes)}{mark}{tail}"
    return text.encode()


def load(data: bytes, restore: Restore | None = None) -> Any:
    """The `Booster` again. Raises VerificationFailed for what is no model of LightGBM."""
    import lightgbm

    try:
        text = data.decode()
        booster = _read(text)
        told = [line for line in text.split("\n") if line.startswith(_CLASSES)]
        if told:
            booster.classes_ = json.loads(told[0].removeprefix(_CLASSES))
    except (ValueError, lightgbm.basic.LightGBMError) as error:
        raise VerificationFailed(
            "the trees are not loaded", why=str(error)[:200], remedy="train the model again"
        ) from error
    return booster


def predict(model: Any, rows: "pd.DataFrame", config: "ModelConfig") -> "Outputs":
    """The target, and the probabilities of a classification.

    Raises ConfigurationError when columns, classes or objective are not those of `model.yaml`.
    """
    booster = _checked(model, config)
    return answers(booster.predict(matrix_of(rows, config), num_threads=1), config)


def to_onnx(model: Any, config: "ModelConfig") -> "onnx.ModelProto":
    """The trees as one graph.

    Raises ConfigurationError, beside that of `predict`, for trees that onnxmltools would convert
    to other ones without a word.
    """
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    from edge_assets.graphs import MATRIX

    booster = _checked(model, config)
    text = booster.model_to_string()
    for mark, what in (
        ("\naverage_output\n", "random forests (boosting: rf)"),
        ("\n[zero_as_missing: 1]", "zeros that count as missing (zero_as_missing)"),
        ("\nis_linear=1", "linear trees (linear_tree)"),
    ):
        if mark in text:
            raise ConfigurationError(
                f"the trees of {config.name} cannot be converted exactly",
                why=f"onnxmltools converts {what} to something else",
                remedy="train without it, or write to_onnx.py",
            )
    exact = _read(_single_precision(text))
    types = [(MATRIX, FloatTensorType([None, len(config.data.seen)]))]
    converted = convert_lightgbm(
        exact, name=config.name, initial_types=types, target_opset=_OPSET, zipmap=False
    )
    return as_artifact(converted, config)


def _single_precision(text: str) -> str:
    """The trees with thresholds of single precision that part float32 values just the same."""
    lines = text.split("\n")
    for place, line in enumerate(lines):
        if line.startswith("threshold="):
            values = np.array(line.removeprefix("threshold=").split(), dtype=np.float64)
            lines[place] = "threshold=" + " ".join(repr(float(v)) for v in floor32(values))
    return "\n".join(lines)


def _read(text: str) -> Any:
    """The Booster that `text` tells. Raises LightGBMError.

    Told the sizes of the trees, LightGBM would read them in parallel, and there any mistake ends
    the process; read one after the other, it raises.
    """
    import lightgbm

    lines = [line for line in text.split("\n") if not line.startswith("tree_sizes=")]
    if "end of trees" not in lines:
        raise lightgbm.basic.LightGBMError("the text ends before the trees do")
    return lightgbm.Booster(model_str="\n".join(lines))


def _classes(model: Any) -> list[Any] | None:
    """The classes of an estimator, or of a Booster that was one; None where none are known."""
    from lightgbm import LGBMModel

    if isinstance(model, LGBMModel):
        found = getattr(model, "classes_", None)
        return None if found is None else np.asarray(found).tolist()
    return getattr(model, "classes_", None)


def _checked(model: Any, config: "ModelConfig") -> Any:
    """The Booster in `model`, which fits `model.yaml`."""
    booster = getattr(model, "booster_", model)
    names = booster.feature_name()
    unnamed = names == [f"Column_{place}" for place in range(len(names))]
    check_columns([] if unnamed else names, booster.num_feature(), config)
    if booster.pandas_categorical:
        raise refused_categories(config)
    told = booster.dump_model(num_iteration=1)
    objective = str(told.get("objective", "unknown"))
    kind = config.prediction.kind
    word = objective.partition(" num_class:")[0]
    check_objective(word, _OBJECTIVES[kind], config)
    if kind == "classification":
        classes = _classes(model)
        if classes is None:
            check_places(max(2, int(told["num_class"])), config)
        else:
            from edge_assets.flavours.sklearn import check_classes

            check_classes(classes, config)
    return booster
