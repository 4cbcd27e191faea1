from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge_assets.core.retraining import judge_retraining

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DRIFTED: dict[str, Any] = {
    "verdict": "drift",
    "window": "w2",
    "judged_release": "sha256:r",
    "current_release": "sha256:r",
    "last_window": "w1",
    "last_asked": NOW - timedelta(hours=2),
    "cooldown_seconds": 3600.0,
    "now": NOW,
}


def test_a_new_window_that_drifted_asks_for_a_run() -> None:
    decision = judge_retraining(**DRIFTED)
    assert decision.retrain
    assert decision.reason == "window w2 drifted"
    first = judge_retraining(**{**DRIFTED, "last_window": None, "last_asked": None})
    assert first.retrain


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"verdict": "no drift"}, "no drift"),
        ({"verdict": "too little data"}, "too little data"),
        ({"last_window": "w2"}, "asked for already"),
        ({"current_release": "sha256:newer"}, "an earlier release"),
        ({"last_asked": NOW - timedelta(seconds=3590)}, "cooling down for 10 s"),
    ],
)
def test_anything_else_asks_for_nothing(changes: dict[str, Any], reason: str) -> None:
    decision = judge_retraining(**{**DRIFTED, **changes})
    assert not decision.retrain
    assert reason in decision.reason


def test_the_cool_down_ends_on_time() -> None:
    on_time = {**DRIFTED, "last_asked": NOW - timedelta(seconds=3600)}
    assert judge_retraining(**on_time).retrain
