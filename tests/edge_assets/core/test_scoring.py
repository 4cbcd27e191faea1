"""Every raw row has one row of scores, and is rejected for its inputs only."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assets.core.config_data import Prediction
from edge_assets.core.prepared import Prepared, divide
from edge_assets.core.scoring import align, prepare_to_score, summary, usual_labels

FARE = Prediction(asked_for="now", target="fare")
WORDS = Prediction(asked_for="now", target="word", kind="classification", classes=("no", "yes"))


def prepare(raw: pd.DataFrame) -> Prepared:
    """As models do it: rules about inputs, about the label, about both, and about other rows."""
    reasons = pd.Series("", index=raw.index)
    distance = pd.to_numeric(raw["distance"], errors="coerce")
    fare = pd.to_numeric(raw["fare"], errors="coerce")
    rules = {
        "distance: missing": distance.isna(),
        "fare: missing": fare.isna(),
        "fare: too high": fare > 250,
        "fare a mile: not believable": fare / distance > 50,
        "came before": raw["distance"].duplicated(),
    }
    for reason, broken in rules.items():
        reasons = reasons.mask((reasons == "") & broken, reason)
    return divide(pd.DataFrame({"distance": distance, "fare": fare}, index=raw.index), reasons)


def usable(raw: pd.DataFrame, labels: tuple[float, ...] = (10.0, 2.0)) -> tuple[list[int], object]:
    names = [name for name in raw.columns if name in ("fare", "fareAmount")]
    made = prepare_to_score(raw, prepare, "fare", names, labels)
    assert made.kept.index.is_monotonic_increasing
    return made.kept.index.tolist(), made.reasons


def test_rows_without_a_label_are_scored() -> None:
    assert usable(pd.DataFrame({"distance": [1, 2, 3]})) == ([0, 1, 2], {})


def test_a_bad_label_does_not_matter_and_a_bad_input_does() -> None:
    raw = pd.DataFrame({"distance": [1, None, 3, 4], "fare": [5, 5, 9999, None]})
    assert usable(raw) == ([0, 2, 3], {1: "distance: missing"})


def test_a_row_that_does_not_suit_one_label_is_tried_with_another() -> None:
    assert usable(pd.DataFrame({"distance": [0.1, 5.0]})) == ([0, 1], {})
    kept, reasons = usable(pd.DataFrame({"distance": [0.1, 5.0]}), (10.0,))
    assert (kept, reasons) == ([1], {0: "fare a mile: not believable"})


def test_its_own_label_is_tried_first() -> None:
    raw = pd.DataFrame({"distance": [0.001], "fare": [0.01]})
    assert usable(raw) == ([0], {})


def test_rows_that_come_twice_are_scored_twice() -> None:
    assert usable(pd.DataFrame({"distance": [1, 2, 1, 1]})) == ([0, 1, 2, 3], {})


def test_other_names_of_the_label_do_not_stay_beside_it() -> None:
    seen = []

    def noting(raw: pd.DataFrame) -> Prepared:
        seen.append(list(raw.columns))
        return prepare(raw.rename(columns={"fareAmount": "fare"}))

    raw = pd.DataFrame({"distance": [1, 2], "fareAmount": [9999, 9999]})
    made = prepare_to_score(raw, noting, "fare", ["fareAmount"], [10.0])
    assert made.kept["fare"].tolist() == [10.0, 10.0]
    assert seen == [["distance", "fareAmount"], ["distance", "fare"]]


@given(st.lists(st.sampled_from([None, 0.001, 1.0, 2.0, 3.0, "x"]), min_size=1, max_size=30))
def test_every_row_is_kept_or_has_a_reason(distances: list[object]) -> None:
    raw = pd.DataFrame({"distance": distances}, dtype=object)
    made = prepare_to_score(raw, prepare, "fare", [], [10.0])
    assert sorted([*made.kept.index, *made.reasons]) == list(range(len(raw)))


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_scores_stand_in_the_rows_they_belong_to(good: list[bool]) -> None:
    places = np.flatnonzero(good)[::-1]  # in any order
    reasons = {row: f"reason {row}" for row, fine in enumerate(good) if not fine}
    made = align(len(good), places, {"fare": (10.0 * places).reshape(-1, 1)}, reasons, FARE)
    assert made["row"].tolist() == list(range(len(good)))
    for row, fine in enumerate(good):
        assert made.loc[row, "rejected"] == ("" if fine else f"reason {row}")
        fare = float(made["fare"].iloc[row])
        assert fare == 10.0 * row if fine else np.isnan(fare)


@pytest.mark.parametrize(
    ("places", "reasons"), [([0, 1], {}), ([0, 1], {1: "a"}), ([0, 0], {2: "a"}), ([3], {0: "a"})]
)
def test_a_row_without_or_with_two_outcomes_is_refused(
    places: list[int], reasons: dict[int, str]
) -> None:
    outputs = {"fare": np.zeros((len(places), 1))}
    with pytest.raises(ValueError, match="are not 3 rows"):
        align(3, np.array(places), outputs, reasons, FARE)


def test_probabilities_have_a_column_for_each_class() -> None:
    outputs = {
        "word": np.array([["yes"], ["no"]], dtype=object),
        "probabilities": np.array([[0.25, 0.75], [0.5, 0.5]], dtype=np.float32),
        "length": np.array([[3], [4]], dtype=np.int64),
        "box": np.zeros((2, 2, 2)),
    }
    paths = pd.DataFrame({"path": ["a", "b", "c"]})
    made = align(3, np.array([0, 2]), outputs, {1: "broken"}, WORDS, paths)
    assert made.columns.tolist() == [
        *("row", "path", "word", "probabilities.no", "probabilities.yes", "length"),
        *("box.0", "box.1", "box.2", "box.3", "rejected"),
    ]
    assert made["word"].tolist() == ["yes", None, "no"]
    assert made["length"].isna().tolist() == [False, True, False]
    assert made["length"].dtype == "Int64"
    assert summary(made, WORDS) == {
        "rows": 3,
        "scored": 2,
        "rejected": 1,
        "reasons": {"broken": 1},
        "classes": {"no": 1, "yes": 1},
    }


def test_nothing_scored_is_told_as_such() -> None:
    made = align(2, np.zeros(0, np.int64), {"fare": np.zeros((0, 1))}, {0: "a", 1: "a"}, FARE)
    counted = summary(made, FARE)
    assert (counted["scored"], counted["mean"], counted["reasons"]) == (0, None, {"a": 2})


def test_usual_labels_are_labels_that_rows_had() -> None:
    fares = pd.Series([1.0, 2.0, 3.0, 4.0, np.nan])
    assert set(usual_labels(fares)) <= {1.0, 2.0, 3.0, 4.0}
    assert usual_labels(pd.Series(["b", "a", "b"])) == ["b", "a"]
    with pytest.raises(ValueError, match="no labels"):
        usual_labels(pd.Series([np.nan]))
