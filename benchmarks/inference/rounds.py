"""Interleaved rounds: every subject is asked once in each round, ratios are taken within it.

What disturbs a machine for seconds disturbs all subjects of a round alike, so the median of the
rounds' ratios holds where figures of separate runs do not.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.inference.figures import Measured


@dataclass(frozen=True)
class Sample:
    """One measurement of one subject: answers a second, server CPU, p50 and p99 in microseconds.

    What a load generator cannot tell is NaN, and a ratio of it reaches no goal.
    """

    rate: float
    cpu_us: float = float("nan")
    p50_us: float = float("nan")
    p99_us: float = float("nan")


def interleaved(
    subjects: Mapping[str, Callable[[], Sample]], rounds: int
) -> dict[str, list[Sample]]:
    """The samples of each subject, one a round; every second round runs backwards."""
    samples: dict[str, list[Sample]] = {name: [] for name in subjects}
    for number in range(rounds):
        names = list(subjects)
        for name in names if number % 2 == 0 else reversed(names):
            samples[name].append(subjects[name]())
    return samples


def compared(
    samples: Mapping[str, Sequence[Sample]], one: str, other: str, part: str = "rate"
) -> Measured:
    """The median over the rounds of `one` divided by `other`, by the attribute `part`."""
    mine = [float(getattr(sample, part)) for sample in samples[one]]
    theirs = [float(getattr(sample, part)) for sample in samples[other]]
    ratios = [a / b for a, b in zip(mine, theirs, strict=True)]
    return Measured(
        statistics.median(ratios),
        seen={
            f"{one} {part}": round(statistics.median(mine), 2),
            f"{other} {part}": round(statistics.median(theirs), 2),
            "lowest ratio": round(min(ratios), 4),
            "highest ratio": round(max(ratios), 4),
        },
    )
