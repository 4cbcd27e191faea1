"""One model for each value of a column: which values, how the models are called, what is refused.

Siblings have the same functions and the same landing folder; each takes its own rows by
`data.where`.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import pandas as pd

from edge_assets.core.where import matches
from edge_assets.onboarding.naming import LONGEST_NAME, check_model_name, to_identifier
from edge_assets.onboarding.reading import MIN_ROWS
from protos.errors import ConfigurationError

MAX_SIBLINGS = 50
"""Each is a chain with sensors, gates, an image and approvals of its own."""
_SHOWN = 10


class Siblings(NamedTuple):
    """The models to make: their name -> the value of their rows, in order of the values.

    `few` are values with too few rows, and how many; `empty` counts the rows without a value.
    """

    values: Mapping[str, str]
    few: Mapping[str, int]
    empty: int


def find_siblings(
    name: str, table: pd.DataFrame, column: str, target: str, *, leave_out: bool
) -> Siblings:
    """A model for each value of `column` with 50 rows or more; cells are text.

    With `leave_out` values with fewer rows are left out; else they are refused.

    Raises ConfigurationError when there is no such column, it is the target, its values are too
    many, make no names or the same one, or have too few rows.
    """
    check_model_name(name)
    if column not in table.columns or column == target:
        raise ConfigurationError(
            f"there is no column {column!r}"
            if column != target
            else f"{column!r} is the target, and cannot choose the rows as well",
            why=f"the file has: {', '.join(map(repr, table.columns))[:400]}",
            remedy="name with --each the column that says whose row it is",
        )
    counts = table.loc[table[column] != "", column].value_counts().sort_index()
    few = {str(value): int(rows) for value, rows in counts.items() if rows < MIN_ROWS}
    wanted = [str(value) for value in counts.index if not (leave_out and str(value) in few)]
    if not wanted or len(wanted) > MAX_SIBLINGS:
        raise _bad_number(column, wanted, few)
    if few and not leave_out:
        raise ConfigurationError(
            f"{len(few)} of {len(counts)} values of {column!r} have too few rows",
            why=f"{_listed(few)}; a model needs {MIN_ROWS}",
            remedy="collect more rows, or leave these values out with --leave-out-few",
        )
    values = _named(name, column, wanted)
    return Siblings(values, few, int((table[column] == "").sum()))


def _bad_number(column: str, wanted: Collection[str], few: Mapping[str, int]) -> ConfigurationError:
    if wanted:
        return ConfigurationError(
            f"{column!r} has {len(wanted)} different values",
            why=f"at most {MAX_SIBLINGS} models are made at once: each has a chain, an image and "
            "approvals of its own",
            remedy="make one model with this column as an input, group its values, or give a part "
            "of the rows",
        )
    return ConfigurationError(
        f"no value of {column!r} has enough rows",
        why=f"{_listed(few) or 'every row is empty there'}; a model needs {MIN_ROWS}",
        remedy="collect more rows, or make one model of all with this column as an input",
    )


def _named(name: str, column: str, values: Collection[str]) -> dict[str, str]:
    """The name of each model -> its value. Raises ConfigurationError."""
    found: dict[str, str] = {}
    for value in values:
        ending = to_identifier(f"x_{value}", "")[1:]
        made = f"{name}{ending}"
        if not ending or len(made) > LONGEST_NAME:
            raise ConfigurationError(
                f"{column} {value[:60]!r} makes no name of a model",
                why=f"of it {made!r} is left"
                if not ending
                else f"{made} is too long: at most {LONGEST_NAME} characters",
                remedy="write it shorter, or in letters from a to z and digits, in the file and in "
                "deliveries" + ("" if not ending else "; or choose a shorter NAME"),
            )
        other = next((v for n, v in found.items() if n == made or matches(value, v)), None)
        if other is not None:
            raise ConfigurationError(
                f"{column} {other!r} and {value!r} make one model",
                why=f"both are called {made}: only letters a to z, digits and _ count in a name",
                remedy="write them in one way if they are the same, else rename one of them, in "
                "the file and in deliveries",
            )
        check_model_name(made)
        found[made] = value
    return found


def _listed(few: Mapping[str, int]) -> str:
    shown = [f"{value[:40]!r} {rows}" for value, rows in list(few.items())[:_SHOWN]]
    more = f" and {len(few) - _SHOWN} more" if len(few) > _SHOWN else ""
    return f"rows of {', '.join(shown)}{more}" if shown else ""
