"""From a public trip file to the rows of the dataset, as `taxi_trips` does it for every city."""

from collections.abc import Mapping, Sequence

import pandas as pd

from edge_assets.core.prepared import Prepared
from edge_assets.features.taxi_trips import preparing
from edge_assets.features.taxi_trips.city import City
from edge_assets.models.nyc_taxi import columns as names


def standardise(
    raw: pd.DataFrame,
    *,
    aliases: Mapping[str, Sequence[str]] = names.ALIASES,
    unknown: Mapping[str, float] = names.UNKNOWN,
) -> pd.DataFrame:
    """The rows of `raw` in the dataset's columns, float64, with the same index.

    Reads green and yellow trips of all years, also in one table; `preparing.standardise` tells how.
    """
    return preparing.standardise(
        raw,
        city=names.NEW_YORK,
        inputs=names.INPUTS,
        target=names.TARGET,
        aliases=aliases,
        unknown=unknown,
        yes_or_no=("store_forward",),
    )


def clean(
    rows: pd.DataFrame,
    *,
    city: City = names.NEW_YORK,
    max_distance: float = 100.0,
    max_fare: float = 250.0,
    max_duration_seconds: float = 4 * 3600,
    max_speed: float = 80.0,
    max_passengers: int = 9,
    max_location_id: int = 265,
    earliest: str = "2009-01-01",
    latest: str = "2035-01-01",
) -> Prepared:
    """Judges the rows of `standardise`: good ones in the dataset's types, others with a reason.

    Bounds are inclusive; distance (miles), fare (dollars) and duration must be above 0. `max_speed`
    is in miles an hour. 265 is the highest taxi zone; the records begin in 2009.
    """
    return preparing.clean(
        rows,
        city=city,
        inputs=names.INPUTS,
        target=names.TARGET,
        limits=preparing.Limits(
            max_distance=max_distance,
            max_fare=max_fare,
            max_duration_seconds=max_duration_seconds,
            max_speed=max_speed,
            earliest=earliest,
            latest=latest,
        ),
        ranges={
            "passengers": (0, max_passengers),
            "vendor": (0, 99),
            "rate_code": (1, 99),
            "pickup_location_id": (0, max_location_id),
            "dropoff_location_id": (0, max_location_id),
            "store_forward": (0, 1),
        },
    )


def prepare(raw: pd.DataFrame) -> Prepared:
    """The rows of the dataset, and those set aside, of one public trip file."""
    return clean(standardise(raw))
