"""The verdict by simulation: silent where nothing changed, loud where something did."""

import json
import time

import numpy as np
import pandas as pd
import pytest

from edge_assets.core.drift import DriftPolicy, DriftVerdict, judge_drift
from protos.errors import ConfigurationError

DAY = 86_400
POLICY = DriftPolicy(
    columns=("distance", "passengers", "latitude", "rate", "stored"),
    categorical=("rate", "stored"),
    clocks=("pickup",),
)


def trips(rows: int, seed: int, first_day: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    hours = np.clip(rng.normal(15, 5, rows) % 24, 0, 23.99)
    frame = pd.DataFrame(
        {
            "distance": rng.gamma(1.5, 2.0, rows),
            "passengers": rng.poisson(1.5, rows),
            "latitude": rng.normal(40.75, 0.05, rows).astype(np.float32),
            "rate": rng.choice([1, 2, 5], rows, p=[0.9, 0.08, 0.02]),
            "stored": (rng.random(rows) < 0.005).astype(int),
            "pickup": (first_day + rng.integers(0, 28, rows)) * DAY + hours * 3600,
        }
    )
    frame.loc[rng.random(rows) < 0.1, "latitude"] = np.nan
    return frame


REFERENCE = trips(4_000, seed=1)


def judge(window: pd.DataFrame) -> DriftVerdict:
    return judge_drift(REFERENCE, window, POLICY)


@pytest.mark.parametrize("rows", [50, 200, 1000])
def test_false_alarms_stay_near_their_rate(rows: int) -> None:
    policy = DriftPolicy(
        columns=POLICY.columns,
        categorical=POLICY.categorical,
        min_rows=50,
        false_alarm_rate=0.05,
        min_effect=0.0,
        min_null_change=0.0,
        resamples=199,
    )
    alarms = sum(
        judge_drift(trips(700, 2 * i), trips(rows, 2 * i + 1), policy, seed=i).word == "drift"
        for i in range(60)
    )

    assert 1 <= alarms <= 8  # 3 expected; more than 8 come by chance once in 400 times


@pytest.mark.parametrize("rows", [200, 500, 2_000])
def test_a_later_month_like_the_first_is_no_drift(rows: int) -> None:
    verdict = judge(trips(rows, seed=99, first_day=400))

    assert verdict.word == "no drift"
    assert verdict.drifted == ()
    assert verdict.p_value is not None
    assert verdict.p_value > 0.01


def test_identical_data_is_no_drift() -> None:
    verdict = judge(REFERENCE)

    assert verdict.word == "no drift"
    assert verdict.window_rows == 4_000
    assert verdict.window_compared == 2_000


def test_eight_rows_are_too_little_data() -> None:
    verdict = judge(trips(8, seed=2).assign(distance=1e6))

    assert verdict.word == "too little data"
    assert verdict.columns == ()
    assert verdict.p_value is None
    assert "8 rows; at least 200" in verdict.reason


def test_a_short_reference_is_too_little_data_too() -> None:
    verdict = judge_drift(trips(50, 1), trips(500, 2), POLICY)

    assert verdict.word == "too little data"
    assert verdict.reason.startswith("the reference has 50 rows")


def test_a_quarter_of_a_standard_deviation_is_found_in_2000_rows() -> None:
    window = trips(2_000, seed=3)
    window["distance"] += 0.25 * REFERENCE["distance"].std()

    verdict = judge(window)

    assert verdict.drifted == ("distance",)
    worst = verdict.columns[0]
    assert worst.effect == pytest.approx(0.25, abs=0.05)
    assert worst.effect > worst.threshold


def test_longer_distances_are_found_in_200_rows() -> None:
    window = trips(200, seed=4)
    window["distance"] *= 2

    assert judge(window).drifted == ("distance",)


def test_other_hours_are_found() -> None:
    window = trips(500, seed=5)
    window["pickup"] += 8 * 3600

    verdict = judge(window)

    assert verdict.drifted == ("pickup_hour",)
    assert verdict.columns[0].measure == "Jensen-Shannon distance"


def test_a_window_of_minutes_says_nothing_about_hours() -> None:
    window = trips(500, seed=6)
    window["pickup"] = 50 * DAY + np.linspace(0, 300, 500)

    verdict = judge(window)

    assert verdict.word == "no drift"
    assert set(verdict.left_out) == {"pickup_hour", "pickup_weekday"}


def test_a_new_category_is_found() -> None:
    window = trips(500, seed=7)
    window.loc[:60, "rate"] = 99

    assert judge(window).drifted == ("rate",)


def test_more_missing_values_are_found() -> None:
    window = trips(500, seed=8)
    window.loc[:200, "latitude"] = np.nan

    verdict = judge(window)

    assert verdict.drifted == ("latitude",)
    assert verdict.columns[0].nulls_drifted
    assert not verdict.columns[0].drifted
    assert "latitude is missing in 4" in verdict.reason


def test_a_column_that_is_gone_is_a_change_of_missing_values() -> None:
    verdict = judge(trips(500, seed=9).drop(columns="distance"))

    assert verdict.drifted == ("distance",)
    assert verdict.columns[0].window_nulls == 1.0


def test_a_shift_too_small_to_matter_is_no_drift() -> None:
    """Clearly more than chance, and clearly below the least effect that counts."""
    reference = pd.DataFrame({"x": np.linspace(0, 1, 5_000)})
    window = pd.DataFrame({"x": np.linspace(0, 1, 2_000) + 0.5 * 0.29})
    policies = [DriftPolicy(columns=("x",), min_effect=least) for least in (0.1, 0.9)]

    small, large = (judge_drift(reference, window, policy) for policy in policies)

    assert small.word == "drift"
    assert large.word == "no drift"
    assert large.columns[0].effect > large.columns[0].threshold


@pytest.mark.parametrize("value", [0.0, 7.5, np.nan])
def test_a_constant_column_is_handled(value: float) -> None:
    policy = DriftPolicy(columns=("x", "k"), categorical=("k",))
    constant = pd.DataFrame({"x": np.full(500, value), "k": ["only"] * 500})

    same = judge_drift(constant, constant[:300], policy)
    other = judge_drift(constant, constant[:300].assign(x=1.0, k="new"), policy)

    assert same.word == "no drift"
    assert {"x", "k"} == set(other.drifted)


def test_one_wild_value_is_no_drift_and_hides_none() -> None:
    window = trips(1_000, seed=10)
    window.loc[0, "distance"] = 1e9
    calm = judge(window)
    window.loc[:120, "rate"] = 99

    assert calm.word == "no drift"
    assert judge(window).drifted == ("rate",)


def test_free_text_and_lists_as_categories_do_not_fail() -> None:
    policy = DriftPolicy(columns=("tags",), categorical=("tags",))
    frame = pd.DataFrame({"tags": [["a", "b"], ["c"], None] * 100})

    assert judge_drift(frame, frame, policy).word == "no drift"


def test_equal_arguments_give_an_equal_verdict() -> None:
    window = trips(700, seed=11)

    assert judge(window) == judge(window)


def test_the_verdict_is_plain_json_the_worst_column_first() -> None:
    window = trips(500, seed=12)
    window["distance"] *= 3

    told = json.loads(json.dumps(judge(window).to_json(), allow_nan=False))

    assert told["verdict"] == "drift"
    assert told["columns"][0]["column"] == "distance"
    assert told["drifted"] == ["distance"]
    assert told["false_alarm_rate"] == 0.01
    assert told["window_rows"] == 500


def test_thirteen_columns_take_seconds_at_most() -> None:
    rng = np.random.default_rng(13)
    names = tuple(f"c{i}" for i in range(13))
    reference, window = (
        pd.DataFrame(rng.normal(size=(rows, 13)), columns=list(names)) for rows in (5_000, 2_000)
    )

    start = time.process_time()
    judge_drift(reference, window, DriftPolicy(columns=names))

    assert time.process_time() - start < 6  # 0.5 on an idle machine


@pytest.mark.parametrize(
    "arguments",
    [
        {"false_alarm_rate": 0.0},
        {"false_alarm_rate": 1.0},
        {"false_alarm_rate": 0.001, "resamples": 200},
        {"min_effect": -0.1},
        {"min_rows": 1},
        {"min_rows": 3_000},
    ],
)
def test_a_policy_without_sense_is_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        DriftPolicy(columns=("x",), **arguments)  # type: ignore[arg-type]


def test_a_reference_without_a_column_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="lacks the columns distance"):
        judge_drift(REFERENCE.drop(columns="distance"), REFERENCE, POLICY)
