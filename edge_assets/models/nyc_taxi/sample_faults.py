"""Breaks rows in the ways in which rows of real trip files are broken."""

from collections.abc import Callable

import numpy as np
import pandas as pd

NO_FIX_SHARE = 0.004
"""Positions of 0, 0: the recorder had no fix. Not broken; the model knows unknown positions."""


def break_some(rng: np.random.Generator, trips: pd.DataFrame, share: float) -> pd.DataFrame:
    """`trips` of which about `share` is broken, each of those in one of `FAULTS`."""
    broken = trips.copy()
    no_fix = rng.random(len(trips)) < NO_FIX_SHARE
    broken.loc[no_fix, ["pickupLongitude", "pickupLatitude"]] = 0.0
    bad = rng.random(len(trips)) < share
    kind = rng.integers(0, len(FAULTS), len(trips))
    for number, fault in enumerate(FAULTS):
        fault(broken, pd.Series(bad & (kind == number), index=trips.index))
    return broken


def _not_moved(trips: pd.DataFrame, at: pd.Series) -> None:
    trips.loc[at, "tripDistance"] = 0.0


def _refunded(trips: pd.DataFrame, at: pd.Series) -> None:
    for name in ("fareAmount", "mtaTax", "improvementSurcharge", "totalAmount"):
        trips.loc[at, name] *= -1


def _clock_turned_back(trips: pd.DataFrame, at: pd.Series) -> None:
    times = ["lpepPickupDatetime", "lpepDropoffDatetime"]
    trips.loc[at, times] = trips.loc[at, times[::-1]].to_numpy()


def _meter_left_running(trips: pd.DataFrame, at: pd.Series) -> None:
    late = pd.to_datetime(trips.loc[at, "lpepPickupDatetime"]) + pd.Timedelta(hours=23, minutes=48)
    trips.loc[at, "lpepDropoffDatetime"] = late.dt.strftime("%Y-%m-%d %H:%M:%S").astype(object)


def _out_of_the_city(trips: pd.DataFrame, at: pd.Series) -> None:
    trips.loc[at, "dropoffLatitude"] = 42.36  # Boston


def _typing_error(trips: pd.DataFrame, at: pd.Series) -> None:
    trips.loc[at, "fareAmount"] = trips.loc[at, "fareAmount"] * 1000
    trips.loc[at, "totalAmount"] = trips.loc[at, "totalAmount"] * 1000


def _no_distance(trips: pd.DataFrame, at: pd.Series) -> None:
    trips.loc[at, "tripDistance"] = np.nan


def _no_time(trips: pd.DataFrame, at: pd.Series) -> None:
    trips.loc[at, "lpepPickupDatetime"] = "0000-00-00 00:00:00"


def _crowded(trips: pd.DataFrame, at: pd.Series) -> None:
    trips.loc[at, "passengerCount"] = 88


FAULTS: tuple[Callable[[pd.DataFrame, pd.Series], None], ...] = (
    _not_moved,
    _refunded,
    _clock_turned_back,
    _meter_left_running,
    _out_of_the_city,
    _typing_error,
    _no_distance,
    _no_time,
    _crowded,
)
