"""Own rows, rows of nobody and rows of others."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assets.core.config_data import Column, Data
from edge_assets.core.where import matches, take, told


def data(where: dict[str, float | int | str], *columns: Column) -> Data:
    inputs = columns or (Column(name="size", datatype="FP32"),)
    return Data(source="made up", landing="shops", columns=inputs, where=where)


@pytest.mark.parametrize(
    ("text", "value", "same"),
    [
        ("7", 7, True),
        (" 7 ", 7, True),
        ("7.0", 7, True),
        ("007", 7, True),
        ("7.5", 7.5, True),
        ("70", 7, False),
        ("seven", 7, False),
        ("nan", 7, False),
        ("12345678901234567", 12345678901234568, False),
        ("7", "7", True),
        ("7.0", "7", True),
        (" 7\t", "7", True),
        ("007", "7", False),
        ("7.5", "7", False),
        ("Widget A", " Widget A ", True),
        ("widget a", "Widget A", False),
        ("1.10", "1.1", False),
    ],
)
def test_a_cell_and_a_value(text: str, value: float | int | str, same: bool) -> None:
    assert matches(text, value) is same


def test_cells_of_csv_and_of_parquet_are_the_same() -> None:
    for cells in (["7", "8", ""], [7, 8, None], [7.0, 8.0, float("nan")]):
        raw = pd.DataFrame({"Product ID": cells, "size": 1.0}, index=[5, 6, 9])
        for value in (7, "7"):
            taken = take(raw, data({"product_id": value}))
            assert list(taken.own.index) == [5]
            assert list(taken.unknown.index) == [9]
            assert taken.unknown["reason"][9] == "product_id: is missing, so it is no model's row"
            assert taken.others == 1


def test_all_columns_must_match_and_one_is_enough_to_be_of_others() -> None:
    raw = pd.DataFrame({"product": ["a", "a", "b", "a", ""], "site": ["x", "y", "", "", "x"]})
    taken = take(raw, data({"product": "a", "site": "x"}))
    assert (list(taken.own.index), list(taken.unknown.index), taken.others) == ([0], [3, 4], 2)
    assert told({"product": "a", "site": 7}) == "product = a, site = 7"


def test_without_where_all_rows_are_its_own() -> None:
    raw = pd.DataFrame({"size": [1.0, 2.0]})
    taken = take(raw, data({}))
    assert taken.own.equals(raw)
    assert (len(taken.unknown), taken.others) == (0, 0)


def test_an_input_is_found_by_its_aliases() -> None:
    column = Column(name="product", datatype="BYTES", aliases=("article",))
    raw = pd.DataFrame({"Article": ["a", "b"]})
    assert list(take(raw, data({"product": "b"}, column)).own.index) == [1]


@given(st.lists(st.sampled_from(["a", "b", "7", "7.0", "", None, " "]), max_size=30))
def test_every_row_is_in_one_part(cells: list[str | None]) -> None:
    raw = pd.DataFrame({"product": pd.Series(cells, dtype=object), "size": 1.0})
    parts = [take(raw, data({"product": value})) for value in ("a", "b", 7)]
    for own, unknown, others in parts:
        assert len(own) + len(unknown) + others == len(raw)
    assert sum(len(part.own) for part in parts) + len(parts[0].unknown) == len(raw)
