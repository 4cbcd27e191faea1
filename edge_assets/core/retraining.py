"""Whether a drift verdict asks for a new training run, as a pure function."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Retraining:
    """The decision and, in either case, its reason."""

    retrain: bool
    reason: str


def judge_retraining(
    *,
    verdict: str,
    window: str,
    judged_release: str,
    current_release: str,
    last_window: str | None,
    last_asked: datetime | None,
    cooldown_seconds: float,
    now: datetime,
) -> Retraining:
    """Asks for one run for a window that drifted from what the running release learned from.

    Not for a window that was answered before, not for a verdict about an earlier release (the one
    that runs now may know the new world), and not within `cooldown_seconds` of the last request.
    """
    if verdict != "drift":
        return Retraining(False, f"window {window}: {verdict}")
    if window == last_window:
        return Retraining(False, f"window {window} drifted, and its run was asked for already")
    if judged_release != current_release:
        return Retraining(False, f"window {window} was judged against an earlier release")
    if last_asked is not None:
        left = last_asked + timedelta(seconds=cooldown_seconds) - now
        if left > timedelta(0):
            seconds = left.total_seconds()
            return Retraining(False, f"window {window} drifted; cooling down for {seconds:.0f} s")
    return Retraining(True, f"window {window} drifted")
