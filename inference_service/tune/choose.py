"""The choice: the quickest that may be chosen, and only if noise cannot be the reason."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from inference_service.runtime_options import RuntimeOptions
from inference_service.tune.measurement import Measurement, Round
from protos.errors import BudgetExceeded, ConfigurationError

Figures = Callable[[Measurement], list[float]]


def _of_rounds(figure: Callable[[Round], float]) -> Figures:
    return lambda measured: [figure(each) for each in measured.rounds]


SIZE = "size"

FIGURES: dict[str, tuple[str, Figures]] = {
    "latency": ("p95", _of_rounds(lambda r: r.p95_ms)),
    "throughput": (
        "p50 of a batch",
        _of_rounds(lambda r: r.p50_ms if r.batch_p50_ms is None else r.batch_p50_ms),
    ),
    "start": ("load time", _of_rounds(lambda r: r.load_ms)),
    "memory": ("memory", _of_rounds(lambda r: float(r.memory_bytes))),
    SIZE: ("size of the file", lambda measured: [float(measured.model_bytes)]),
}
"""What can be tuned for: the word for it, and the figure of each round that must become small."""


@dataclass(frozen=True)
class Policy:
    """What may be chosen.

    `margin` is the share by which a candidate's median must beat the default's. Besides, its worst
    round must beat the default's best: by chance that happens to one in 252 with five rounds each.
    `cpu_ratio` bounds its CPU time for one row, as a multiple of the default's: a device has other
    work. Who asks for the smallest file pays in time: then neither counts. The budgets are bytes of
    the model file and of memory; None is without bound.
    """

    objective: str = "latency"
    margin: float = 0.05
    cpu_ratio: float = 1.25
    model_bytes: int | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Choice:
    """The chosen candidate's name, the options to run it with, why, and a verdict on each."""

    candidate: str
    runtime: RuntimeOptions
    why: str
    verdicts: dict[str, str]


def choose(measurements: Sequence[Measurement], policy: Policy, batch_rows: int) -> Choice:
    """Chooses among `measurements`, of which the first is the default and simple ones come first.

    A default beyond its budget need not be beaten, but replaced. Raises BudgetExceeded when every
    candidate is beyond its budget or refused, ConfigurationError for an objective that is unknown.
    """
    if policy.objective not in FIGURES:
        raise ConfigurationError(
            f"the objective is {policy.objective!r}",
            why="it is none of " + ", ".join(FIGURES),
            remedy="choose one of these",
        )
    word, figure = FIGURES[policy.objective]
    default = measurements[0]
    verdicts = {m.candidate.name: _barred(m, policy) for m in measurements}
    must_leave = verdicts[default.candidate.name]
    eligible = []
    for measured in measurements:
        name = measured.candidate.name
        if not verdicts[name] and measured is not default and not must_leave:
            verdicts[name] = _no_better(measured, default, policy)
        if not verdicts[name] and measured is not default:
            eligible.append(measured)
    if must_leave and not eligible:
        raise BudgetExceeded(
            "no candidate fits",
            why="; ".join(f"{name}: {verdict}" for name, verdict in verdicts.items()),
            remedy="make the model smaller, or raise the budget",
        )
    best = _simplest_of_the_best(eligible, figure, policy.margin) if eligible else default
    name = best.candidate.name
    if best is default:
        why = f"nothing beats the default's {word} by {policy.margin:.0%} in every round"
    elif must_leave:
        why = f"the default does not fit ({must_leave}); the best {word} of those that do"
    else:
        gain = 1 - _median(best, figure) / _median(default, figure)
        why = f"{word} is {gain:.0%} below the default's"
    for other in eligible:
        lower = _median(best, figure) < _median(other, figure)
        better = f"lower in {word}" if lower else "simpler, and as good"
        verdicts[other.candidate.name] = f"good, but {name} is {better}"
    verdicts[name] = "chosen"
    verdicts = {key: verdict or "the default" for key, verdict in verdicts.items()}
    runtime = replace(best.candidate.runtime, batching=batching_pays(best, batch_rows))
    return Choice(name, runtime, why, verdicts)


def batching_pays(measured: Measurement, rows: int) -> bool:
    """Whether `rows` rows in one run take less than 90% of the time of as many runs.

    Where they do not, a batch only lets the first of them wait. True where it was not measured:
    it is a permission, and the service looks for itself what the model can do.
    """
    batch = [r.batch_p50_ms for r in measured.rounds if r.batch_p50_ms is not None]
    if not batch:
        return True
    whole = measured.median(lambda r: r.batch_p50_ms or 0.0)
    return whole < 0.9 * rows * measured.median(lambda r: r.p50_ms)


def _simplest_of_the_best(
    eligible: Sequence[Measurement], figure: Figures, margin: float
) -> Measurement:
    """The first, and so simplest, that is within the margin of the lowest figure."""
    lowest = min(_median(measured, figure) for measured in eligible)
    return next(m for m in eligible if _median(m, figure) <= lowest * (1 + margin))


def _median(measured: Measurement, figure: Figures) -> float:
    return statistics.median(figure(measured))


def _barred(measured: Measurement, policy: Policy) -> str:
    """Why a candidate may not be chosen whatever its speed; empty if it may."""
    if measured.refused:
        return f"refused: {measured.refused}"
    if policy.model_bytes is not None and measured.model_bytes > policy.model_bytes:
        return f"over budget: {measured.model_bytes} of {policy.model_bytes} bytes of model"
    memory = int(measured.median(lambda r: float(r.memory_bytes)))
    if policy.memory_bytes is not None and memory > policy.memory_bytes:
        return f"over budget: {memory} of {policy.memory_bytes} bytes of memory"
    return ""


def _no_better(measured: Measurement, default: Measurement, policy: Policy) -> str:
    """Why a candidate does not replace a default that fits; empty if it does."""
    word, figure = FIGURES[policy.objective]
    if policy.objective == SIZE:  # bytes are no noise, and who asks for them pays in time
        larger = measured.model_bytes > default.model_bytes * (1 - policy.margin)
        return f"{word} is not {policy.margin:.0%} below the default's" if larger else ""
    cpu = measured.median(lambda r: r.cpu_ms) / max(default.median(lambda r: r.cpu_ms), 1e-9)
    if cpu > policy.cpu_ratio:
        return f"takes {cpu:.2f} times the CPU of the default, {policy.cpu_ratio:g} is allowed"
    if _median(measured, figure) > _median(default, figure) * (1 - policy.margin):
        return f"{word} is not {policy.margin:.0%} below the default's"
    if max(figure(measured)) >= min(figure(default)):
        return f"{word} is not below the default's in every round"
    latency = FIGURES["latency"][1]
    if _median(measured, latency) > _median(default, latency) * (1 + policy.margin):
        return f"p95 is more than {policy.margin:.0%} above the default's"
    return ""
