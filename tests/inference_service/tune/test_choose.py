"""The choice on made-up measurements: nothing here is timed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from inference_service.runtime_options import DEFAULT_RUNTIME
from inference_service.tune.candidates import Candidate
from inference_service.tune.choose import FIGURES, Choice, Policy, choose
from inference_service.tune.measurement import Measurement, Round, percentile
from protos.errors import BudgetExceeded, ConfigurationError

PLAIN = Round(
    load_ms=10,
    p50_ms=1.0,
    p95_ms=1.2,
    batch_p50_ms=8.0,
    batch_p95_ms=9.0,
    cpu_ms=1.0,
    memory_bytes=1000,
)


def measured(name: str, p95: float | Sequence[float] = 1.2, **more: Any) -> Measurement:
    values = [p95] * 3 if isinstance(p95, float) else p95
    refused, size = more.pop("refused", ""), more.pop("model_bytes", 100)
    rounds = tuple(replace(PLAIN, p95_ms=value, **more) for value in values)
    return Measurement(Candidate(name, DEFAULT_RUNTIME), size, rounds, 0.0, refused)


def choice(*others: Measurement, **policy: Any) -> Choice:
    return choose([measured("default"), *others], Policy(**policy), batch_rows=32)


def test_what_is_clearly_quicker_is_chosen() -> None:
    made = choice(measured("slow", 1.5), measured("quick", 0.6), measured("good", 0.9))
    assert made.candidate == "quick"
    assert made.why == "p95 is 50% below the default's"
    assert made.verdicts == {
        "default": "the default",
        "slow": "p95 is not 5% below the default's",
        "quick": "chosen",
        "good": "good, but quick is lower in p95",
    }


def test_within_the_margin_the_default_stays() -> None:
    made = choice(measured("a bit quicker", 1.15))
    assert made.candidate == "default"
    assert made.why == "nothing beats the default's p95 by 5% in every round"
    assert choice(measured("a bit quicker", 1.15), margin=0.01).candidate == "a bit quicker"


def test_one_round_that_is_not_quicker_is_noise() -> None:
    made = choice(measured("lucky", [0.5, 0.5, 1.3]))
    assert made.candidate == "default"
    assert made.verdicts["lucky"] == "p95 is not below the default's in every round"
    assert choice(measured("steady", [0.5, 0.5, 1.1])).candidate == "steady"
    wavering = measured("default", [1.5, 1.0, 1.5])
    assert choose([wavering, measured("between", 1.1)], Policy(), 32).candidate == "default"
    assert choose([wavering, measured("below", 0.9)], Policy(), 32).candidate == "below"


def test_of_equals_the_simplest_is_chosen() -> None:
    made = choice(measured("simple", 0.61), measured("complicated", 0.6))
    assert made.candidate == "simple"
    assert made.verdicts["complicated"] == "good, but simple is simpler, and as good"
    assert choice(measured("simple", 0.7), measured("complicated", 0.6)).candidate == "complicated"


def test_a_refused_candidate_is_never_chosen_however_quick() -> None:
    made = choice(measured("wrong", 0.01, refused="the largest difference is 3"))
    assert made.candidate == "default"
    assert made.verdicts["wrong"] == "refused: the largest difference is 3"


def test_a_candidate_may_not_burn_the_other_cores() -> None:
    made = choice(measured("spinning", 0.5, cpu_ms=2.0))
    assert made.candidate == "default"
    assert made.verdicts["spinning"].startswith("takes 2.00 times the CPU of the default")
    assert choice(measured("spinning", 0.5, cpu_ms=1.2)).candidate == "spinning"
    assert choice(measured("spinning", 0.5, cpu_ms=2.0), cpu_ratio=2.5).candidate == "spinning"


@pytest.mark.parametrize(
    ("more", "policy"),
    [
        ({"model_bytes": 200}, {"model_bytes": 150}),
        ({"memory_bytes": 2000}, {"memory_bytes": 1500}),
    ],
)
def test_what_is_over_budget_is_not_chosen(more: Any, policy: Any) -> None:
    made = choice(measured("large", 0.5, **more), **policy)
    assert made.candidate == "default"
    assert made.verdicts["large"].startswith("over budget: 2")
    assert choice(measured("large", 0.5, **more)).candidate == "large"


def test_a_default_over_budget_is_replaced_without_a_margin() -> None:
    small = measured("small", 1.3, memory_bytes=500)
    made = choice(measured("also large", 0.5), small, memory_bytes=800)
    assert made.candidate == "small"
    assert made.why.startswith("the default does not fit (over budget: 1000 of 800 bytes")


def test_when_nothing_fits_it_is_refused() -> None:
    with pytest.raises(BudgetExceeded, match="no candidate fits") as refused:
        choice(measured("wrong", 0.5, refused="it differs"), memory_bytes=800)
    assert "wrong: refused: it differs" in refused.value.why


@pytest.mark.parametrize(
    ("objective", "figure"),
    [("throughput", "batch_p50_ms"), ("start", "load_ms"), ("memory", "memory_bytes")],
)
def test_another_objective_takes_its_figure_but_not_a_worse_p95(
    objective: str, figure: str
) -> None:
    better = {figure: 1}
    assert choice(measured("better", 1.2, **better), objective=objective).candidate == "better"
    made = choice(measured("better", 1.4, **better), objective=objective)
    assert made.verdicts["better"] == "p95 is more than 5% above the default's"
    assert choice(measured("better", 1.2, **better)).candidate == "default"


def test_the_smallest_file_may_be_slow_but_neither_wrong_nor_hardly_smaller() -> None:
    slow = measured("small", 3.0, cpu_ms=5.0, model_bytes=60)
    made = choice(measured("quick", 0.1), slow, objective="size")
    assert (made.candidate, made.why) == ("small", "size of the file is 40% below the default's")
    assert choice(slow).candidate == "default"
    made = choice(measured("hardly", 0.1, model_bytes=97), objective="size")
    assert made.verdicts["hardly"] == "size of the file is not 5% below the default's"
    wrong = measured("wrong", 0.1, model_bytes=50, refused="it differs")
    assert choice(wrong, objective="size").candidate == "default"


def test_an_unknown_objective_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="latency, throughput, start, memory"):
        choice(objective="luck")
    assert all(choice(objective=known).candidate == "default" for known in FIGURES)


@pytest.mark.parametrize(("batch", "pays"), [(8.0, True), (31.0, False), (40.0, False)])
def test_batching_is_permitted_where_it_pays(batch: float, pays: bool) -> None:
    default = measured("default", batch_p50_ms=batch)
    assert choose([default], Policy(), batch_rows=32).runtime.batching is pays


def test_batching_that_was_not_measured_is_permitted() -> None:
    default = measured("default", batch_p50_ms=None)
    assert choose([default], Policy(), batch_rows=32).runtime.batching


@pytest.mark.parametrize(
    ("count", "share", "expected"), [(100, 0.95, 95), (20, 0.95, 19), (5, 0.95, 5), (1, 0.5, 1)]
)
def test_percentiles_are_nearest_rank(count: int, share: float, expected: float) -> None:
    assert percentile([float(n) for n in range(1, count + 1)], share) == expected
