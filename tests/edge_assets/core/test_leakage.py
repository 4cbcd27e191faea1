import numpy as np
import pandas as pd
import pytest

from edge_assets.core.leakage import Finding, explained_alone, find_leakage

RNG = np.random.default_rng(1)


def _rows(count: int, first: int) -> pd.DataFrame:
    miles = RNG.exponential(2.0, count)
    fare = 2.5 + 2.5 * miles + RNG.normal(0, 0.8, count)
    return pd.DataFrame({"id": np.arange(count) + first, "miles": miles, "fare": fare})


TRAIN, HOLDOUT = _rows(800, 0), _rows(200, 800)


def _find(
    train: pd.DataFrame = TRAIN,
    holdout: pd.DataFrame = HOLDOUT,
    inputs: tuple[str, ...] = ("miles",),
    features: tuple[str, ...] = (),
) -> list[Finding]:
    return find_leakage(
        train,
        holdout,
        target="fare",
        inputs=inputs,
        features=features,
        forbidden=["tipAmount", "fare"],
        key_columns=["id"],
    )


def test_opens_for_clean_tables() -> None:
    assert _find() == []


def test_closes_when_the_target_is_an_input() -> None:
    codes = {finding.code for finding in _find(inputs=("miles", "fare"))}
    assert codes == {"target_is_input", "explains_target"}


@pytest.mark.parametrize("name", ["tipAmount", "tip_amount", "TIPAMOUNT"])
def test_closes_for_a_forbidden_column_among_inputs_or_features(name: str) -> None:
    assert [f.code for f in _find(inputs=("miles", name))] == ["forbidden_input"]
    assert [f.subject for f in _find(features=(name,))] == [name]


def test_closes_when_rows_are_on_both_sides() -> None:
    (finding,) = _find(holdout=pd.concat([HOLDOUT, TRAIN.head(3)]))
    assert finding.code == "rows_overlap"
    assert "3 of 203" in finding.detail


@pytest.mark.parametrize(
    "leak",
    [
        lambda fare: 1.2 * fare + 3,  # a total
        lambda fare: np.log(fare + 10),
        lambda fare: (fare - 6) ** 2 * np.sign(fare - 6),
        lambda fare: -fare + np.random.default_rng(2).normal(0, 0.01, len(fare)),
    ],
)
def test_closes_for_a_column_that_is_the_target_in_other_words(leak: object) -> None:
    assert callable(leak)
    train, holdout = (t.assign(total=leak(t["fare"])) for t in (TRAIN, HOLDOUT))
    (finding,) = _find(train, holdout, inputs=("miles", "total"))
    assert (finding.code, finding.subject) == ("explains_target", "total")


def test_a_column_that_must_not_be_seen_is_known_without_case_spaces_and_underscores() -> None:
    train, holdout = (t.assign(**{"Tip amount": 1.0}) for t in (TRAIN, HOLDOUT))
    found = _find(train, holdout, inputs=("miles", "Tip amount"))
    assert "Tip amount" in {finding.subject for finding in found}


def test_looks_at_the_features_that_are_built() -> None:
    findings = find_leakage(
        TRAIN,
        HOLDOUT,
        target="fare",
        inputs=["miles"],
        features=[],
        forbidden=[],
        key_columns=["id"],
        matrix=lambda rows: pd.DataFrame({"sneaky": rows["fare"] * 2, "text": "x"}),
    )
    assert [finding.subject for finding in findings] == ["sneaky"]


def test_a_row_number_does_not_explain_unseen_rows() -> None:
    """A curve through every row is perfect on the rows it has seen; only unseen ones count."""
    arrays = [t[c].to_numpy(dtype=float) for t in (TRAIN, HOLDOUT) for c in ("id", "fare")]
    assert explained_alone(*arrays) < 0.1
    assert explained_alone(arrays[0], arrays[1], arrays[0], arrays[1]) == pytest.approx(1.0)


def test_a_constant_or_empty_column_explains_nothing() -> None:
    fare = TRAIN["fare"].to_numpy()
    ones, gaps = np.ones_like(fare), np.full_like(fare, np.nan)
    assert explained_alone(ones, fare, ones, fare) == -np.inf
    assert explained_alone(gaps, fare, gaps, fare) == -np.inf
    assert explained_alone(fare, fare, fare, ones) == -np.inf


def test_gaps_in_a_leaking_column_do_not_hide_it() -> None:
    train, holdout = (t.assign(total=t["fare"].mask(t["id"] % 3 == 0)) for t in (TRAIN, HOLDOUT))
    assert [f.code for f in _find(train, holdout, inputs=("total",))] == ["explains_target"]
