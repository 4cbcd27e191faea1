"""Raw cells as the columns that model.yaml declares: every row once, kept as it is or set aside."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assets.core.config_data import Column, Data, Prediction
from edge_assets.core.prepared import REASON, Prepared, divide
from edge_assets.core.preparing import plain, prepare_table, required_of
from edge_assets.core.schema import check_schema, dtype_of

COLUMNS: tuple[dict[str, Any], ...] = (
    {"name": "size", "datatype": "FP32", "nullable": True, "aliases": ["tool_size"]},
    {"name": "weight", "datatype": "FP64"},
    {"name": "count", "datatype": "INT64", "minimum": -5, "maximum": 5},
    {"name": "small", "datatype": "UINT8"},
    {"name": "id", "datatype": "INT32"},
    {"name": "worn", "datatype": "BOOL"},
    {"name": "kind", "datatype": "BYTES", "nullable": True, "categories": ["steel", "brass"]},
    {"name": "note", "datatype": "BYTES", "max_length": 10},
)
GOOD = {
    "size": "1.5",
    "weight": "2",
    "count": "-3",
    "small": "255",
    "id": "7",
    "worn": "yes",
    "kind": "steel",
    "note": "old",
    "y": "20.5",
}


def data_of(*columns: dict[str, Any], **more: Any) -> Data:
    return Data.model_validate(
        {"source": "made up", "landing": "made_up", "columns": list(columns or COLUMNS), **more}
    )


NUMBER = Prediction(asked_for="in a test", target="y")
LABEL = Prediction(asked_for="in a test", target="y", kind="classification", classes=(1, 2))
TEXT = Prediction(asked_for="in a test", target="y", kind="classification", classes=("a", "b"))


def prepared(rows: list[dict[str, Any]], prediction: Prediction = NUMBER, **more: Any) -> Prepared:
    raw = pd.DataFrame([{**GOOD, **row} for row in rows], dtype=object)
    data = data_of(**more)
    return check_schema(prepare_table(raw, data, prediction), data, prediction)


def reason(prediction: Prediction = NUMBER, **cells: Any) -> str:
    """Why a row with these cells is set aside; empty if it is kept."""
    made = prepared([cells], prediction)
    assert len(made.kept) + len(made.set_aside) == 1
    return "" if made.set_aside.empty else str(made.set_aside[REASON].iloc[0])


def test_texts_become_what_is_declared() -> None:
    kept = prepared([{}]).kept
    assert {str(n): str(t) for n, t in kept.dtypes.items()} == {
        **{c["name"]: dtype_of(c["datatype"]) for c in COLUMNS},
        "y": "float64",
    }
    assert kept.iloc[0].to_dict() == {
        "size": 1.5,
        "weight": 2.0,
        "count": -3,
        "small": 255,
        "id": 7,
        "worn": True,
        "kind": "steel",
        "note": "old",
        "y": 20.5,
    }


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"weight": ""}, "weight: is missing"),
        ({"weight": None}, "weight: is missing"),
        ({"weight": "heavy"}, "weight: no number"),
        ({"weight": "nan"}, "weight: no number"),
        ({"weight": "inf"}, "weight: no number"),
        ({"size": "1e300"}, "size: not within FP32"),
        ({"count": "2.5"}, "count: no whole number"),
        ({"count": "6"}, "count: above 5"),
        ({"count": "-6"}, "count: below -5"),
        ({"small": "256"}, "small: not within UINT8"),
        ({"small": "-1"}, "small: not within UINT8"),
        ({"id": "2147483648"}, "id: not within INT32"),
        ({"id": str(10**30)}, "id: not within INT32"),
        ({"worn": "perhaps"}, "worn: neither true nor false"),
        ({"worn": " "}, "worn: is missing"),
        ({"kind": "gold"}, "kind: none of the categories"),
        ({"note": ""}, "note: is missing"),
        ({"note": "x" * 11}, "note: longer than 10 characters"),
        ({"y": ""}, "y: is missing"),
        ({"y": "-inf"}, "y: no number"),
        ({"weight": "", "y": ""}, "weight: is missing"),
    ],
    ids=str,
)
def test_a_cell_that_cannot_be_used_sets_its_row_aside(cells: dict[str, Any], told: str) -> None:
    assert reason(**cells) == told


@pytest.mark.parametrize(
    "cells",
    [
        {"size": ""},
        {"kind": ""},
        {"count": "5.0"},
        {"count": 5},
        {"weight": " 2 "},
        {"worn": False},
        {"worn": "F"},
        {"worn": 1.0},
        {"note": "x" * 10},
        {"note": 12},
    ],
    ids=str,
)
def test_a_cell_that_can_be_used_is(cells: dict[str, Any]) -> None:
    assert reason(**cells) == ""


def test_what_is_unknown_is_nan_or_empty() -> None:
    kept = prepared([{"size": "", "kind": None}]).kept.iloc[0]
    assert math.isnan(kept["size"])
    assert kept["kind"] == ""


@pytest.mark.parametrize(
    ("prediction", "good", "bad"), [(LABEL, "2.0", "3"), (TEXT, " a ", "c"), (LABEL, 1, "1.5")]
)
def test_a_label_must_be_a_known_class(prediction: Prediction, good: Any, bad: Any) -> None:
    assert reason(prediction, y=good) == ""
    assert reason(prediction, y=bad).startswith("y: no ")
    assert reason(prediction, y="") == "y: is missing"


def test_names_are_known_whatever_their_case_and_by_their_aliases() -> None:
    raw = pd.DataFrame([{"Tool Size": "4", "WEIGHT": "1", "label": "3"}], dtype=object)
    data = data_of(*COLUMNS[:2], target_aliases=["label"])
    kept = prepare_table(raw, data, NUMBER).kept
    assert kept.iloc[0].to_dict() == {"size": 4.0, "weight": 1.0, "y": 3.0}
    assert plain(" Tool_Size") == "toolsize"
    assert required_of(data, NUMBER) == (("size", "tool_size"), ("weight",), ("y", "label"))
    assert required_of(data_of(required=[["weight"]]), NUMBER) == (("weight",),)


def test_the_first_cell_that_is_filled_counts() -> None:
    raw = pd.DataFrame(
        {"size": ["", "1"], "tool_size": ["2", "9"], "weight": ["1", "1"], "y": ["0", "0"]},
        dtype=object,
    )
    kept = prepare_table(raw, data_of(*COLUMNS[:2]), NUMBER).kept
    assert kept["size"].tolist() == [2.0, 1.0]


def test_a_column_that_is_not_there_is_missing_in_every_row() -> None:
    raw = pd.DataFrame({"size": ["1", "2"], "y": ["0", "0"]}, dtype=object)
    made = prepare_table(raw, data_of(*COLUMNS[:2]), NUMBER)
    assert made.reasons == {"weight: is missing": 2}


def test_no_rows_are_no_rows() -> None:
    raw = pd.DataFrame({name: pd.Series([], dtype=object) for name in GOOD})
    data = data_of()
    made = check_schema(prepare_table(raw, data, NUMBER), data, NUMBER)
    assert (len(made.kept), len(made.set_aside), made.reasons) == (0, 0, {})
    assert str(made.kept["count"].dtype) == "int64"


def test_reasons_are_counted_most_frequent_first() -> None:
    rows = pd.DataFrame({"a": range(5)}, index=[10, 11, 12, 13, 14])
    made = divide(rows, pd.Series(["", "x", "y", "y", ""], index=rows.index))
    assert list(made.kept.index) == [10, 14]
    assert list(made.reasons.items()) == [("y", 2), ("x", 1)]


cell = st.one_of(
    st.none(),
    st.text(max_size=6),
    st.floats(),
    st.integers(-(10**20), 10**20),
    st.integers(-300, 300),
    st.booleans(),
    st.sampled_from(["1", " 2.0", "1e400", "9007199254740993", "0x10", "nan", "NA", "1_000"]),
)


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(GOOD, cell)), min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_whatever_comes_each_row_is_kept_as_it_is_or_set_aside(rows: list[dict[str, Any]]) -> None:
    made = prepared(rows)
    assert sorted([*made.kept.index, *made.set_aside.index]) == list(range(len(rows)))
    assert (made.set_aside[REASON] != "").all() if len(made.set_aside) else True
    for place, row in made.kept.iterrows():
        assert isinstance(place, int)
        for name in ("count", "small", "id"):
            assert float(rows[place][name]) == row[name]
        assert np.isfinite(row["weight"])
        assert not np.isinf(row["size"])


@given(st.integers(-(2**62), 2**62))
@settings(max_examples=60, deadline=None)
def test_an_integer_is_kept_exactly_or_not_at_all(number: int) -> None:
    data = data_of(Column(name="n", datatype="INT64").model_dump())
    made = prepare_table(pd.DataFrame({"n": [str(number)], "y": ["0"]}), data, NUMBER)
    assert [int(n) for n in made.kept["n"]] in ([number], [])
    assert len(made.kept) == (abs(number) < 2**53)
