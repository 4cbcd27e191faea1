"""What a check of a model's contract found."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

State = Literal["ok", "FAILED", "not proven"]


@dataclass(frozen=True)
class Outcome:
    """One check: its name, how it went and why.

    A failed `gate` (floors, leakage, parity, budget, proof) means that the chain would refuse the
    model; another failure, that the folder does not do what it must. `not proven`: there was
    nothing to check it with, and the reason says what is missing. `trace` is the traceback of what
    a step raised.
    """

    name: str
    state: State
    reason: str
    gate: bool = False
    trace: str = field(default="", repr=False, compare=False)

    @property
    def failed(self) -> bool:
        """Whether it went wrong."""
        return self.state == "FAILED"

    def __str__(self) -> str:
        return f"{self.name}: {self.state}: {self.reason}"


def judged(name: str, trouble: str, good: str, *, gate: bool = False) -> Outcome:
    """Failed with `trouble` where there is any, else ok with `good`."""
    return Outcome(name, "FAILED" if trouble else "ok", trouble or good, gate)


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """0 when nothing failed, 1 when the folder does not do what it must, else 3: a gate closed."""
    failed = [outcome for outcome in outcomes if outcome.failed]
    if any(not outcome.gate for outcome in failed):
        return 1
    return 3 if failed else 0
