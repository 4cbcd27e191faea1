"""Both cities, and trips where conversions like to go wrong."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd

from edge_assets.core.prepared import Prepared
from edge_assets.features.taxi_trips.city import City
from edge_assets.features.taxi_trips.columns import COORDINATES, FLOATS, REQUIRED, dtype
from edge_assets.models.london_taxi import columns as london
from edge_assets.models.london_taxi import prepare as london_prepare
from edge_assets.models.london_taxi import sample as london_sample
from edge_assets.models.nyc_taxi import columns as nyc
from edge_assets.models.nyc_taxi import prepare as nyc_prepare
from edge_assets.models.nyc_taxi import sample as nyc_sample


@dataclass(frozen=True)
class Trips:
    """The trips of one edge model."""

    model: str
    city: City
    inputs: tuple[str, ...]
    sample: Callable[[int, int], pd.DataFrame]
    prepare: Callable[[pd.DataFrame], Prepared]

    def __str__(self) -> str:
        return self.model

    def rows(self, count: int, seed: int = 1) -> pd.DataFrame:
        """The kept rows of `count` synthetic ones."""
        return _rows(self, count, seed)

    def in_kilometres(self) -> City:
        """The city, if its meters counted kilometres."""
        return replace(self.city, units_per_degree=self.city.units_per_degree * 1.609344)


CITIES = (
    Trips("nyc_taxi", nyc.NEW_YORK, nyc.INPUTS, nyc_sample.sample, nyc_prepare.prepare),
    Trips(
        "london_taxi", london.LONDON, london.INPUTS, london_sample.sample, london_prepare.prepare
    ),
)


@cache
def _rows(trips: Trips, count: int, seed: int) -> pd.DataFrame:
    return trips.prepare(trips.sample(count, seed)).kept


def edge_rows(rows: pd.DataFrame, inputs: Sequence[str]) -> pd.DataFrame:
    """One ordinary trip, moved to every moment and place where conversions like to go wrong."""
    moments = [
        "2016-01-01 00:00:00", "2015-12-31 23:59:59", "2016-02-28 23:59:59", "2016-02-29 00:00:00",
        "2016-02-29 23:59:59", "2016-03-01 00:00:00", "2015-02-28 23:59:59", "2016-04-30 23:59:59",
        "2000-02-29 12:00:00", "1969-12-31 23:59:59", "1969-01-01 00:00:00", "1970-01-01 00:00:00",
        "2038-01-19 03:14:08", "2100-02-28 23:59:59", "2100-03-01 00:00:00", "1900-03-01 00:00:00",
    ]  # fmt: skip
    seconds = pd.to_datetime(moments).astype("datetime64[s]").astype("int64").to_numpy()
    trip = rows.head(1)
    edges = pd.concat([trip] * len(seconds), ignore_index=True).assign(pickup_datetime=seconds)
    edges["dropoff_datetime"] = seconds + 600
    for unknown in (COORDINATES, COORDINATES[:2], COORDINATES[2:]):
        edges = pd.concat([edges, trip.assign(**dict.fromkeys(unknown, np.float32(np.nan)))])
    same_place = {
        a: trip[b].to_numpy() for a, b in zip(COORDINATES[2:], COORDINATES[:2], strict=True)
    }
    extremes = [
        trip.assign(**same_place),
        trip.assign(dropoff_datetime=trip["pickup_datetime"]),
        trip.assign(dropoff_datetime=trip["pickup_datetime"] - 60),
        trip.assign(dropoff_datetime=trip["pickup_datetime"] + 10**9),
        trip.assign(distance=np.float32(1e-30)),
        trip.assign(distance=np.float32(1e30)),
        *(
            trip.assign(**{name: value})
            for name in inputs
            if name not in REQUIRED
            for value in (0, 1, 99, -1, 2**40)
        ),
    ]
    return pd.concat([edges, *extremes], ignore_index=True).astype(
        {name: dtype(name) for name in inputs}
    )


def any_row(inputs: Sequence[str], **values: float) -> pd.DataFrame:
    """One trip: ones, and what `values` say."""
    row = pd.DataFrame({name: [1] for name in inputs}).assign(**values)
    return row.astype({name: "float32" if name in FLOATS else "int64" for name in inputs})
