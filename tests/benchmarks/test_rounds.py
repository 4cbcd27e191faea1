"""Interleaving, medians of ratios, and what /proc says."""

from collections.abc import Callable

import pytest

from benchmarks.inference.conditions import pinned_version
from benchmarks.inference.processes import rollup_bytes, stat_ticks
from benchmarks.inference.rounds import Sample, compared, interleaved


def test_subjects_are_asked_in_turn_and_back() -> None:
    asked: list[str] = []

    def shot(name: str) -> Callable[[], Sample]:
        def measure() -> Sample:
            asked.append(name)
            return Sample(float(len(asked)))

        return measure

    samples = interleaved({name: shot(name) for name in "abc"}, 3)
    assert "".join(asked) == "abccbaabc"
    assert [sample.rate for sample in samples["a"]] == [1.0, 6.0, 7.0]


def test_the_ratio_is_the_median_of_the_rounds_not_of_the_servers() -> None:
    # the machine was busy in the second round: both lost half of it
    samples = {
        "ours": [Sample(10.0), Sample(5.0), Sample(12.0)],
        "peer": [Sample(5.0), Sample(2.5), Sample(4.0)],
    }
    found = compared(samples, "ours", "peer")
    assert found.value == 2.0
    assert found.seen["lowest ratio"] == 2.0
    assert found.seen["highest ratio"] == 3.0
    assert found.seen["ours rate"] == 10.0


def test_what_was_not_seen_gives_no_ratio_that_reaches_a_goal() -> None:
    found = compared({"a": [Sample(1.0)], "b": [Sample(1.0)]}, "a", "b", "p99_us")
    assert found.value is not None
    assert found.value != found.value  # NaN, which no goal accepts


def test_ticks_of_a_process_whose_name_is_odd() -> None:
    head = "42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0"
    assert stat_ticks(f"{head} 11 7 2 1 20 0 1 0 100 0") == 21


def test_proportional_set_size() -> None:
    text = "aa-bb ---p 0 00:00 0 [rollup]\nRss:   200 kB\nPss:   100 kB\nPss_Anon:  50 kB\n"
    assert rollup_bytes(text) == 102400
    assert rollup_bytes("") == 0


@pytest.mark.parametrize("name", ["mlserver", "kserve"])
def test_pinned_version_of_a_peer(name: str) -> None:
    lock = f"aiohttp==3.1 \\\n    --hash=sha256:00\n{name}==1.7.1 \\\n{name}-extra==2.0\n"
    assert pinned_version(lock, name) == "1.7.1"
    assert pinned_version("", name) == ""
