"""What the smoke test reports: a pure function of golden questions, answers and time."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from edge.modules.golden import Answers, Golden, judge


@dataclass(frozen=True)
class Missing:
    """There were no answers, and why."""

    reason: str


def build_report(
    golden: Golden, outcome: Answers | Missing, *, release: str | None, endpoint: str, now: datetime
) -> dict[str, Any]:
    """The reported property `smoke_test`.

    Numbers that are not known are None, which deletes an older value from the twin.
    """
    report: dict[str, Any] = {
        "release": release,
        "endpoint": endpoint,
        "expected_digest": golden.model_digest,
        "latency_budget_ms": golden.latency_budget_ms,
        "time": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    if isinstance(outcome, Missing):
        return report | {
            "served_digest": None,
            "passed": False,
            "asked": 0,
            "right": 0,
            "max_error": None,
            "latency_ms": {"p50": None, "p95": None},
            "within_budget": False,
            "reason": outcome.reason,
        }
    verdict = judge(golden, outcome)
    return report | {
        "served_digest": outcome.served_digest or None,
        "passed": verdict.passed,
        "asked": outcome.asked,
        "right": outcome.right,
        "max_error": _known(outcome.max_error),
        "latency_ms": {
            "p50": _known(outcome.latency_ms_p50, 3),
            "p95": _known(outcome.latency_ms_p95, 3),
        },
        "within_budget": verdict.within_budget,
        "reason": verdict.reason,
    }


def _known(value: float, digits: int | None = None) -> float | None:
    if not math.isfinite(value):
        return None
    return value if digits is None else round(value, digits)
