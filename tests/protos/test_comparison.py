import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protos.comparison import input_hashes

_CELL = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.text(max_size=8),
)


@given(st.lists(_CELL, min_size=1, max_size=6), st.lists(_CELL, min_size=1, max_size=6))
def test_a_row_has_the_hash_that_it_has_alone(first: list[object], second: list[object]) -> None:
    rows = min(len(first), len(second))
    columns = {"b": second[:rows], "a": first[:rows]}
    together = input_hashes(columns, rows)
    for row in range(rows):
        alone = {name: values[row : row + 1] for name, values in sorted(columns.items())}
        assert input_hashes(alone, 1) == [together[row]]


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, 1.0), (0.0, -0.0), (None, math.nan), (True, 1), (None, math.inf)],
)
def test_one_value_written_in_two_ways_is_one_value(one: object, other: object) -> None:
    assert input_hashes({"a": [one]}, 1) == input_hashes({"a": [other]}, 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": [1], "b": [2]}, {"a": [2], "b": [1]}),
        ({"a": [1]}, {"b": [1]}),
        ({"a": ["1"]}, {"a": [1]}),
        ({"a": [""]}, {"a": [None]}),
        ({"a": [1, 2], "b": [3]}, {"a": [1], "b": [2, 3]}),
        ({"a": [2**53 + 1]}, {"a": [2**53 + 2]}),
    ],
)
def test_different_inputs_have_different_hashes(
    one: dict[str, list[object]], other: dict[str, list[object]]
) -> None:
    assert input_hashes(one, 1) != input_hashes(other, 1)


@pytest.mark.parametrize(("values", "rows"), [([], 1), ([1, 2, 3], 2), ([1], 0)])
def test_half_rows_are_refused(values: list[object], rows: int) -> None:
    with pytest.raises(ValueError, match="values for"):
        input_hashes({"a": values}, rows)
