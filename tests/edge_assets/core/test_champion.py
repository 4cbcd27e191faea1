import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edge_assets.core.champion import ChampionVerdict, Floats, judge_champion, row_errors

RNG = np.random.default_rng(0)
BASE = RNG.exponential(1.0, 1000)
NEWEST = np.arange(1000) >= 800


def _judge(
    candidate: Floats, champion: Floats = BASE, *, resamples: int = 400, min_gain: float = 0.0
) -> ChampionVerdict:
    return judge_champion(candidate, champion, NEWEST, resamples=resamples, min_gain=min_gain)


def test_opens_for_a_clear_gain_on_the_same_rows() -> None:
    verdict = _judge(BASE * 0.9)
    assert verdict.passed
    combined = verdict.segment("combined")
    assert combined is not None
    assert combined.gain == pytest.approx(0.1)
    assert combined.lower == pytest.approx(0.1), "in pairs there is no noise left"
    assert [segment.rows for segment in verdict.segments] == [1000, 800, 200]
    assert "10.00% smaller" in verdict.reason


def test_closes_for_an_equal_model() -> None:
    verdict = _judge(BASE)
    assert not verdict.passed
    assert "must be above 0.01%" in verdict.reason


def test_closes_for_a_gain_that_rounding_makes() -> None:
    assert not _judge(BASE * (1 - 1e-6)).passed
    assert _judge(BASE * (1 - 1e-3)).passed


def test_closes_for_a_gain_that_may_be_chance() -> None:
    luck = BASE * RNG.lognormal(0, 0.5, 1000)
    luck *= BASE.sum() * 0.995 / luck.sum()
    verdict = _judge(luck)
    combined = verdict.segment("combined")
    assert combined is not None
    assert combined.gain > 0 > combined.lower
    assert not verdict.passed


def test_closes_for_a_gain_that_is_real_but_too_small() -> None:
    assert _judge(BASE * 0.9, min_gain=0.05).passed
    assert not _judge(BASE * 0.97, min_gain=0.05).passed


def test_closes_when_what_is_new_is_paid_for_with_what_was_known() -> None:
    candidate = np.where(NEWEST, BASE * 0.1, BASE * 1.1)
    verdict = _judge(candidate)
    combined = verdict.segment("combined")
    assert combined is not None
    assert combined.lower > 0, "better over all"
    assert not verdict.passed
    assert "on frozen rows the loss may be 10.00%" in verdict.reason


def test_opens_when_the_loss_on_the_frozen_rows_is_small() -> None:
    assert _judge(np.where(NEWEST, BASE * 0.1, BASE * 1.02)).passed


def _tolerating(candidate: Floats, champion: Floats, tolerated: float) -> ChampionVerdict:
    return judge_champion(candidate, champion, NEWEST, resamples=400, tolerated_on_frozen=tolerated)


def test_a_tiny_error_may_grow_by_what_is_tolerated_whatever_its_share() -> None:
    small = np.full(1000, 1e-4)
    better = np.where(NEWEST, 0.0, 3e-4)  # three times the error of frozen rows, and still tiny
    champion = np.where(NEWEST, 0.1, small)
    refused = _tolerating(better, champion, 0.0)
    assert not refused.passed
    assert "on frozen rows the loss may be 200.00%" in refused.reason
    assert _tolerating(better, champion, 2.5e-4).passed
    closed = _tolerating(better, champion, 1.5e-4)
    assert not closed.passed
    assert "or 0.00015 of the error" in closed.reason


def test_a_perfect_champion_may_lose_what_is_tolerated() -> None:
    champion, candidate = np.where(NEWEST, 0.1, 0.0), np.where(NEWEST, 0.0, 1e-3)
    assert not _tolerating(candidate, champion, 5e-4).passed
    assert _tolerating(candidate, champion, 2e-3).passed


def test_without_a_champion_the_floors_alone_decide() -> None:
    verdict = judge_champion(BASE, None, NEWEST)
    assert verdict.passed
    assert "no champion" in verdict.reason


@pytest.mark.parametrize("who", ["candidate", "champion"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_closes_on_an_error_that_is_no_number(who: str, value: float) -> None:
    broken = BASE.copy()
    broken[3] = value
    verdict = _judge(broken) if who == "candidate" else _judge(BASE * 0.5, broken)
    assert not verdict.passed
    assert f"the {who} has no finite error on 1 of 1000 rows" in verdict.reason


def test_closes_with_too_few_rows() -> None:
    verdict = judge_champion(BASE[:49] * 0.1, BASE[:49], np.zeros(49, bool))
    assert not verdict.passed
    assert "49 combined rows are too few" in verdict.reason
    only_new = judge_champion(BASE * 0.1, BASE, np.ones(1000, bool))
    assert not only_new.passed
    assert "0 frozen rows are too few" in only_new.reason
    nothing = judge_champion(BASE[:0], BASE[:0], NEWEST[:0])
    assert not nothing.passed


def test_no_new_rows_are_no_hindrance() -> None:
    verdict = judge_champion(BASE * 0.9, BASE, np.zeros(1000, bool), resamples=400)
    assert verdict.passed
    assert verdict.segment("newest") is None


def test_a_perfect_champion_is_not_beaten() -> None:
    zeros = np.zeros(1000)
    assert not _judge(zeros, zeros).passed
    assert not _judge(BASE, zeros).passed


def test_the_same_errors_give_the_same_verdict_in_less_than_a_second_at_10_000_rows() -> None:
    errors = RNG.exponential(1.0, 10_000)
    worse = errors * RNG.lognormal(0.02, 0.3, 10_000)
    newest = np.arange(10_000) >= 9_000
    start = time.perf_counter()
    first = judge_champion(errors, worse, newest)
    assert time.perf_counter() - start < 1.0
    assert first == judge_champion(errors, worse, newest)


def test_the_bound_covers_the_truth_as_often_as_it_says() -> None:
    """Two models that are equally good: the gate may open in about one of twenty cases, no more."""
    opened = 0
    for trial in range(200):
        rng = np.random.default_rng(trial)
        noise = rng.lognormal(0, 0.4, (2, 300))
        shared = rng.exponential(1.0, 300)
        verdict = judge_champion(
            shared * noise[0], shared * noise[1], np.zeros(300, bool), resamples=300, seed=trial
        )
        opened += verdict.passed
    assert opened <= 22, f"{opened} of 200"


@given(hnp.arrays(np.float64, 60, elements=st.floats(0, 1e6)), st.floats(0, 2))
@settings(max_examples=40, deadline=None)
def test_never_opens_for_a_candidate_that_is_nowhere_better(errors: Floats, factor: float) -> None:
    newest = np.arange(60) >= 55
    verdict = judge_champion(errors * (1 + factor), errors, newest, resamples=200)
    assert not verdict.passed


@given(hnp.arrays(np.float64, 80, elements=st.floats(0.01, 1e3)), st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_bounds_enclose_each_other(champion: Floats, seed: int) -> None:
    candidate = champion * np.random.default_rng(seed).lognormal(0, 0.5, 80)
    verdict = judge_champion(candidate, champion, np.arange(80) > 70, resamples=200)
    assert all(segment.lower <= segment.upper for segment in verdict.segments)


def test_errors_of_rows() -> None:
    assert row_errors([1.0, 2.0], np.array([[2.0], [0.0]])).tolist() == [1.0, 2.0]
    assert row_errors([1.0, 2.0], [2.0, 0.0], "squared").tolist() == [1.0, 4.0]
    with pytest.raises(ValueError, match="1 predictions for 2 rows"):
        row_errors([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="one value for each row"):
        judge_champion(BASE, BASE[:1], NEWEST)
