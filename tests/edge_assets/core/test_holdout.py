import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assets.core.holdout import row_keys, split

COLUMNS = ["a", "b", "c"]
VALUES = st.one_of(st.integers(-(2**40), 2**40).map(float), st.floats(allow_infinity=False))
TABLES = st.lists(st.tuples(VALUES, VALUES, st.sampled_from(["x", "y", "", None])), max_size=40)


def _frame(cells: list[tuple[float, float, str | None]]) -> pd.DataFrame:
    frame = pd.DataFrame(cells, columns=COLUMNS)
    return frame.astype({"a": "float64", "b": "float64", "c": object})


@given(TABLES, st.integers(0, 100))
@settings(max_examples=50, deadline=None)
def test_no_row_is_lost_and_none_doubled(
    cells: list[tuple[float, float, str | None]], seed: int
) -> None:
    rows = _frame(cells)
    train, holdout = split(rows, columns=COLUMNS, share=0.3, seed=seed)
    assert sorted([*train.index, *holdout.index]) == list(rows.index)


@given(TABLES, TABLES)
@settings(max_examples=50, deadline=None)
def test_a_row_stays_on_its_side_whatever_comes_later(
    old: list[tuple[float, float, str | None]], new: list[tuple[float, float, str | None]]
) -> None:
    before = split(_frame(old), columns=COLUMNS, share=0.3, seed=1).holdout
    grown = _frame(old + new)
    shuffled = grown.sample(frac=1, random_state=0)[["c", "a", "b"]]
    after = split(shuffled, columns=["c", "b", "a"], share=0.3, seed=1).holdout
    assert set(before.index) == {i for i in after.index if i < len(old)}


def test_equal_rows_are_on_the_same_side() -> None:
    rows = _frame([(float(i % 50), 0.0, "x") for i in range(500)])
    train, holdout = split(rows, columns=COLUMNS, share=0.5, seed=1)
    assert not set(train["a"]) & set(holdout["a"])
    assert set(train["a"]) | set(holdout["a"]) == set(rows["a"])


def test_a_corrected_target_does_not_move_a_row() -> None:
    rows = _frame([(float(i), 0.0, "x") for i in range(200)])
    changed = rows.assign(b=1.0)
    sides = [split(r, columns=["a", "c"], share=0.5, seed=1).holdout.index for r in (rows, changed)]
    assert sides[0].equals(sides[1])


def test_the_share_is_met_and_a_larger_one_only_adds() -> None:
    rows = pd.DataFrame({"a": np.arange(20_000)})
    small = split(rows, columns=["a"], share=0.2, seed=7).holdout
    large = split(rows, columns=["a"], share=0.3, seed=7).holdout
    assert abs(len(small) / 20_000 - 0.2) < 0.01
    assert set(small.index) < set(large.index)


def test_another_seed_is_another_holdout() -> None:
    rows = pd.DataFrame({"a": np.arange(1000)})
    one, two = (set(split(rows, columns=["a"], share=0.2, seed=s).holdout.index) for s in (1, 2))
    assert abs(len(one & two) - 40) < 25, "as many in both as chance gives"


def test_keys_do_not_change_with_versions() -> None:
    """Were these to change, rows of old holdouts would be trained on."""
    rows = pd.DataFrame(
        {
            "n": [1, 2, -3],
            "x": [0.5, np.nan, 1e300],
            "t": ["a", None, "é"],
            "d": pd.to_datetime(["2016-01-01 00:00:00", "2016-02-29 23:59:59", "NaT"]),
        }
    )
    assert [f"{key:016x}" for key in row_keys(rows, columns=["n", "x", "t", "d"], seed=42)] == KEYS


KEYS = ["74333d00b3e6e42f", "239437714b09d5dc", "ed24ce899b0cbf8e"]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (pd.Series([1, 2]), pd.Series([1.0, 2.0])),
        (pd.Series([1, 2], dtype="int8"), pd.Series([1, 2], dtype="Int64")),
        (pd.Series([0.0]), pd.Series([-0.0])),
        (pd.Series([np.nan]), pd.Series([None], dtype="Float64")),
        (pd.Series(["a", None], dtype=object), pd.Series(["a", None], dtype="string")),
        (pd.Series([True, False]), pd.Series([1, 0])),
        (
            pd.to_datetime(pd.Series(["2016-01-01"])).astype("datetime64[s]"),
            pd.to_datetime(pd.Series(["2016-01-01"])).astype("datetime64[ns]"),
        ),
    ],
)
def test_the_type_of_storage_does_not_matter(left: "pd.Series", right: "pd.Series") -> None:
    keys = [row_keys(pd.DataFrame({"a": s}), columns=["a"]).tolist() for s in (left, right)]
    assert keys[0] == keys[1]


def test_swapped_values_are_another_row() -> None:
    rows = pd.DataFrame({"a": [1, 2], "b": [2, 1]})
    one, two = row_keys(rows, columns=["a", "b"])
    assert one != two


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, 1.5])
def test_refuses_a_share_that_is_none(share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        split(pd.DataFrame({"a": [1]}), columns=["a"], share=share, seed=1)


def test_refuses_missing_columns() -> None:
    with pytest.raises(ValueError, match="no such column: b"):
        row_keys(pd.DataFrame({"a": [1]}), columns=["a", "b"])
    with pytest.raises(ValueError, match="no columns"):
        row_keys(pd.DataFrame({"a": [1]}), columns=[])
