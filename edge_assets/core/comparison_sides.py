"""From tables of answers to the two sides of a comparison: values, errors, units and agreement.

Labels come late: with the next deliveries of raw data, weeks after the answer. A label belongs to a
prediction when the inputs are the same, by their hash (`protos.comparison.input_hashes`).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edge_assets.core.comparison import Floats, Side
from edge_assets.core.config_data import PROBABILITIES, Data, Prediction
from edge_assets.core.schema import dtype_of
from protos.comparison import input_hashes

Errors = Callable[[Mapping[str, NDArray[Any]], pd.DataFrame], Floats]
"""`EdgeModel.errors`: the error of each row of outputs, against the target in a table."""


def hashes_of(rows: pd.DataFrame, data: Data) -> list[str]:
    """The hash of each row's inputs, in the datatypes that a device sees; not for images."""
    if rows.empty:
        return []
    columns = {
        column.name: rows[column.name].to_numpy(dtype=dtype_of(column.datatype)).tolist()
        for column in data.columns
    }
    return input_hashes(columns, len(rows))


def labels_of(rows: pd.DataFrame, data: Data, prediction: Prediction) -> dict[str, Any]:
    """Hash of the inputs -> label, of prepared rows. Inputs with two labels tell nothing.

    Images have none: their pixels are not what was delivered, so no hash finds them again.
    """
    if data.kind == "images":
        return {}
    found: dict[str, Any] = {}
    twice = set()
    for key, label in zip(hashes_of(rows, data), rows[prediction.target].tolist(), strict=True):
        if key in found and found[key] != label:
            twice.add(key)
        found[key] = label
    return {key: label for key, label in found.items() if key not in twice}


def outputs_at(frame: pd.DataFrame, side: str, prediction: Prediction) -> dict[str, NDArray[Any]]:
    """The declared outputs in the columns `<side><output>`, each [rows, ...]; unknown is NaN.

    Raises ValueError when one is missing.
    """
    made: dict[str, NDArray[Any]] = {}
    for output in prediction.outputs:
        name = side + output.name
        if output.name not in (prediction.target, PROBABILITIES):
            continue  # what is answered beside that is not compared
        if name not in frame:
            raise ValueError(f"the answers have no {output.name}")
        # Lists that were stored as Parquet come back as arrays.
        cells = [c.tolist() if isinstance(c, np.ndarray) else c for c in frame[name].tolist()]
        if output.name == prediction.target and prediction.classes:
            told = [None if isinstance(cell, list) else cell for cell in cells]
            made[output.name] = np.array(told, dtype=object).reshape(len(frame), 1)
        else:
            size = math.prod(output.shape)
            numbers = np.array([_numbers(cell, size) for cell in cells], dtype=np.float64)
            made[output.name] = numbers.reshape(len(frame), *output.shape)
    return made


def side_of(
    outputs: Mapping[str, NDArray[Any]],
    units: Sequence[str],
    milliseconds: Sequence[float],
    labels: Sequence[Any],
    prediction: Prediction,
    errors: Errors,
) -> Side:
    """One side; `labels` holds None where no label came."""
    rows = len(labels)
    target = outputs[prediction.target].ravel()
    if prediction.classes:
        values = outputs[PROBABILITIES].max(axis=1) if rows else np.zeros(0)
        answered = np.isfinite(outputs[PROBABILITIES]).all(axis=1)
        answered &= np.isin(target, np.array(prediction.classes, dtype=object))
    else:
        values = target.astype(np.float64)
        answered = np.isfinite(values)
    labelled = np.array([label is not None for label in labels], dtype=bool)
    found = np.full(rows, np.nan)
    found[labelled] = np.inf
    known = labelled & answered
    if known.any():
        truth = pd.DataFrame(
            {prediction.target: [labels[n] for n in np.flatnonzero(known).tolist()]}
        )
        found[known] = errors({name: array[known] for name, array in outputs.items()}, truth)
    return Side(
        values=np.where(answered, values, np.nan),
        units=np.array(list(units), dtype=str),
        errors=found,
        milliseconds=np.array(list(milliseconds), dtype=np.float64),
    )


def agreeing(
    champion: Mapping[str, NDArray[Any]],
    candidate: Mapping[str, NDArray[Any]],
    prediction: Prediction,
    *,
    relative: float = 0.05,
) -> NDArray[np.bool_]:
    """Which rows count as the same answer: the same class, or numbers within `relative`.

    Of the larger of the two numbers, so that it does not matter which model is which.
    """
    first, second = (side[prediction.target].ravel() for side in (champion, candidate))
    if prediction.classes:
        return np.array([a == b for a, b in zip(first, second, strict=True)], dtype=bool)
    left, right = first.astype(np.float64), second.astype(np.float64)
    same: NDArray[np.bool_] = np.abs(left - right) <= relative * np.maximum(
        np.abs(left), np.abs(right)
    )
    return same


def _numbers(cell: Any, size: int) -> list[float]:
    """The numbers of a cell; unknown where one is none, or there are more or fewer than `size`.

    One device that answers something odd has given no answer; it does not spoil the others'.
    """
    values = cell if isinstance(cell, list) else [cell]
    if len(values) != size:
        return [math.nan] * size
    return [
        float(v) if isinstance(v, int | float) and not isinstance(v, bool) else math.nan
        for v in values
    ]
