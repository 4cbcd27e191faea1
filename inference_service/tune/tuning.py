"""Tuning: measure the candidates, choose, and record all of it."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inference_service.tune.candidates import AS_BUILT, candidates
from inference_service.tune.choose import Choice, Policy, choose
from inference_service.tune.machine import describe_machine
from inference_service.tune.measurement import Measurement
from inference_service.tune.parity import Parity
from inference_service.tune.runner import Effort, Tell, measure
from inference_service.tune.subject import Subject

FORMAT = 1


@dataclass(frozen=True)
class Tuning:
    """All that was measured, and the choice. `record` is the content of `tuning.json`."""

    measurements: Sequence[Measurement]
    choice: Choice
    record: Mapping[str, Any]

    @property
    def chosen(self) -> Measurement:
        """The measurement of the chosen candidate."""
        name = self.choice.candidate
        return next(m for m in self.measurements if m.candidate.name == name)


def tune(
    subject: Subject,
    cores: Sequence[int],
    policy: Policy,
    effort: Effort,
    tell: Tell,
    graphs: Mapping[str, Path] | None = None,
    judged: Mapping[str, Parity] | None = None,
) -> Tuning:
    """Measures the candidates on `cores` and chooses by `policy`.

    `graphs` are rewritten graphs beside the one as built, `judged` what is known of their answers
    already: one that did not pass is refused without being measured. Raises BudgetExceeded when
    nothing fits, ConfigurationError when the model as built cannot be measured.
    """
    rewritten = dict(graphs or {})
    tried = candidates(len(cores), list(rewritten))
    files = {AS_BUILT: subject.model, **rewritten}
    measured = measure(subject, tried, files, cores, effort, tell, judged)
    choice = choose(measured, policy, effort.batch_rows)
    record = {
        "format": FORMAT,
        "model": {"name": subject.description.name, "digest": subject.description.digest},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(cores),
        "policy": dataclasses.asdict(policy),
        "effort": dataclasses.asdict(effort),
        "questions": {"from": subject.origin, "count": len(subject.questions)},
        "tolerance": dataclasses.asdict(subject.tolerance),
        "candidates": [
            {**m.as_json(), "verdict": choice.verdicts[m.candidate.name]} for m in measured
        ],
        "choice": {
            "candidate": choice.candidate,
            "runtime": choice.runtime.as_json(),
            "why": choice.why,
        },
    }
    return Tuning(measured, choice, record)
