"""How rows lie in the tensors of a model, and how fields fill them."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from inference_service.contracts.options import misfit
from inference_service.description import TensorSpec
from inference_service.tensors import Array


def width_of(spec: TensorSpec) -> int | None:
    """How many values a row of `spec` has, None for any number. A tensor without shape has one."""
    rest = spec.shape[1:]
    return None if -1 in rest else math.prod(rest)


def check_rows(spec: TensorSpec, *, many: bool) -> None:
    """Raises ConfigurationError unless `spec` can have one row, and with `many` any number."""
    if spec.shape[:1] == (-1,) or (not many and spec.shape[:1] in ((), (1,))):
        return
    rows = "any number of rows" if many else "one row"
    raise misfit(f"{spec.name} has the shape {list(spec.shape)}", f"it cannot have {rows}")


def check_columns(spec: TensorSpec, columns: Sequence[int | None], where: str) -> None:
    """Raises ConfigurationError unless each of `columns` is one of `spec`."""
    if columns != [None] and (len(spec.shape) != 2 or None in columns):
        raise misfit(
            f"{where} has several fields or a column",
            f"each field needs a column of its own, of a tensor of two axes: {list(spec.shape)}",
        )
    width = width_of(spec)
    for column in columns:
        if column is not None and width is not None and column >= width:
            raise misfit(f"{where} has the column {column}", f"there are {width}, from 0")


def check_complete(spec: TensorSpec, columns: Sequence[int | None]) -> None:
    """Raises ConfigurationError unless single fields for `columns` fill a row of the input."""
    width = width_of(spec)
    if columns != [None] and list(columns) != list(range(len(columns))):
        raise misfit(
            f"input {spec.name} has fields for the columns {list(columns)}", "each needs one"
        )
    if width is None and columns == [None]:
        raise misfit(f"input {spec.name} has any number of columns", "its field is not repeated")
    if width is not None and len(columns) != width:
        raise misfit(f"input {spec.name} has {width} columns", f"{len(columns)} have a field")


def one_row(spec: TensorSpec) -> Callable[[list[Any], Any], Array]:
    """What puts the values of one row into an array of `spec`: (values, dtype) -> array."""
    rank, rest = len(spec.shape), spec.shape[1:]
    if rank == 0:
        return lambda values, dtype: np.array(values[0], dtype)
    if rank == 1:
        return lambda values, dtype: np.array(values, dtype)
    if rank == 2:
        return lambda values, dtype: np.array([values], dtype)
    return lambda values, dtype: np.array(values, dtype).reshape(1, *rest)


def many_rows(columns: Sequence[Sequence[Any]], spec: TensorSpec, dtype: Any) -> Array:
    """The array of `spec` whose columns these are."""
    if len(columns) == 1:
        return np.array(columns[0], dtype).reshape(-1, *(1 for _ in spec.shape[1:]))
    return np.array(list(zip(*columns, strict=True)), dtype)
