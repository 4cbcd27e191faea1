"""XGBoost: stored in its binary JSON (UBJSON), converted with onnxmltools.

`train` may return a `Booster` or an estimator of `xgboost.sklearn`; what is loaded again is always
the `Booster`. It is fitted on the columns that `data.features` names, in their order. XGBoost
learns classes as numbers from 0: the places among `prediction.classes`.
"""

import json
from typing import TYPE_CHECKING, Any

from edge_assets.flavours import Restore
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
NEEDS = ("xgboost", "onnxmltools")
_OBJECTIVES = {
    "regression": (
        "reg:squarederror",
        "reg:absoluteerror",
        "count:poisson",
        "reg:gamma",
        "reg:tweedie",
    ),
    "classification": ("binary:logistic", "multi:softprob"),
}
_OPSET = 15


def dump(model: Any) -> bytes:
    """The trees as UBJSON; of a training that stopped early, those up to the best round."""
    booster = _booster(model)
    best = booster.attr("best_iteration")
    if best is not None:
        booster = booster[: int(best) + 1]
    return bytes(booster.save_raw("ubj"))


def load(data: bytes, restore: Restore | None = None) -> Any:
    """The `Booster` again. Raises VerificationFailed for what is no model of XGBoost."""
    import xgboost

    booster = xgboost.Booster({"nthread": 1})
    try:
        if not data:  # the library would end the process
            raise xgboost.core.XGBoostError("it is empty")
        booster.load_model(bytearray(data))
    except xgboost.core.XGBoostError as error:
        raise VerificationFailed(
            "the trees are not loaded",
            why=str(error).strip().splitlines()[0][:200],
            remedy="train the model again",
        ) from error
    return booster


def predict(model: Any, rows: "pd.DataFrame", config: "ModelConfig") -> "Outputs":
    """The target, and the probabilities of a classification.

    Raises ConfigurationError when columns, classes or objective are not those of `model.yaml`.
    """
    import xgboost

    booster = _checked(model, config)
    matrix = xgboost.DMatrix(matrix_of(rows, config), nthread=1)
    return answers(booster.predict(matrix, validate_features=False), config)


def to_onnx(model: Any, config: "ModelConfig") -> "onnx.ModelProto":
    """The trees as one graph. Raises ConfigurationError as `predict`."""
    import xgboost
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    from edge_assets.graphs import MATRIX

    booster = _checked(model, config)
    # of an estimator onnxmltools reads the start value and the objective; of a Booster it guesses
    estimator = (
        xgboost.XGBRegressor()
        if config.prediction.kind == "regression"
        else xgboost.XGBClassifier()
    )
    estimator.load_model(bytearray(_nameless(booster).save_raw("ubj")))
    types = [(MATRIX, FloatTensorType([None, len(config.data.seen)]))]
    converted = convert_xgboost(
        estimator, name=config.name, initial_types=types, target_opset=_OPSET
    )
    return as_artifact(converted, config)


def _booster(model: Any) -> Any:
    return model.get_booster() if hasattr(model, "get_booster") else model


def _nameless(booster: Any) -> Any:
    """A copy without names of columns, which onnxmltools would take for numbers."""
    copied = booster.copy()
    copied.feature_names = None
    copied.feature_types = None
    return copied


def _checked(model: Any, config: "ModelConfig") -> Any:
    """The Booster in `model`, which fits `model.yaml`; best rounds only, as it is stored."""
    booster = load(dump(model))
    check_columns(booster.feature_names or [], booster.num_features(), config)
    if "c" in (booster.feature_types or []):
        raise refused_categories(config)
    told = json.loads(booster.save_config())["learner"]
    if told["gradient_booster"]["name"] != "gbtree":
        raise ConfigurationError(
            f"{config.name} was trained with the booster {told['gradient_booster']['name']}",
            why="only gbtree is converted exactly",
            remedy="train with booster: gbtree",
        )
    kind = config.prediction.kind
    check_objective(told["objective"]["name"], _OBJECTIVES[kind], config)
    if kind == "classification":
        check_places(max(2, int(told["learner_model_param"]["num_class"])), config)
    return booster
