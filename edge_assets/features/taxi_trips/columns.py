"""The columns that every dataset of taxi trips has, whatever else it knows of a trip."""

from collections.abc import Sequence

PICKUP, DROPOFF = "pickup_datetime", "dropoff_datetime"
TIMES = (PICKUP, DROPOFF)
"""Seconds since 1970-01-01 00:00 on the wall clock of the city, int64."""

COORDINATES = ("pickup_longitude", "pickup_latitude", "dropoff_longitude", "dropoff_latitude")
"""Degrees, float32; NaN means unknown."""

FLOATS = ("distance", *COORDINATES)
"""The float32 columns; all others are int64."""

REQUIRED = (*TIMES, *FLOATS)


def dtype(name: str) -> str:
    """The type of an input in a table."""
    return "float32" if name in FLOATS else "int64"


def check_inputs(inputs: Sequence[str]) -> None:
    """Raises ValueError when a column that features are made of is not among `inputs`."""
    missing = [name for name in REQUIRED if name not in inputs]
    if missing:
        raise ValueError(f"trips need the columns {', '.join(missing)}")
