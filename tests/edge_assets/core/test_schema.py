"""What pandera refuses of prepared rows is set aside; what no row is to blame for is an error."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from edge_assets.core.config_data import Data, Prediction
from edge_assets.core.prepared import REASON, Prepared
from edge_assets.core.schema import check_schema, dtype_of

DATA = Data.model_validate(
    {
        "source": "made up",
        "landing": "made_up",
        "columns": [
            {"name": "a", "datatype": "FP32", "minimum": -0.7, "maximum": 0.1, "nullable": True},
            {"name": "b", "datatype": "FP64"},
            {"name": "n", "datatype": "INT64", "categories": [1, 99]},
            {"name": "kind", "datatype": "BYTES", "categories": ["steel"], "max_length": 8},
        ],
    }
)
NUMBER = Prediction(asked_for="in a test", target="y")
LABEL = Prediction(asked_for="in a test", target="y", kind="classification", classes=("x", "z"))


def rows(**columns: Any) -> pd.DataFrame:
    size = max([len(values) for values in columns.values()], default=2)
    plain: dict[str, Any] = {
        "a": np.full(size, 0.05, np.float32),
        "b": np.ones(size),
        "n": np.ones(size, np.int64),
        "kind": np.array(["steel"] * size, object),
        "y": np.zeros(size),
    }
    return pd.DataFrame({**plain, **columns}, index=range(10, 10 + size))


def checked(frame: pd.DataFrame, prediction: Prediction = NUMBER) -> Prepared:
    return check_schema(Prepared(frame, frame.iloc[:0].assign(reason="")), DATA, prediction)


def test_good_rows_are_left_as_they_are() -> None:
    frame = rows(a=np.array([np.nan, 0.1, -0.7], np.float32))
    made = checked(frame)
    assert made.set_aside.empty
    pd.testing.assert_frame_equal(made.kept, frame)


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("a", np.array([0.0, 0.11], np.float32), "a: above 0.1"),
        ("a", np.array([0.0, -0.71], np.float32), "a: below -0.7"),
        ("b", np.array([0.0, np.nan]), "b: is missing"),
        ("b", np.array([0.0, np.inf]), "b: not finite"),
        ("n", np.array([99, 98]), "n: none of the categories"),
        ("kind", np.array(["steel", ""], object), "kind: none of the categories"),
        ("y", np.array([0.0, np.nan]), "y: is missing"),
        ("y", np.array([0.0, np.inf]), "y: not finite"),
    ],
)
def test_a_row_that_does_not_fit_is_set_aside(column: str, values: Any, told: str) -> None:
    made = checked(rows(**{column: values}))
    assert list(made.kept.index) == [10]
    assert made.set_aside[REASON].to_dict() == {11: told}


def test_of_several_reasons_one_is_told_and_earlier_ones_stay() -> None:
    frame = rows(b=np.array([np.nan, 1.0, 1.0]), n=np.array([5, 5, 1]))
    before = frame.iloc[[0]].rename(index={10: 3}).assign(**{REASON: "before"})
    made = check_schema(Prepared(frame, before), DATA, NUMBER)
    assert list(made.kept.index) == [12]
    assert made.set_aside[REASON].to_dict() == {
        3: "before",
        10: "b: is missing",
        11: "n: none of the categories",
    }


def test_classes() -> None:
    made = checked(rows(y=np.array(["x", "z", "q"], object)), LABEL)
    assert made.set_aside[REASON].to_dict() == {12: "y: no known class"}


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (rows().drop(columns="b"), r"there is no column b\."),
        (rows(b=np.array([1, 2])), "column b has the type int64, declared is float64"),
        (rows(n=np.array([1.0, 99.0])), "column n has the type float64, declared is int64"),
        (rows().rename(columns={"b": "B b"}), "there is no column b; not declared are B b"),
        (rows().drop(columns="y"), r"there is no column y\."),
    ],
)
def test_a_column_that_no_row_is_to_blame_for_is_an_error(frame: pd.DataFrame, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        checked(frame)


def test_other_columns_may_be_there() -> None:
    assert checked(rows(extra=np.array(["p", "q"], object))).set_aside.empty


def test_texts_and_images_are_objects() -> None:
    assert [dtype_of(word) for word in ("BYTES", "FP32", "BOOL", "UINT8")] == [
        "object",
        "float32",
        "bool",
        "uint8",
    ]
