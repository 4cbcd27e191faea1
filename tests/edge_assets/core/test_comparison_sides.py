import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edge_assets.core.comparison_sides import (
    agreeing,
    hashes_of,
    labels_of,
    outputs_at,
    side_of,
)
from edge_assets.core.config_data import Column, Data, Prediction
from edge_assets.core.measuring import errors_of_classes
from protos.comparison import input_hashes

FARE = Prediction(asked_for="at the drop-off", target="fare")
WORDS = Prediction(asked_for="now", target="word", kind="classification", classes=("no", "yes"))
DATA = Data(
    source="tests",
    landing="tests",
    columns=(Column(name="distance", datatype="FP32"), Column(name="people", datatype="INT64")),
)


def fare_errors(outputs: Mapping[str, Any], rows: pd.DataFrame) -> Any:
    return np.abs(outputs["fare"].ravel() - rows["fare"].to_numpy(dtype=np.float64))


def word_errors(outputs: Mapping[str, Any], rows: pd.DataFrame) -> Any:
    told, scores = outputs["word"], outputs["probabilities"]
    return errors_of_classes(rows["word"].to_numpy(), told, scores, ("no", "yes"), "brier")


def test_delivered_rows_have_the_hash_of_what_devices_were_asked() -> None:
    rows = pd.DataFrame({"fare": [9.0], "people": [2.0], "distance": [0.1]})
    asked: dict[str, list[Any]] = {"distance": [float(np.float32(0.1))], "people": [2]}
    assert hashes_of(rows, DATA) == input_hashes(asked, 1)
    assert hashes_of(rows[:0], DATA) == []


def test_inputs_with_two_labels_tell_nothing() -> None:
    rows = pd.DataFrame(
        {"distance": [1.0, 1.0, 2.0, 2.0], "people": [1, 1, 1, 1], "fare": [5.0, 6.0, 7.0, 7.0]}
    )
    assert list(labels_of(rows, DATA, FARE).values()) == [7.0]


def test_answers_that_are_no_numbers_are_no_answers() -> None:
    frame = pd.DataFrame({"champion.fare": [1.0, None, "far", [1.0, 2.0], True]}, dtype=object)
    fares = outputs_at(frame, "champion.", FARE)["fare"]
    assert fares.shape == (5, 1)
    assert np.isnan(fares.ravel()).tolist() == [False, True, True, True, True]
    with pytest.raises(ValueError, match="no fare"):
        outputs_at(frame, "candidate.", FARE)


def test_answers_that_were_stored_are_the_same() -> None:
    scores = [[0.25, 0.75], [1.0, 0.0]]
    frame = pd.DataFrame({"output.word": ["yes", "no"], "output.probabilities": scores})
    stored = io.BytesIO()
    frame.to_parquet(stored)
    told = outputs_at(pd.read_parquet(stored), "output.", WORDS)
    assert told["word"].ravel().tolist() == ["yes", "no"]
    assert told["probabilities"].tolist() == scores


def test_a_labelled_row_without_an_answer_has_an_infinite_error() -> None:
    outputs = {"fare": np.array([[4.0], [np.nan], [5.0]])}
    made = side_of(outputs, ["a", "b", "c"], [1.0, 2.0, 3.0], [5.0, 5.0, None], FARE, fare_errors)
    assert made.errors[0] == 1.0
    assert made.errors[1] == np.inf
    assert np.isnan(made.errors[2])


def test_classes_are_judged_by_their_probabilities() -> None:
    outputs = {
        "word": np.array([["yes"], ["no"], ["maybe"]], dtype=object),
        "probabilities": np.array([[0.2, 0.8], [0.9, 0.1], [0.5, 0.5]]),
    }
    made = side_of(outputs, ["a", "b", "c"], [1.0] * 3, ["yes", "yes", "no"], WORDS, word_errors)
    assert made.errors == pytest.approx([0.08, 1.62, np.inf])
    assert made.values[:2].tolist() == [0.8, 0.9]


def test_the_same_answer_is_the_same_class_or_nearly_the_same_number() -> None:
    left = {"fare": np.array([[10.0], [10.0], [0.0], [np.nan]])}
    right = {"fare": np.array([[10.4], [11.0], [0.0], [np.nan]])}
    assert agreeing(left, right, FARE).tolist() == [True, False, True, False]
    assert agreeing(right, left, FARE).tolist() == [True, False, True, False]
    words = [{"word": np.array([["no"], [other]], dtype=object)} for other in ("no", "yes")]
    assert agreeing(words[0], words[1], WORDS).tolist() == [True, False]
