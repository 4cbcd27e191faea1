"""From the operator's export to the rows of the dataset, as `taxi_trips` does it for every city.

Passengers, tariff and hailed are judged by the schema in `model.yaml` afterwards.
"""

import pandas as pd

from edge_assets.core.prepared import Prepared
from edge_assets.features.taxi_trips import preparing
from edge_assets.models.london_taxi.columns import ALIASES, INPUTS, LONDON, TARGET, UNKNOWN

LIMITS = preparing.Limits(
    max_distance=60.0,  # miles: the box is 45 miles from corner to corner
    max_fare=300.0,  # pounds
    max_duration_seconds=4 * 3600,
    max_speed=75.0,  # miles an hour: the limit on motorways is 70
    earliest="2010-01-01",
)


def standardise(raw: pd.DataFrame) -> pd.DataFrame:
    """The rows of `raw` in the dataset's columns, float64, with the same index.

    Times are local, without a zone. In the hour that comes twice in October a trip may seem to end
    before it began; such trips are set aside as any other.
    """
    return preparing.standardise(
        raw,
        city=LONDON,
        inputs=INPUTS,
        target=TARGET,
        aliases=ALIASES,
        unknown=UNKNOWN,
        yes_or_no=("hailed",),
    )


def clean(rows: pd.DataFrame, *, limits: preparing.Limits = LIMITS) -> Prepared:
    """Judges the rows of `standardise`: good ones in the dataset's types, others with a reason."""
    return preparing.clean(rows, city=LONDON, inputs=INPUTS, target=TARGET, limits=limits)


def prepare(raw: pd.DataFrame) -> Prepared:
    """The rows of the dataset, and those set aside, of one export."""
    return clean(standardise(raw))
