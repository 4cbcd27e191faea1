"""Which values of a column get a model, and what it is called."""

import pandas as pd
import pytest

from edge_assets.onboarding.siblings import MAX_SIBLINGS, find_siblings
from protos.errors import ConfigurationError


def table(**rows: int) -> pd.DataFrame:
    """As many rows of each product as are asked for; cells are text."""
    return of(rows)


def of(rows: dict[str, int]) -> pd.DataFrame:
    product = [name for name, count in rows.items() for _ in range(count)]
    return pd.DataFrame({"product": product, "sold": ["1"] * len(product)}, dtype=object)


def refused(rows: pd.DataFrame, column: str = "product", *, leave_out: bool = False) -> str:
    with pytest.raises(ConfigurationError) as caught:
        find_siblings("demand", rows, column, "sold", leave_out=leave_out)
    assert caught.value.why
    assert caught.value.remedy
    return str(caught.value)


def test_values_become_names() -> None:
    found = find_siblings(
        "demand", of({"7": 50, "Widget A": 60, "Größe": 50, "": 3}), "product", "sold",
        leave_out=False,
    )  # fmt: skip
    assert found.values == {
        "demand_7": "7",
        "demand_grosse": "Größe",
        "demand_widget_a": "Widget A",
    }
    assert (found.few, found.empty) == ({}, 3)


def test_few_rows_are_listed_or_left_out() -> None:
    rows = table(bolt=50, nut=49, pin=1)
    message = refused(rows)
    assert "2 of 3 values of 'product' have too few rows" in message
    assert "rows of 'nut' 49, 'pin' 1; a model needs 50" in message
    assert "--leave-out-few" in message
    found = find_siblings("demand", rows, "product", "sold", leave_out=True)
    assert found.values == {"demand_bolt": "bolt"}
    assert found.few == {"nut": 49, "pin": 1}
    assert "no value of 'product' has enough rows" in refused(table(nut=9), leave_out=True)
    assert "every row is empty there" in refused(of({"": 60}))


def test_more_than_can_be_looked_after_are_refused() -> None:
    rows = of({f"p{number}": 50 for number in range(MAX_SIBLINGS + 1)})
    assert "has 51 different values" in refused(rows)
    assert "at most 50 models" in refused(rows)
    fewer = pd.concat([rows[rows["product"] != "p0"], of({"p0": 49})])
    found = find_siblings("demand", fewer, "product", "sold", leave_out=True)
    assert len(found.values) == MAX_SIBLINGS


@pytest.mark.parametrize(
    ("one", "other", "name"),
    [("bolt 1", "Bolt-1", "demand_bolt_1"), ("7", "7.0", "demand_7"), ("-5", "5", "demand_5")],
)
def test_two_values_of_one_name_are_refused(one: str, other: str, name: str) -> None:
    message = refused(of({one: 50, other: 50}))
    assert repr(one) in message
    assert repr(other) in message
    assert f"make one model: both are called {name}" in message


@pytest.mark.parametrize(("value", "why"), [("日本", "is left"), ("x" * 40, "is too long")])
def test_a_value_that_makes_no_name_is_refused(value: str, why: str) -> None:
    message = refused(of({value: 50, "bolt": 50}))
    assert "makes no name of a model" in message
    assert why in message


def test_the_column_must_be_there_and_not_be_the_target() -> None:
    assert "there is no column 'article'" in refused(table(bolt=50), "article")
    assert "is the target" in refused(table(bolt=50), "sold")
