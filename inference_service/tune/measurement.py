"""What was measured of a candidate."""

import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from inference_service.tune.candidates import Candidate


@dataclass(frozen=True)
class Round:
    """The figures of one fresh process.

    `load_ms` is making the session; `p50_ms` and `p95_ms` are for one row, `batch_*` for a batch
    (None where the model fixes its number of rows); `cpu_ms` is the CPU time of one row, all
    threads together; `memory_bytes` is what the process grew by, load and all runs.
    """

    load_ms: float
    p50_ms: float
    p95_ms: float
    batch_p50_ms: float | None
    batch_p95_ms: float | None
    cpu_ms: float
    memory_bytes: int


@dataclass(frozen=True)
class Measurement:
    """A candidate with its rounds. `refused` says why it may not be chosen, empty if it may.

    `largest_difference` is that of its answers to those of the model as built; `metric` how right
    they are, by output as `metric.figures`, where it is known what is right.
    """

    candidate: Candidate
    model_bytes: int
    rounds: tuple[Round, ...]
    largest_difference: float | None = None
    refused: str = ""
    metric: Mapping[str, float] = field(default_factory=dict)

    def median(self, figure: Callable[[Round], float]) -> float:
        """The median of a figure over the rounds."""
        return statistics.median(figure(measured) for measured in self.rounds)

    def as_json(self) -> dict[str, Any]:
        """The medians, as they stand in `tuning.json`."""
        shown: dict[str, Any] = {
            "candidate": self.candidate.name,
            "graph": self.candidate.graph,
            "runtime": self.candidate.runtime.as_json(),
            "model_bytes": self.model_bytes,
            "rounds": len(self.rounds),
            "largest_difference": _finite(self.largest_difference),
            "metric": {name: _finite(value) for name, value in self.metric.items()},
        }
        for name in Round.__dataclass_fields__:
            values = [getattr(measured, name) for measured in self.rounds]
            known = [value for value in values if value is not None]
            shown[name] = round(statistics.median(known), 4) if known else None
        return shown


def _finite(value: float | None) -> float | None:
    """JSON has no word for infinity."""
    return value if value is not None and math.isfinite(value) else None


def percentile(sorted_values: list[float], share: float) -> float:
    """The value that `share` of the values do not exceed (nearest rank)."""
    rank = max(1, -(-len(sorted_values) * round(share * 1000) // 1000))
    return sorted_values[rank - 1]
