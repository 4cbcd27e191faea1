"""The intervals hold what they promise, by simulation, and the verdict can go each way."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assets.core.comparison import (
    Comparison,
    Floats,
    Rules,
    Side,
    agreement,
    compare_groups,
    compare_pairs,
    fieller,
    student,
    welch,
    wilson,
)

QUICK = Rules(resamples=300)
Generator = np.random.Generator


def side(errors: Floats, units: object = None, values: Floats | None = None) -> Side:
    rows = len(errors)
    return Side(
        values=np.zeros(rows) if values is None else values,
        units=np.arange(rows) if units is None else np.asarray(units),
        errors=errors,
        milliseconds=np.full(rows, np.nan),
    )


def pairs(champion: Floats, candidate: Floats, rules: Rules = QUICK) -> Comparison:
    return compare_pairs(side(champion), side(candidate), np.ones(len(champion), bool), rules)


def covered(times: int, draw: Callable[[Generator], bool], seed: int = 1) -> float:
    rng = np.random.default_rng(seed)
    return float(np.mean([draw(rng) for _ in range(times)]))


@pytest.mark.parametrize("share", [0.5, 0.9, 0.98])
def test_the_share_that_agrees_is_within_its_interval_as_often_as_stated(share: float) -> None:
    def draw(rng: Generator) -> bool:
        found = agreement(rng.random(200) < share, np.arange(200), 0.95)
        return found.lower <= share <= found.upper

    assert 0.92 <= covered(600, draw) <= 0.985


def test_rows_of_one_request_that_agree_together_count_for_less() -> None:
    def draw(rng: Generator, seen_as: int) -> bool:
        agree = np.repeat(rng.random(60) < 0.8, 20)  # all rows of a request agree, or none
        found = agreement(agree, np.arange(1200) // seen_as, 0.95)
        return found.lower <= 0.8 <= found.upper

    assert covered(400, lambda rng: draw(rng, 20)) >= 0.91
    assert covered(400, lambda rng: draw(rng, 1)) < 0.5, "what it would be, counted by rows"


def test_the_mean_difference_is_within_its_interval_as_often_as_stated() -> None:
    def paired(rng: Generator) -> bool:
        found = student(rng.normal(0.3, 1.0, 30), 0.95)
        return found.lower <= 0.3 <= found.upper

    def grouped(rng: Generator) -> bool:
        found = welch(rng.normal(1.0, 2.0, 4), rng.normal(1.5, 0.5, 9), 0.95)
        return found.lower <= 0.5 <= found.upper

    assert 0.93 <= covered(1500, paired) <= 0.97
    assert 0.93 <= covered(1500, grouped) <= 0.985


def test_each_bound_of_the_gain_of_groups_fails_as_seldom_as_stated() -> None:
    rng = np.random.default_rng(3)
    found = [fieller(rng.normal(2.0, 0.4, 6), rng.normal(1.6, 0.3, 6), 0.95) for _ in range(1500)]
    assert np.mean([f.lower > 0.2 for f in found]) <= 0.065
    assert np.mean([f.upper < 0.2 for f in found]) <= 0.065
    assert np.mean([f.lower > 0.0 for f in found]) > 0.3, "and they are not idle"


@pytest.mark.parametrize("mode", ["shadow", "split"])
def test_equal_models_are_called_better_no_more_often_than_stated(mode: str) -> None:
    def draw(rng: Generator) -> bool:
        if mode == "shadow":
            errors = rng.gamma(2.0, 1.0, (2, 150))
            return pairs(errors[0], errors[1]).verdict == "better"
        devices = np.repeat(np.arange(5), 40)
        own = np.repeat(rng.normal(0.0, 0.5, (2, 5)), 40, axis=1)  # devices differ from each other
        errors = np.abs(rng.normal(2.0, 1.0, (2, 200)) + own)
        groups = [side(row, devices) for row in errors]
        return compare_groups(groups[0], groups[1], QUICK).verdict == "better"

    assert covered(400, draw) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


@given(st.integers(0, 2**32 - 1), st.integers(50, 120))
@settings(max_examples=25, deadline=None)
def test_one_model_compared_with_itself_is_never_better(seed: int, rows: int) -> None:
    errors = np.random.default_rng(seed).gamma(1.0, 1.0, rows)
    found = pairs(errors, errors.copy())
    assert found.verdict == "not shown to be better"
    assert found.gain is not None
    assert found.gain.estimate == found.gain.lower == found.gain.upper == 0.0


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.8, 0.97, 1.0, 1.03, 1.2]))
@settings(max_examples=25, deadline=None)
def test_with_the_two_exchanged_the_verdict_turns_round(seed: int, factor: float) -> None:
    turned = {"better": "worse", "worse": "better"}
    rng = np.random.default_rng(seed)
    first, second = rng.gamma(2.0, 1.0, 80), factor * rng.gamma(2.0, 1.0, 80)
    values = rng.normal(size=(2, 80))
    sides = side(first, values=values[0]), side(second, values=values[1])
    agree = np.ones(80, bool)
    here, there = (compare_pairs(*both, agree, QUICK) for both in (sides, sides[::-1]))
    assert there.verdict == turned.get(here.verdict, here.verdict)
    assert there.difference.estimate == pytest.approx(-here.difference.estimate)
    assert there.difference.lower == pytest.approx(-here.difference.upper)
    here, there = (compare_groups(*both, QUICK) for both in (sides, sides[::-1]))
    assert there.verdict == turned.get(here.verdict, here.verdict)


@pytest.mark.parametrize(
    ("factor", "word"), [(0.7, "better"), (1.0, "not shown to be better"), (1.4, "worse")]
)
def test_the_verdict_follows_the_errors(factor: float, word: str) -> None:
    rng = np.random.default_rng(5)
    champion, noise = rng.gamma(2.0, 1.0, 400), rng.normal(1.0, 0.1, 400)
    assert pairs(champion, champion * factor * np.abs(noise)).verdict == word
    devices = np.arange(400) % 8
    groups = [side(champion, devices), side(rng.permutation(champion) * factor, devices)]
    found = compare_groups(groups[0], groups[1], QUICK)
    assert found.verdict == word
    assert found.units == (8, 8)
    assert found.agreement is None, "nobody was asked the same"


def test_a_gain_below_the_least_gain_is_not_enough() -> None:
    rng = np.random.default_rng(6)
    champion = rng.gamma(2.0, 1.0, 500)
    strict = Rules(min_gain=0.3, resamples=300)
    assert pairs(champion, champion * 0.8).verdict == "better"
    assert pairs(champion, champion * 0.8, strict).verdict == "not shown to be better"


def test_without_labels_nothing_is_better_however_much_differs() -> None:
    unknown = np.full(300, np.nan)
    found = compare_pairs(
        side(unknown, values=np.zeros(300)),
        side(unknown, values=np.ones(300)),
        np.zeros(300, bool),
        QUICK,
    )
    assert found.verdict == "too little data"
    assert "no label" in found.reason
    assert found.difference.estimate == 1.0
    assert found.agreement is not None
    assert found.agreement.upper < 0.02
    assert found.to_json()["gain"] is None
    split = compare_groups(side(unknown, np.arange(300) % 9), side(unknown, np.arange(300) % 9))
    assert split.verdict == "too little data"


def test_rows_of_a_few_requests_or_devices_are_too_little() -> None:
    rng = np.random.default_rng(7)
    errors = rng.gamma(2.0, 1.0, 1000)
    few = np.arange(1000) // 25  # 40 requests
    found = compare_pairs(side(errors, few), side(errors / 2, few), np.ones(1000, bool), QUICK)
    assert found.verdict == "too little data"
    assert "40 requests, 50 are needed" in found.reason
    groups = [side(errors, np.arange(1000) % n) for n in (2, 9)]
    assert "2 devices" in compare_groups(groups[0], groups[1], QUICK).reason


def test_a_candidate_that_gives_no_number_is_worse() -> None:
    errors = np.random.default_rng(8).gamma(2.0, 1.0, 100)
    broken = errors / 2
    broken[3] = np.inf
    assert pairs(errors, broken).verdict == "worse"
    assert pairs(broken, errors).verdict == "not shown to be better"
    assert "gave no number to 1 requests" in pairs(broken, errors).reason


def test_latency_is_compared_where_both_were_timed() -> None:
    rng = np.random.default_rng(9)
    times = np.full((2, 100), np.nan)
    times[0, ::5], times[1, ::5] = rng.normal(2.0, 0.1, 20), rng.normal(3.0, 0.1, 20)
    sides = [Side(np.zeros(100), np.arange(100), np.zeros(100), row) for row in times]
    found = compare_pairs(sides[0], sides[1], np.ones(100, bool), QUICK).latency_ms
    assert 0.85 < found.lower < found.estimate < found.upper < 1.15


def test_what_is_not_known_is_unbounded() -> None:
    assert welch(np.zeros(0), np.ones(3), 0.95).lower == -np.inf
    assert student(np.ones(1), 0.95).upper == np.inf
    assert (wilson(0, 0, 0.95).lower, wilson(0, 0, 0.95).upper) == (0.0, 1.0)
    barely = fieller(np.array([-1.0, 3.0, 1.0]), np.array([1.0, 1.1, 0.9]), 0.95)
    assert barely.lower == -np.inf
    made = compare_groups(side(np.zeros(0)), side(np.zeros(0))).to_json()
    assert made["difference"] == {"estimate": None, "lower": None, "upper": None}


def test_wilson_gives_the_published_bounds() -> None:
    found = wilson(81, 263, 0.95)  # Newcombe 1998, table I: 0.2553 to 0.3662
    assert (round(found.lower, 4), round(found.upper, 4)) == (0.2553, 0.3662)


def test_rows_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="rows"):
        Side(np.zeros(2), np.zeros(2), np.zeros(3), np.zeros(2))
    with pytest.raises(ValueError, match="same units"):
        compare_pairs(side(np.zeros(2)), side(np.zeros(2), [5, 6]), np.ones(2, bool))
    with pytest.raises(ValueError, match="one row of each"):
        compare_pairs(side(np.zeros(2)), side(np.zeros(3)), np.ones(2, bool))
