"""What LightGBM and XGBoost have in common: one matrix of float32, and classes by their places.

No flavour by itself. Both libraries count classes from 0; class `n` is the n-th of
`prediction.classes`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_assets.core.config_data import PROBABILITIES
from protos.errors import ConfigurationError

if TYPE_CHECKING:
    import onnx
    import pandas as pd

    from edge_assets.core.config_schema import ModelConfig
    from edge_assets.core.measuring import Outputs

EXTRA = "boosting"


def matrix_of(rows: "pd.DataFrame", config: "ModelConfig") -> NDArray[np.float32]:
    """What the trees see of `rows`: shape [rows, columns], as `graphs.join_matrix` makes it."""
    return rows[list(config.data.seen)].to_numpy(dtype=np.float32)


def check_columns(names: Sequence[str], count: int, config: "ModelConfig") -> None:
    """Raises ConfigurationError unless the trees were grown on the columns that `model.yaml` shows.

    `names` is empty where the library was given none; then only `count` can be compared.
    """
    seen = list(config.data.seen)
    if count == len(seen) and (not names or list(names) == seen):
        return
    learned = ", ".join(list(names)[:10]) if names else f"{count} columns"
    raise ConfigurationError(
        f"{config.name} learned from other columns than model.yaml declares",
        why=f"learned from {learned}; declared: {', '.join(seen[:10])}",
        remedy="train on rows[list(features)], in this order",
    )


def check_objective(objective: str, known: Sequence[str], config: "ModelConfig") -> None:
    """Raises ConfigurationError for an objective that does not fit the prediction, or that cannot
    be converted exactly.
    """
    if objective not in known:
        raise ConfigurationError(
            f"{config.name} was trained with the objective {objective}",
            why=f"for a {config.prediction.kind} these are converted: {', '.join(known)}",
            remedy="train with one of these, or write to_onnx.py and predict for another",
        )


def check_places(count: int, config: "ModelConfig") -> None:
    """Raises ConfigurationError unless `count` classes, numbered from 0, can be those declared."""
    declared = list(config.prediction.classes)
    if count != len(declared):
        raise ConfigurationError(
            f"{config.name} learned other classes than model.yaml declares",
            why=f"it tells {count} apart, declared are {len(declared)}: {declared[:10]}",
            remedy="name under prediction.classes what is in the data",
        )
    numbered = list(range(count))
    if declared != numbered and set(declared) == set(numbered):
        raise ConfigurationError(
            f"the classes of {config.name} are numbers from 0, in another order",
            why=f"the trees know class n by its number; declared are {declared[:10]}",
            remedy="name prediction.classes in ascending order",
        )


def refused_categories(config: "ModelConfig") -> ConfigurationError:
    """The error of trees that were grown on columns of the pandas type `category`."""
    return ConfigurationError(
        f"the trees of {config.name} split by categories of a DataFrame",
        why="a device knows numbers only, not the place of each among the categories",
        remedy="train on the numbers themselves: rows[list(features)].to_numpy()",
    )


def answers(raw: NDArray[Any], config: "ModelConfig") -> "Outputs":
    """The outputs by name from what a booster predicts: values, or probabilities.

    `raw` is [rows], for two classes the probability of the second, or [rows, classes].
    """
    prediction = config.prediction
    values = np.asarray(raw, dtype=np.float32)
    if prediction.kind == "regression":
        return {prediction.target: values.reshape(-1, 1)}
    if values.ndim == 1:
        values = np.stack([1 - values, values], axis=1)
    dtype = np.int64 if isinstance(prediction.classes[0], int) else object
    label = np.array(prediction.classes, dtype=dtype)[values.argmax(axis=1)]
    return {prediction.target: label.reshape(-1, 1), PROBABILITIES: values}


def as_artifact(converted: "onnx.ModelProto", config: "ModelConfig") -> "onnx.ModelProto":
    """The converted trees, which take a matrix, from the columns to the declared outputs.

    The converter's own label is left aside: the class is read from the probabilities, by its place.
    """
    from edge_assets.graphs import choose_class, finish, join_matrix

    columns = {column.name: column for column in config.data.columns}
    if config.prediction.kind == "classification":
        scores = converted.graph.output[-1].name
        choose_class(converted, scores, config.prediction.classes)
    return finish(join_matrix(converted, [columns[name] for name in config.data.seen]), config)
