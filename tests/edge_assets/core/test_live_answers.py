from typing import Any

import numpy as np
import pandas as pd
import pytest

from edge_assets.core.comparison_sides import hashes_of
from edge_assets.core.config_data import Column, Data, Prediction
from edge_assets.core.live_answers import by_device, each_once, labelled_answers

OURS, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
FARE = Prediction(asked_for="at the drop-off", target="fare")
DATA = Data(
    source="tests",
    landing="tests",
    columns=(
        Column(name="distance", datatype="FP32", nullable=True),
        Column(name="people", datatype="INT64"),
    ),
)


def captured(**changes: Any) -> pd.DataFrame:
    """Three rows that one device was asked in one request."""
    known = {
        "device": ["line-1"] * 3,
        "request_id": ["q"] * 3,
        "row": [0, 1, 2],
        "model_digest": [OURS] * 3,
        "input.distance": [0.1, 2.0, None],
        "input.people": [1, 2, 3],
        "output.fare": [5.0, 6.0, 7.0],
    }
    return pd.DataFrame({**known, **changes})


def labels(*rows: tuple[float, int, float]) -> dict[str, float]:
    table = pd.DataFrame(rows, columns=["distance", "people", "fare"])
    return dict(zip(hashes_of(table, DATA), table["fare"], strict=True))


TRUTH = labels((0.1, 1, 5.5), (float("nan"), 3, 9.0), (8.0, 8, 8.0))


def found_in(frame: pd.DataFrame, data: Data = DATA) -> pd.DataFrame:
    return labelled_answers(frame, OURS, TRUTH, data, FARE)


def test_answers_meet_the_label_of_their_inputs() -> None:
    rows = found_in(captured())
    assert rows["row"].tolist() == [0, 2]
    assert rows["label"].tolist() == [5.5, 9.0]
    assert rows["output.fare"].tolist() == [5.0, 7.0]
    assert set(rows["input"]) <= set(TRUTH)
    assert not [name for name in rows if str(name).startswith("input.")]


def test_answers_of_another_artifact_are_not_its_own() -> None:
    rows = found_in(captured(model_digest=[OTHER, OURS, OURS]))
    assert rows["row"].tolist() == [2]


def test_an_input_that_a_device_left_out_has_no_label_and_spoils_nothing() -> None:
    assert found_in(captured(**{"input.people": [1, None, None]}))["row"].tolist() == [0]


@pytest.mark.parametrize("column", ["input.people", "output.fare"])
def test_answers_of_a_time_with_other_columns_have_no_label(column: str) -> None:
    assert len(found_in(captured().drop(columns=column))) == 0


def test_images_have_no_label() -> None:
    images = Data(
        source="tests",
        landing="tests",
        kind="images",
        columns=(Column(name="image", datatype="UINT8", shape=(-1, -1, 3)),),
    )
    frame = captured(**{"input.image": [b"a", b"b", b"c"]})
    assert len(labelled_answers(frame, OURS, TRUTH, images, FARE)) == 0


def test_what_a_device_was_asked_again_counts_once() -> None:
    again = captured(request_id=["later"] * 3)
    elsewhere = captured(device=["line-2"] * 3)
    rows = each_once([found_in(captured()), found_in(again), found_in(elsewhere)])
    assert rows["device"].tolist() == ["line-1", "line-1", "line-2", "line-2"]
    assert set(rows["request_id"]) == {"q"}
    assert list(each_once([]).columns) == ["device", "request_id", "row", "input", "label"]


def test_the_device_with_the_largest_error_comes_first() -> None:
    rows = pd.DataFrame({"device": ["a", "b", "a", "c", "b"]})
    told = by_device(rows, np.array([1.0, 5.0, 2.0, np.inf, np.inf]))
    assert told == [
        {"device": "b", "rows": 2, "unanswered": 1, "error": 5.0},
        {"device": "a", "rows": 2, "unanswered": 0, "error": 1.5},
        {"device": "c", "rows": 1, "unanswered": 1, "error": None},
    ]
