"""Breaks rows in the ways in which rows of an operator's export are broken."""

from collections.abc import Callable

import numpy as np
import pandas as pd

NO_FIX_SHARE = 0.004
"""Positions of 0, 0: the recorder had no fix. Not broken; the model knows unknown positions."""


def break_some(rng: np.random.Generator, trips: pd.DataFrame, share: float) -> pd.DataFrame:
    """`trips` of which about `share` is broken, each of those in one of `FAULTS`."""
    broken = trips.copy()
    no_fix = rng.random(len(trips)) < NO_FIX_SHARE
    broken.loc[no_fix, ["pickup_lon", "pickup_lat"]] = 0.0
    bad = rng.random(len(trips)) < share
    kind = rng.integers(0, len(FAULTS), len(trips))
    for number, fault in enumerate(FAULTS):
        fault(broken, pd.Series(bad & (kind == number), index=trips.index))
    return broken


def _cancelled(trips: pd.DataFrame, at: pd.Series) -> None:
    trips.loc[at, "journey_end"] = ""


def _not_moved(trips: pd.DataFrame, at: pd.Series) -> None:
    trips.loc[at, "distance_miles"] = 0.0


def _refunded(trips: pd.DataFrame, at: pd.Series) -> None:
    trips.loc[at, ["fare_gbp", "total_gbp"]] *= -1


def _clock_turned_back(trips: pd.DataFrame, at: pd.Series) -> None:
    """As in the hour that comes twice, on the last Sunday of October."""
    times = ["journey_start", "journey_end"]
    trips.loc[at, times] = trips.loc[at, times[::-1]].to_numpy()


def _axes_swapped(trips: pd.DataFrame, at: pd.Series) -> None:
    places = ["dropoff_lon", "dropoff_lat"]
    trips.loc[at, places] = trips.loc[at, places[::-1]].to_numpy()


def _in_pence(trips: pd.DataFrame, at: pd.Series) -> None:
    trips.loc[at, ["fare_gbp", "total_gbp"]] *= 100


def _in_metres(trips: pd.DataFrame, at: pd.Series) -> None:
    trips.loc[at, "distance_miles"] *= 1609.344


def _no_tariff(trips: pd.DataFrame, at: pd.Series) -> None:
    trips.loc[at, "tariff"] = 0


def _crowded(trips: pd.DataFrame, at: pd.Series) -> None:
    trips.loc[at, "passengers"] = 55


FAULTS: tuple[Callable[[pd.DataFrame, pd.Series], None], ...] = (
    _cancelled,
    _not_moved,
    _refunded,
    _clock_turned_back,
    _axes_swapped,
    _in_pence,
    _in_metres,
    _no_tariff,
    _crowded,
)
