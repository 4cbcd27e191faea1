"""The gate of metric floors: what a candidate must reach to be one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Bounds(Protocol):
    """A floor as `model.yaml` writes it; at least one of the two is set."""

    @property
    def min(self) -> float | None:
        """The least that is accepted."""

    @property
    def max(self) -> float | None:
        """The most that is accepted."""


@dataclass(frozen=True)
class FloorVerdict:
    """Whether every floor is met; `missed` says for each other one what was measured and wanted."""

    passed: bool
    missed: tuple[str, ...]
    reason: str


def judge_floors(metrics: Mapping[str, float], floors: Mapping[str, Bounds]) -> FloorVerdict:
    """Compares `metrics` with `floors`. A metric that is missing or not finite misses its floor,
    and without any floor nothing passes: a gate that asks nothing is no gate.
    """
    if not floors:
        return FloorVerdict(False, (), "no floor is set, so nothing was proven")
    missed: list[str] = []
    for name, floor in sorted(floors.items()):
        value = metrics.get(name)
        if value is None:
            missed.append(f"{name} was not measured")
        elif not math.isfinite(value):
            missed.append(f"{name} is {value}")
        elif floor.min is not None and value < floor.min:
            missed.append(f"{name} is {value:.6g}, below {floor.min:g}")
        elif floor.max is not None and value > floor.max:
            missed.append(f"{name} is {value:.6g}, above {floor.max:g}")
    reason = "; ".join(missed) or f"all {len(floors)} floors are met"
    return FloorVerdict(not missed, tuple(missed), reason)
