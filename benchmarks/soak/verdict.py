"""Whether a soak was good: pure, so that its tests can show it a bad one."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.soak.samples import Sample

MEMORY_RATIO = 1.05
"""Memory of the last third against the first, after the warm-up. Of each third the lower quartile:
slow readers come and go with megabytes of answers, but what leaks never goes below."""
MEMORY_SLACK = 6 << 20
"""Bytes that count as flat however small the process is: a swap's session comes and goes."""
DESCRIPTOR_SLACK = 10
"""Under load, between medians: how many clients are there at a moment differs. A leak shows as
hundreds, and without clients the number must be the same."""
SWAPS_SEEN = 0.9
"""Share of the swaps that the service must have made: the last may be under way."""
MIN_SAMPLES = 9


@dataclass(frozen=True)
class Soak:
    """What happened. `samples` are those after the warm-up.

    `clients_silent` are good clients that had no good answer at all, `idle_before` and `idle_after`
    descriptors with no client there, `crashes` how often the service was found dead.
    """

    samples: Sequence[Sample]
    good: int
    failed: int
    clients: int
    clients_silent: int
    abused: int
    swaps_made: int
    swaps_seen: int
    versions_seen: int
    idle_before: int
    idle_after: int
    crashes: int


@dataclass(frozen=True)
class Check:
    """One line of the verdict."""

    name: str
    value: str
    bound: str
    ok: bool


def verdict(soak: Soak) -> list[Check]:
    """Every check; the soak is good if all are."""
    return [
        Check("good questions that failed", f"{soak.failed}", "0", soak.failed == 0),
        Check("good questions", f"{soak.good}", "> 0", soak.good > 0),
        Check(
            "good clients without an answer",
            f"{soak.clients_silent}",
            "0",
            soak.clients > 0 and soak.clients_silent == 0,
        ),
        Check("service died", f"{soak.crashes}", "0", soak.crashes == 0),
        Check("abusive clients", f"{soak.abused}", "> 0", soak.abused > 0),
        Check(
            "swaps seen by the service",
            f"{soak.swaps_seen} of {soak.swaps_made}",
            f">= {SWAPS_SEEN:.0%}",
            0 < soak.swaps_made * SWAPS_SEEN <= soak.swaps_seen,
        ),
        Check("versions that answered", f"{soak.versions_seen}", "2", soak.versions_seen == 2),
        _memory("own memory", soak.samples, lambda sample: sample.anonymous),
        _memory("RSS", soak.samples, lambda sample: sample.rss),
        _descriptors(soak.samples),
        Check(
            "descriptors without clients",
            f"{soak.idle_before} -> {soak.idle_after}",
            "equal",
            soak.idle_after <= soak.idle_before,
        ),
    ]


def thirds(samples: Sequence[Sample], of: Callable[[Sample], int]) -> tuple[list[int], list[int]]:
    """The figures of the first third, and of the last."""
    third = len(samples) // 3
    return [of(one) for one in samples[:third]], [of(one) for one in samples[-third:]]


def _memory(name: str, samples: Sequence[Sample], of: Callable[[Sample], int]) -> Check:
    title, bound = f"{name}, first third -> last", f"<= {MEMORY_RATIO:g}x"
    if len(samples) < MIN_SAMPLES:
        return Check(title, f"{len(samples)} samples", bound, False)
    first, last = (statistics.quantiles(part, n=4)[0] for part in thirds(samples, of))
    ok = last <= max(first * MEMORY_RATIO, first + MEMORY_SLACK)
    value = f"{first / 2**20:.1f} -> {last / 2**20:.1f} MiB ({last / first:.3f}x)"
    return Check(title, value, bound, ok)


def _descriptors(samples: Sequence[Sample]) -> Check:
    title, bound = "descriptors under load", f"<= +{DESCRIPTOR_SLACK}"
    if len(samples) < MIN_SAMPLES:
        return Check(title, f"{len(samples)} samples", bound, False)
    parts = thirds(samples, lambda sample: sample.descriptors)
    first, last = (statistics.median(part) for part in parts)
    return Check(title, f"{first:g} -> {last:g}", bound, last <= first + DESCRIPTOR_SLACK)
