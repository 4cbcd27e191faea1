"""scikit-learn: stored with skops, converted with skl2onnx.

The estimator is fitted on the columns that `data.features` names, as a DataFrame. One that begins
with a ColumnTransformer gets the columns as they are; any other gets them as one matrix of float32.
"""

import io
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_assets.core.config_data import PROBABILITIES
from edge_assets.flavours import Restore
from protos.errors import ConfigurationError, VerificationFailed

if TYPE_CHECKING:
    import onnx
    import pandas as pd

    from edge_assets.core.config_schema import ModelConfig
    from edge_assets.core.measuring import Outputs

NEEDS = ("sklearn", "skops", "skl2onnx")
EXTRA = "dev"
_TRUSTED = ("sklearn.", "numpy.", "scipy.")


def dump(model: Any) -> bytes:
    """The estimator in the skops format, which is loaded without unpickling."""
    import skops.io

    buffer = io.BytesIO()
    skops.io.dump(model, buffer)
    return buffer.getvalue()


def load(data: bytes, restore: Restore | None = None) -> Any:
    """The estimator again. Raises VerificationFailed naming the types of others in it."""
    import skops.io

    try:
        unknown = skops.io.get_untrusted_types(file=io.BytesIO(data))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise VerificationFailed(
            "the estimator is not loaded",
            why=f"it is not stored as skops does: {error}",
            remedy="train the model again",
        ) from error
    own = [name for name in unknown if name.startswith(_TRUSTED)]
    strangers = sorted(set(unknown) - set(own))
    if strangers:
        raise VerificationFailed(
            "the estimator is not loaded",
            why=f"it holds {', '.join(strangers[:5])}, which is neither of scikit-learn nor numpy",
            remedy="train with estimators of scikit-learn only",
        )
    return skops.io.load(io.BytesIO(data), trusted=own)


def predict(model: Any, rows: "pd.DataFrame", config: "ModelConfig") -> "Outputs":
    """The target, and the probabilities of a classification.

    Raises ConfigurationError when the classes of the model are not those of `model.yaml`, or when
    it gives no probabilities.
    """
    prediction = config.prediction
    seen = rows[list(config.data.seen)]
    if prediction.kind == "regression":
        answer = np.asarray(model.predict(seen), dtype=np.float32)
        return {prediction.target: answer.reshape(-1, 1)}
    check_classes(list(model.classes_), config)
    if not hasattr(model, "predict_proba"):
        raise ConfigurationError(
            f"the classifier of {config.name} gives no probabilities",
            why=f"{type(model).__name__} has no predict_proba",
            remedy="wrap it: CalibratedClassifierCV(estimator, ensemble=False)",
        )
    label = np.asarray(model.predict(seen))
    probabilities = np.asarray(model.predict_proba(seen), dtype=np.float32)
    return {prediction.target: label.reshape(-1, 1), PROBABILITIES: probabilities}


def to_onnx(model: Any, config: "ModelConfig") -> "onnx.ModelProto":
    """The estimator with its preprocessing as one graph."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.base import is_classifier
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    from edge_assets.flavours.thresholds import with_single_precision
    from edge_assets.graphs import MATRIX, OPSETS, finish, join_matrix

    exact = with_single_precision(model)
    first = model.steps[0][1] if isinstance(model, Pipeline) else model
    by_column = isinstance(first, ColumnTransformer)
    columns = [column for column in config.data.columns if column.name in config.data.seen]
    if by_column:
        types = [(column.name, _tensor_type(column.datatype)) for column in columns]
    else:
        types = [(MATRIX, FloatTensorType([None, len(columns)]))]
    converted = convert_sklearn(
        exact,
        name=config.name,
        initial_types=types,
        target_opset=OPSETS,
        options={id(exact): {"zipmap": False}} if is_classifier(exact) else None,
    )
    joined = converted if by_column else join_matrix(converted, columns)
    return finish(joined, config)


def check_classes(found: list[Any], config: "ModelConfig") -> None:
    """Raises ConfigurationError unless the model's classes are those declared, in their order."""
    declared = list(config.prediction.classes)
    if [str(label) for label in found] != [str(label) for label in declared]:
        raise ConfigurationError(
            f"{config.name} learned other classes than model.yaml declares",
            why=f"learned {found[:10]}, declared {declared[:10]}",
            remedy="name under prediction.classes what is in the data, in ascending order",
        )


def _tensor_type(datatype: str) -> Any:
    from skl2onnx.common import data_types as types

    kinds = {
        "BOOL": types.BooleanTensorType,
        "INT32": types.Int32TensorType,
        "INT64": types.Int64TensorType,
        "FP32": types.FloatTensorType,
        "FP64": types.DoubleTensorType,
        "BYTES": types.StringTensorType,
    }
    return kinds[datatype]([None, 1])
