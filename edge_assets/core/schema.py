"""The schema of prepared rows, as `model.yaml` declares it: checked by pandera, row by row."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from edge_assets.core.config_data import Column, Data, Prediction
from edge_assets.core.prepared import REASON, Prepared
from protos.errors import ConfigurationError

if TYPE_CHECKING:
    import pandera.pandas as pa

_DTYPES = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "INT32": "int32",
    "INT64": "int64",
    "FP32": "float32",
    "FP64": "float64",
}


class UnfitError(ConfigurationError, ValueError):
    """Prepared rows as a whole are not what `model.yaml` says: no single row is to blame."""


def dtype_of(datatype: str) -> str:
    """The type of a column in a table; texts and images are objects."""
    return _DTYPES.get(datatype, "object")


def schema_of(data: Data, prediction: Prediction) -> "pa.DataFrameSchema":
    """The pandera schema of prepared rows: every column of data, and the target."""
    import pandera.pandas as pa

    columns = {column.name: _column(column) for column in data.columns}
    columns[prediction.target] = _target(prediction)
    return pa.DataFrameSchema(columns, strict=False)


def check_schema(prepared: Prepared, data: Data, prediction: Prediction) -> Prepared:
    """Sets aside the kept rows that do not fit the schema, with the column and what is wrong.

    Raises UnfitError naming the column when it is missing or has another type: that is no matter
    of single rows, but of the function that prepared them.
    """
    import pandera.errors

    kept = prepared.kept
    schema = schema_of(data, prediction)
    try:
        schema.validate(kept, lazy=True)
    except pandera.errors.SchemaErrors as error:
        found = _reasons(error.failure_cases, kept, list(schema.columns))
        bad = kept.index.isin(list(found))
        aside = kept[bad].assign(**{REASON: [found[place] for place in kept.index[bad]]})
        # as objects: rows set aside before may be untyped, and pandas would guess between both
        parts = [prepared.set_aside.astype(object), aside.astype(object)]
        return Prepared(kept[~bad], pd.concat(parts).sort_index())
    return prepared


def _reasons(failures: pd.DataFrame, kept: pd.DataFrame, declared: list[str]) -> dict[Any, str]:
    """The first reason of each row that failed."""
    found: dict[Any, str] = {}
    for failure in failures.to_dict("records"):
        place, check = failure["index"], str(failure["check"])
        if check.startswith("column_in"):
            lost = [name for name in declared if name not in kept.columns]
            more = ", ".join(str(name) for name in kept.columns if name not in declared)
            raise UnfitError(
                "prepared rows do not fit model.yaml",
                why=f"there is no column {', '.join(lost)}"
                + (f"; not declared are {more}" if more else ""),
                remedy="let prepare give every column of data, and the target, by these names",
            )
        if place is None or pd.isna(place) or check.startswith("dtype"):
            name, got = failure["column"], failure["failure_case"]
            if check.startswith("dtype"):
                told = f"has the type {got}, declared is {check[7:-2]}"
            else:
                told = f"{_said(check)} (got {got})"
            raise UnfitError(
                "prepared rows do not fit model.yaml",
                why=f"column {name} {told}",
                remedy="let prepare convert it, or declare another datatype",
            )
        found.setdefault(place, f"{failure['column']}: {_said(check)}")
    return found


def _said(check: str) -> str:
    return "is missing" if check == "not_nullable" else check


def _column(column: Column) -> "pa.Column":
    import pandera.pandas as pa

    checks = []
    if column.minimum is not None:
        checks.append(pa.Check.ge(column.minimum, error=f"below {column.minimum:g}"))
    if column.maximum is not None:
        checks.append(pa.Check.le(column.maximum, error=f"above {column.maximum:g}"))
    if column.categories:
        # an unknown text is empty: where that is allowed, it is one more category
        unknown = [""] if column.nullable and column.datatype == "BYTES" else []
        known = [*column.categories, *unknown]
        checks.append(pa.Check.isin(known, error="none of the categories"))
    if column.datatype in ("FP32", "FP64"):
        checks.append(_finite())
    if column.max_length is not None:
        text = f"longer than {column.max_length} characters"
        checks.append(pa.Check.str_length(max_value=column.max_length, error=text))
    return pa.Column(
        dtype_of(column.datatype) if len(column.shape) == 1 else "object",
        checks,
        nullable=column.nullable,
    )


def _target(prediction: Prediction) -> "pa.Column":
    import pandera.pandas as pa

    if prediction.classes:
        label = "int64" if isinstance(prediction.classes[0], int) else "object"
        return pa.Column(label, pa.Check.isin(list(prediction.classes), error="no known class"))
    return pa.Column(checks=[_finite()], nullable=False)


def _finite() -> "pa.Check":
    import numpy as np
    import pandera.pandas as pa

    return pa.Check(lambda values: np.isfinite(values), error="not finite")
