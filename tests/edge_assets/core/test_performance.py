"""The verdict on live errors: what it says, and how often it is wrong."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edge_assets.core.champion import MAX_UNITS, Floats
from edge_assets.core.performance import MIN_REQUESTS, Performance, judge_live

RNG = np.random.default_rng(0)
HOLDOUT = RNG.exponential(1.0, 600)
LIVE = RNG.exponential(1.0, 400)


def judge(live: Floats, holdout: Floats = HOLDOUT, **changes: Any) -> Performance:
    """Each row in a request of its own."""
    return judge_live(live, np.arange(len(live)), holdout, **{"resamples": 400, **changes})


def test_twice_the_error_is_worse() -> None:
    found = judge(2 * LIVE)
    assert found.verdict == "worse"
    assert found.loss is not None
    assert 0.1 < found.loss.lower < found.loss.estimate < found.loss.upper
    assert (found.rows, found.requests, found.holdout_rows) == (400, 400, 600)
    assert found.live_error == pytest.approx(2 * LIVE.mean())
    assert found.holdout_error == pytest.approx(HOLDOUT.mean())
    assert "with 99% confidence above" in found.reason
    assert "10.00% is accepted" in found.reason


def test_the_same_world_is_as_good_and_so_is_a_better_one() -> None:
    assert judge(LIVE).verdict == "as good"
    better = judge(LIVE / 2)
    assert better.verdict == "as good"
    assert better.loss is not None
    assert better.loss.upper < 0


def test_a_loss_that_is_tolerated_is_as_good() -> None:
    assert judge(1.6 * LIVE, max_loss=0.1).verdict == "worse"
    assert judge(1.6 * LIVE, max_loss=1.0).verdict == "as good"
    assert judge(1.6 * LIVE, tolerated=0.2).verdict == "worse"
    forgiven = judge(1.6 * LIVE, tolerated=1.0)
    assert forgiven.verdict == "as good"
    assert "or 1 of the error" in forgiven.reason


def test_a_loss_that_may_be_chance_is_as_good() -> None:
    few = 1.3 * LIVE[:100]
    found = judge(few * (1.3 * HOLDOUT.mean() / few.mean()))
    assert found.loss is not None
    assert found.loss.estimate == pytest.approx(0.3)
    assert found.verdict == "as good"


@pytest.mark.parametrize(
    ("live", "requests", "holdout", "told"),
    [
        (LIVE[:0], np.arange(0), HOLDOUT, "nobody asked"),
        (LIVE[:99], np.arange(99), HOLDOUT, "99 rows of 99 requests, 100 rows and 30 requests"),
        (LIVE, np.arange(400) % 29, HOLDOUT, "400 rows of 29 requests"),
        (LIVE, np.arange(400), HOLDOUT[:50], "its holdout has 50 rows, 100 are needed"),
        (LIVE, np.arange(400), np.append(HOLDOUT, np.nan), "no number to some rows"),
    ],
)
def test_what_is_too_little(live: Floats, requests: Any, holdout: Floats, told: str) -> None:
    found = judge_live(9 * live, requests, holdout, without="nobody asked")
    assert found.verdict == "too little data"
    assert told in found.reason
    assert found.loss is None


def test_an_answer_that_is_none_is_worse() -> None:
    found = judge(np.append(LIVE, np.inf))
    assert found.verdict == "worse"
    assert "no usable answer to 1 of 401 rows" in found.reason
    plain = found.to_json()
    assert plain["live_error"] is None
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_against_a_perfect_holdout_any_error_is_a_loss_without_limit() -> None:
    perfect = np.zeros(200)
    assert judge(perfect, perfect).verdict == "as good"
    found = judge(LIVE, perfect)
    assert found.verdict == "worse"
    assert found.to_json()["loss"]["estimate"] is None
    assert judge(LIVE, perfect, tolerated=2.0).verdict == "as good"


def test_a_request_for_each_row_is_needed() -> None:
    with pytest.raises(ValueError, match="3 requests for 400 live rows"):
        judge_live(LIVE, ["a", "b", "c"], HOLDOUT)


def test_more_rows_than_are_resampled_one_by_one() -> None:
    many = np.tile(LIVE, 20)
    assert len(many) > MAX_UNITS
    assert judge(many, many).verdict == "as good"
    assert judge(1.5 * many, many).verdict == "worse"


def alarms(rows_a_request: int, seen_as: int, times: int = 250) -> float:
    """How often `worse` is said where the true loss is just what is tolerated."""
    rng, found = np.random.default_rng(5), 0
    for _ in range(times):
        requests = 300 // rows_a_request
        shared = np.repeat(rng.exponential(1.1, requests), rows_a_request)
        verdict = judge_live(
            shared,
            np.arange(300) // seen_as,
            rng.exponential(1.0, 400),
            max_loss=0.1,
            confidence=0.95,
            resamples=300,
        )
        found += verdict.verdict == "worse"
    return found / times


def test_false_alarms_are_as_rare_as_stated() -> None:
    assert alarms(1, 1) <= 0.09


def test_rows_of_one_request_that_err_together_count_for_less() -> None:
    assert alarms(5, 5) <= 0.11
    assert alarms(5, 1) > 0.15, "what it would be, counted by rows"


errors = hnp.arrays(np.float64, st.integers(MIN_REQUESTS, 120), elements=st.floats(0.0, 1e3))
least = {"min_rows": MIN_REQUESTS, "resamples": 200, "confidence": 0.95}


@settings(max_examples=60, deadline=None)
@given(errors)
def test_a_model_is_never_worse_than_itself(found: Floats) -> None:
    told = judge(found, found, max_loss=0.0, **least)
    assert told.verdict == "as good"
    assert told.loss is not None
    assert told.loss.lower <= told.loss.upper


@settings(max_examples=60, deadline=None)
@given(errors, errors, st.sampled_from([2.0**-8, 0.5, 4.0, 1024.0]))
def test_the_unit_of_the_error_does_not_matter(live: Floats, held: Floats, unit: float) -> None:
    first, second = judge(live, held, **least), judge(unit * live, unit * held, **least)
    assert (first.verdict, first.loss) == (second.verdict, second.loss)


@settings(max_examples=60, deadline=None)
@given(errors, errors, st.floats(0.0, 1e3), st.integers(0, MIN_REQUESTS - 1))
def test_a_larger_error_never_makes_it_better(
    live: Floats, held: Floats, more: float, row: int
) -> None:
    grown = live.copy()
    grown[row] += more
    if judge(live, held, **least).verdict == "worse":
        assert judge(grown, held, **least).verdict == "worse"


@settings(max_examples=60, deadline=None)
@given(errors, st.integers(0, 500))
def test_nothing_is_said_of_fewer_rows_than_asked_for(live: Floats, rows: int) -> None:
    found = judge_live(live, np.arange(len(live)), HOLDOUT, min_rows=rows, resamples=200)
    assert (found.verdict == "too little data") == (len(live) < rows)
