"""What columns are, from their cells."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assets.onboarding.columns import bounds, infer_column


def infer(cells: list[str], header: str = "a"):  # type: ignore[no-untyped-def]
    return infer_column(header, header.lower(), pd.Series(cells, dtype="object"))


@pytest.mark.parametrize(
    ("cells", "header", "why"),
    [
        (["", ""], "a", "empty in every row"),
        (["x"] * 9, "a", "one value only"),
        (["7"] * 9, "a", "one value only"),
        ([str(n) for n in range(30)], "a", "numbers the rows"),
        ([str(n * n) for n in range(30)], "row_id", "numbers the rows"),
        ([f"2026-01-{n:02} 10:00" for n in range(1, 30)], "a", "date or time"),
        ([f"{n}.3.26" for n in range(1, 30)], "a", "date or time"),
        ([f"{n} km" for n in range(60)], "a", "60 different texts"),
        (["5", *[""] * 99], "a", "1 of 100 rows only"),
        (["1e300", "2e300"] * 9, "a", "single precision"),
    ],
)
def test_left_out(cells: list[str], header: str, why: str) -> None:
    draft = infer(cells, header)
    assert draft.column is None
    assert why in draft.why


@pytest.mark.parametrize(
    ("cells", "datatype", "nullable"),
    [
        (["1.5", "2", "3"] * 9, "FP32", False),
        (["1", "2", "9", "30", "47"] * 9, "INT64", False),
        (["1", "2", "", "30", "47"] * 9, "FP32", True),
        (["1", "2", "NA", "30", "47"] * 9, "FP32", True),
        (["100000000", "2", "5", "6", "7"] * 9, "FP32", False),
        (["red", "blue"] * 9, "BYTES", False),
        (["red", "blue", ""] * 9, "BYTES", True),
        (["yes", "No"] * 9, "BOOL", False),
        (["yes", "no", ""] * 9, "BYTES", True),
    ],
)
def test_types(cells: list[str], datatype: str, nullable: bool) -> None:
    column = infer(cells).column
    assert (column.datatype, column.nullable) == (datatype, nullable)


def test_few_whole_numbers_and_texts_are_categories() -> None:
    assert infer(["1", "3"] * 9).column.categories == (1, 3)
    assert infer(["b", "a", ""] * 9).column.categories == ("a", "b")


def test_a_cell_that_is_no_number_is_counted_and_words_for_unknown_are_kept() -> None:
    draft = infer([*[str(n / 7) for n in range(50)], "two", "?"])
    assert (draft.bad, draft.markers, draft.column.nullable) == (1, ("?",), True)


@given(
    st.floats(-1e6, 1e6).map(lambda v: round(v, 4)),
    st.floats(1e-3, 1e6).map(lambda v: round(v, 4)),
    st.booleans(),
)
def test_bounds_hold_what_was_seen_with_a_margin(low: float, spread: float, whole: bool) -> None:
    if whole:
        low, spread = float(math.floor(low)), float(math.ceil(spread))
    high = low + spread
    least, most = bounds(low, high, whole=whole)
    assert least <= low
    assert high <= most
    assert least >= 0 or low < 0
    assert most <= 0 or high > 0
    if high > 0:
        assert most - high >= 0.2 * spread
    assert not whole or (isinstance(least, int) and isinstance(most, int))
