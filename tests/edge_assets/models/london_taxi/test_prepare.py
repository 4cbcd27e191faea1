from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assets.core.folders import SHIPPED
from edge_assets.core.prepared import Prepared
from edge_assets.edge_model import EdgeModel
from edge_assets.features.taxi_trips.columns import FLOATS
from edge_assets.models.london_taxi.columns import ALIASES, INPUTS, LONDON, TARGET
from edge_assets.models.london_taxi.prepare import clean, standardise
from edge_assets.models.london_taxi.sample import sample

TRIP: dict[str, Any] = {
    "booking_ref": "LT00000001",
    "journey_start": "2017-06-05T12:00:00",
    "journey_end": "2017-06-05T12:12:00",
    "distance_miles": "1.9",
    "pickup_lon": "-0.134",
    "pickup_lat": "51.51",
    "dropoff_lon": "-0.09",
    "dropoff_lat": "51.514",
    "passengers": "1",
    "tariff": "1",
    "hailed": "yes",
    "payment": "card",
    "fare_gbp": "10.40",
    "tip_gbp": "1.00",
}
EDGE_MODEL = EdgeModel.load(SHIPPED / "london_taxi")


def _prepared(**changes: Any) -> Prepared:
    made = EDGE_MODEL.prepare(pd.DataFrame([{**TRIP, **changes}]))
    assert len(made.kept) + len(made.set_aside) == 1
    return made


def test_a_good_row_is_kept_in_the_types_of_the_contract() -> None:
    kept = _prepared().kept
    assert list(kept.columns) == [*INPUTS, TARGET]
    assert {n: str(kept[n].dtype) for n in INPUTS} == {
        n: "float32" if n in FLOATS else "int64" for n in INPUTS
    }
    row = kept.iloc[0]
    assert row["pickup_datetime"] == pd.Timestamp("2017-06-05 12:00:00").timestamp()
    assert row["dropoff_datetime"] - row["pickup_datetime"] == 720
    assert (row["tariff"], row["hailed"], row["fare"]) == (1, 1, 10.4)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"journey_end": ""}, "dropoff_datetime: missing or unreadable"),
        ({"journey_start": "5 June, noon"}, "pickup_datetime: missing or unreadable"),
        ({"journey_start": "2017-06-05T12:00:00+01:00"}, "pickup_datetime: missing or unreadable"),
        ({"journey_start": "2009-12-31T10:00:00"}, "pickup_datetime: out of range"),
        ({"journey_end": "2017-06-05T11:00:00"}, "dropoff not after pickup"),
        ({"journey_end": "2017-06-05T16:00:01"}, "duration: too long"),
        ({"distance_miles": "0"}, "distance: not above 0"),
        ({"distance_miles": "3057.8"}, "distance: too long"),
        ({"distance_miles": "1,9"}, "distance: missing or unreadable"),
        ({"distance_miles": "16"}, "speed: not believable"),
        ({"fare_gbp": "-10.40"}, "fare: not above 0"),
        ({"fare_gbp": "1040"}, "fare: too high"),
        ({"fare_gbp": "£10.40"}, "fare: missing or unreadable"),
        ({"pickup_lon": "51.51", "pickup_lat": "-0.134"}, "pickup_longitude: out of the city"),
        ({"dropoff_lat": "51.70"}, "dropoff_latitude: out of the city"),
        ({"dropoff_lat": "north"}, "dropoff_latitude: missing or unreadable"),
        ({"tariff": ""}, "tariff: missing or unreadable"),
        ({"tariff": "0"}, "tariff: none of the categories"),
        ({"tariff": "4"}, "tariff: none of the categories"),
        ({"tariff": "1.5"}, "tariff: not a whole number"),
        ({"tariff": "1e300"}, "tariff: not a whole number"),
        ({"hailed": "perhaps"}, "hailed: missing or unreadable"),
        ({"hailed": ""}, "hailed: missing or unreadable"),
        ({"passengers": "55"}, "passengers: above 8"),
        ({"passengers": "-1"}, "passengers: below 0"),
    ],
)
def test_a_bad_row_is_set_aside_with_its_reason(changes: dict[str, str], reason: str) -> None:
    assert _prepared(**changes).reasons == {reason: 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"fare_gbp": "300"},
        {"journey_end": "2017-06-05T16:00:00"},
        {"journey_start": "2017-06-05 12:00"},
        {"passengers": "0"},
        {"passengers": ""},
        {"passengers": "8"},
        {"tariff": "3"},
        {"hailed": "No"},
        {"dropoff_lat": "51.69"},
        {"pickup_lon": "-0.51"},
        {"distance_miles": "0.01"},
    ],
)
def test_rows_on_the_bounds_are_kept(changes: dict[str, str]) -> None:
    assert len(_prepared(**changes).kept) == 1


@pytest.mark.parametrize("position", [("0", "0"), ("-0.134", "0"), ("", ""), ("-0.134", "")])
def test_a_position_without_a_fix_is_unknown(position: tuple[str, str]) -> None:
    kept = _prepared(pickup_lon=position[0], pickup_lat=position[1]).kept
    assert kept[["pickup_longitude", "pickup_latitude"]].isna().all(axis=None)
    assert kept["dropoff_longitude"].notna().all()


def test_greenwich_is_a_place() -> None:
    """Longitude 0 means nowhere in New York; here it is a street."""
    assert LONDON.on_the_zero_meridian
    row = _prepared(pickup_lon="0.0", pickup_lat="51.478").kept.iloc[0]
    assert (row["pickup_longitude"], row["pickup_latitude"]) == (0.0, np.float32(51.478))


CELLS = st.sampled_from(["", "0", "1", "-5", "51.5", "-0.1", "1e9", "1e300", "NaN", "inf", "x"])
TIMES = st.sampled_from(["2017-06-05T12:00:00", "2017-06-05T12:30:00", "", "noon", "2017-13-01"])


@given(
    st.lists(
        st.fixed_dictionaries({n: TIMES if "journey" in n else CELLS for n in TRIP}), max_size=8
    ),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_no_row_is_lost_whatever_it_holds(cells: list[dict[str, str]], odd_index: bool) -> None:
    raw = pd.DataFrame(cells, columns=list(TRIP))
    if odd_index:
        raw.index = pd.Index([7] * len(raw))
    kept, set_aside = clean(standardise(raw))
    assert sorted([*kept.index, *set_aside.index]) == sorted(raw.index)
    assert (set_aside["reason"] != "").all()
    assert np.isfinite(kept[["distance", "fare"]].to_numpy(dtype=float)).all()


def test_an_empty_table_and_one_without_any_known_column() -> None:
    assert len(EDGE_MODEL.prepare(pd.DataFrame(columns=list(TRIP))).kept) == 0
    nothing = EDGE_MODEL.prepare(pd.DataFrame({"other": [1, 2]}))
    assert nothing.reasons == {"pickup_datetime: missing or unreadable": 2}


def test_the_sample_has_bad_rows_of_every_kind_and_all_are_counted() -> None:
    raw = sample(4000, 5)
    made = EDGE_MODEL.prepare(raw)
    assert len(made.kept) + sum(made.reasons.values()) == len(raw)
    assert len(made.reasons) == 9
    assert 0.01 < len(made.set_aside) / len(raw) < 0.06


def test_text_and_typed_cells_give_the_same_rows() -> None:
    raw = sample(200, 6)
    text = raw.astype(object).where(raw.notna(), "").astype(str)
    pd.testing.assert_frame_equal(standardise(text), standardise(raw))


def test_every_input_can_be_found_in_the_export() -> None:
    assert set(ALIASES) == {*INPUTS, TARGET}
    assert {alias for names in ALIASES.values() for alias in names} <= set(sample(1, 1).columns)
