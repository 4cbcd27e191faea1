from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assets.models.nyc_taxi.columns import ALIASES, FLOATS, INPUTS, TARGET
from edge_assets.models.nyc_taxi.prepare import clean, standardise
from edge_assets.models.nyc_taxi.sample import sample

TRIP: dict[str, Any] = {
    "vendorID": "2",
    "lpepPickupDatetime": "2016-01-01 12:00:00",
    "lpepDropoffDatetime": "2016-01-01 12:10:00",
    "passengerCount": "1",
    "tripDistance": "1.5",
    "pickupLongitude": "-73.95",
    "pickupLatitude": "40.7",
    "dropoffLongitude": "-73.96",
    "dropoffLatitude": "40.71",
    "rateCodeID": "1",
    "storeAndFwdFlag": "N",
    "fareAmount": "8.5",
}
NEW: dict[str, Any] = {
    "VendorID": 2,
    "tpep_pickup_datetime": pd.Timestamp("2019-03-01 12:00:00"),
    "tpep_dropoff_datetime": pd.Timestamp("2019-03-01 12:10:00"),
    "passenger_count": np.nan,
    "trip_distance": 1.5,
    "RatecodeID": np.nan,
    "store_and_fwd_flag": None,
    "PULocationID": 41,
    "DOLocationID": 42,
    "fare_amount": 8.5,
    "congestion_surcharge": 2.5,
}


def _one(**changes: Any) -> pd.DataFrame:
    return pd.DataFrame([{**TRIP, **changes}])


def _reason(**changes: Any) -> str:
    kept, set_aside = clean(standardise(_one(**changes)))
    assert len(kept) + len(set_aside) == 1
    return "" if len(kept) else str(set_aside["reason"].iloc[0])


def test_a_good_row_is_kept_in_the_types_of_the_contract() -> None:
    kept = clean(standardise(_one())).kept
    assert list(kept.columns) == [*INPUTS, TARGET]
    assert {n: str(kept[n].dtype) for n in INPUTS} == {
        n: "float32" if n in FLOATS else "int64" for n in INPUTS
    }
    row = kept.iloc[0]
    assert row["pickup_datetime"] == 1451649600
    assert row["dropoff_datetime"] - row["pickup_datetime"] == 600
    assert row["fare"] == 8.5
    assert row["pickup_location_id"] == 0


def test_yellow_names_of_2016() -> None:
    yellow = {
        name.replace("lpep", "tpep")
        .replace("Datetime", "DateTime")
        .replace("pickupL", "startL")
        .replace("dropoffL", "endL")
        .replace("ongitude", "on")
        .replace("atitude", "at"): value
        for name, value in TRIP.items()
    }
    assert {"tpepPickupDateTime", "startLon", "endLat"} <= set(yellow)
    pd.testing.assert_frame_equal(standardise(pd.DataFrame([yellow])), standardise(_one()))


def test_newer_names_without_coordinates() -> None:
    kept = clean(standardise(pd.DataFrame([NEW]))).kept
    row = kept.iloc[0]
    assert (row["pickup_location_id"], row["dropoff_location_id"]) == (41, 42)
    assert (row["passengers"], row["rate_code"], row["store_forward"]) == (0, 99, 0)
    assert kept[["pickup_longitude", "dropoff_latitude"]].isna().all(axis=None)


def test_both_families_in_one_table() -> None:
    kept = clean(standardise(pd.concat([_one(), pd.DataFrame([NEW])], ignore_index=True))).kept
    assert kept["distance"].tolist() == [1.5, 1.5]
    assert kept["pickup_location_id"].tolist() == [0, 41]


def test_standardising_twice_changes_nothing() -> None:
    once = standardise(_one())
    pd.testing.assert_frame_equal(standardise(once), once)


@pytest.mark.parametrize("position", [("0", "0"), ("0.0", "40.7"), ("", ""), ("-73.95", "")])
def test_a_position_without_a_fix_is_unknown(position: tuple[str, str]) -> None:
    raw = _one(pickupLongitude=position[0], pickupLatitude=position[1])
    kept = clean(standardise(raw)).kept
    assert kept[["pickup_longitude", "pickup_latitude"]].isna().all(axis=None)
    assert kept["dropoff_longitude"].notna().all()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tripDistance": "0"}, "distance: not above 0"),
        ({"tripDistance": "100.1"}, "distance: too long"),
        ({"tripDistance": "1,5"}, "distance: missing or unreadable"),
        ({"tripDistance": ""}, "distance: missing or unreadable"),
        ({"tripDistance": "inf"}, "distance: missing or unreadable"),
        ({"tripDistance": "14"}, "speed: not believable"),
        ({"fareAmount": "0"}, "fare: not above 0"),
        ({"fareAmount": "-8.5"}, "fare: not above 0"),
        ({"fareAmount": "250.01"}, "fare: too high"),
        ({"fareAmount": "nan"}, "fare: missing or unreadable"),
        ({"lpepDropoffDatetime": "2016-01-01 12:00:00"}, "dropoff not after pickup"),
        ({"lpepDropoffDatetime": "2016-01-01 11:00:00"}, "dropoff not after pickup"),
        ({"lpepDropoffDatetime": "2016-01-01 16:00:01"}, "duration: too long"),
        ({"lpepPickupDatetime": "noon"}, "pickup_datetime: missing or unreadable"),
        ({"lpepPickupDatetime": "2008-12-31 10:00:00"}, "pickup_datetime: out of range"),
        ({"pickupLongitude": "-74.2"}, "pickup_longitude: out of the city"),
        ({"pickupLatitude": "40.52"}, "pickup_latitude: out of the city"),
        ({"dropoffLongitude": "-73.7"}, "dropoff_longitude: out of the city"),
        ({"dropoffLatitude": "42.36"}, "dropoff_latitude: out of the city"),
        ({"dropoffLatitude": "north"}, "dropoff_latitude: missing or unreadable"),
        ({"passengerCount": "10"}, "passengers: out of range"),
        ({"passengerCount": "1.5"}, "passengers: not a whole number"),
        ({"passengerCount": "two"}, "passengers: missing or unreadable"),
        ({"vendorID": "-1"}, "vendor: out of range"),
        ({"rateCodeID": "0"}, "rate_code: out of range"),
        ({"puLocationId": "266"}, "pickup_location_id: out of range"),
        ({"storeAndFwdFlag": "maybe"}, "store_forward: missing or unreadable"),
    ],
)
def test_a_bad_row_is_set_aside_with_its_reason(changes: dict[str, str], reason: str) -> None:
    assert _reason(**changes) == reason


@pytest.mark.parametrize(
    "changes",
    [
        {"fareAmount": "250"},
        {"lpepDropoffDatetime": "2016-01-01 16:00:00"},
        {"passengerCount": "0"},
        {"passengerCount": ""},
        {"dropoffLatitude": "40.88"},
        {"rateCodeID": ""},
        {"puLocationId": "265"},
        {"tripDistance": "0.01"},
    ],
)
def test_rows_on_the_bounds_are_kept(changes: dict[str, str]) -> None:
    assert _reason(**changes) == ""


def test_bounds_are_arguments() -> None:
    rows = standardise(_one(fareAmount="300"))
    assert len(clean(rows, max_fare=300.0).kept) == 1
    assert clean(rows, max_fare=299.0).reasons == {"fare: too high": 1}


CELLS = st.sampled_from(["", "0", "1", "-5", "40.7", "-73.9", "1e9", "NaN", "inf", "x", "Y"])
TIMES = st.sampled_from(["2016-01-01 12:00:00", "2016-01-01 12:30:00", "", "noon", "2016-13-01"])


@given(
    st.lists(
        st.fixed_dictionaries({n: TIMES if "Datetime" in n else CELLS for n in TRIP}), max_size=8
    ),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_no_row_is_lost_whatever_it_holds(cells: list[dict[str, str]], odd_index: bool) -> None:
    raw = pd.DataFrame(cells, columns=list(TRIP))
    if odd_index:
        raw.index = pd.Index([7] * len(raw))
    kept, set_aside = clean(standardise(raw))
    assert len(kept) + len(set_aside) == len(raw)
    assert sorted([*kept.index, *set_aside.index]) == sorted(raw.index)
    assert (set_aside["reason"] != "").all()
    assert np.isfinite(kept[["distance", "fare"]].to_numpy(dtype=float)).all()


def test_an_empty_table_and_one_without_any_known_column() -> None:
    assert len(clean(standardise(pd.DataFrame(columns=list(TRIP)))).kept) == 0
    nothing = clean(standardise(pd.DataFrame({"other": [1, 2]})))
    assert nothing.reasons == {"pickup_datetime: missing or unreadable": 2}


def test_the_sample_has_bad_rows_of_several_kinds_and_all_are_counted() -> None:
    raw = sample(3000, 5)
    cleaned = clean(standardise(raw))
    assert len(cleaned.kept) + sum(cleaned.reasons.values()) == len(raw)
    assert len(cleaned.reasons) >= 7
    assert 0.01 < len(cleaned.set_aside) / len(raw) < 0.06


def test_text_and_typed_cells_give_the_same_rows() -> None:
    raw = sample(200, 6)
    text = raw.astype(object).where(raw.notna(), "").astype(str)
    pd.testing.assert_frame_equal(standardise(text), standardise(raw))


def test_every_input_has_a_name_in_public_files() -> None:
    assert set(ALIASES) == {*INPUTS, TARGET}
