"""Measures candidates: one process for each, round after round, so that all meet the same weather.

A load that comes and goes on the machine then hits every candidate alike.
"""

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from inference_service.tune import metric, questions
from inference_service.tune.candidates import Candidate
from inference_service.tune.measurement import Measurement, Round
from inference_service.tune.parity import Answers, Parity, compare
from inference_service.tune.probe import Job
from inference_service.tune.subject import Subject
from protos.errors import ConfigurationError, ParityFailed

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Effort:
    """How long is measured: `rounds` processes for each candidate, in each at most `runs` single
    rows and as many batches of `batch_rows` rows, each loop for at most `seconds`.

    A process that takes longer than `deadline_seconds` is ended; its candidate is refused.
    """

    rounds: int = 5
    runs: int = 1000
    batch_rows: int = 32
    seconds: float = 1.0
    deadline_seconds: float = 120.0


def measure(
    subject: Subject,
    tried: Sequence[Candidate],
    graphs: Mapping[str, Path],
    cores: Sequence[int],
    effort: Effort,
    tell: Tell,
    judged: Mapping[str, Parity] | None = None,
) -> list[Measurement]:
    """Measures each of `tried`, of which the first is the default, on `cores`.

    `graphs` maps the word of a graph to its file, `judged` to what is known of its answers already.
    A candidate that fails, or whose answers are not those of the default, not the golden ones or
    less right, is refused with the reason. Raises ConfigurationError if the default itself fails,
    ParityFailed if it misses a golden answer.
    """
    known = judged or {}
    found = {c.name: _begun(c, graphs[c.graph].stat().st_size, known.get(c.graph)) for c in tried}
    right: list[Answers] = []
    with TemporaryDirectory(prefix="tune-") as folder:
        asked, answered = Path(folder) / "questions.npz", Path(folder) / "answers.npz"
        questions.save(asked, subject.questions)
        for number in range(effort.rounds):
            for candidate in tried:
                before = found[candidate.name]
                if before.refused:
                    continue
                tell(f"round {number + 1} of {effort.rounds}: {candidate.name}")
                job = Job(
                    str(graphs[candidate.graph].resolve()),
                    candidate.runtime.as_json(),
                    str(asked),
                    str(answered),
                    tuple(spec.name for spec in subject.description.outputs),
                    tuple(cores),
                    effort.runs,
                    effort.batch_rows if subject.free_rows else None,
                    effort.seconds,
                )
                measured = run_probe(job, effort.deadline_seconds)
                if isinstance(measured, str):
                    if candidate is tried[0]:
                        raise ConfigurationError("the model cannot be measured", why=measured)
                    found[candidate.name] = replace(before, refused=measured, rounds=())
                    continue
                got: list[Answers] = list(questions.load(answered))
                right = right or got
                rightness = metric.figures(subject.truth, _last(got, subject.truth))
                done = _judged(before, measured, judge(subject, right, got), rightness)
                if done.refused and candidate is tried[0]:
                    raise ParityFailed(
                        "the model as built does not answer as it must", why=done.refused
                    )
                found[candidate.name] = done
    return list(found.values())


def run_probe(job: Job, deadline_seconds: float) -> Round | str:
    """The figures of one fresh process, or why there are none."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "inference_service.tune.probe"],
            input=json.dumps(dataclasses.asdict(job)),
            capture_output=True,
            text=True,
            timeout=deadline_seconds,
            check=False,
            env=_environment(),
        )
    except subprocess.TimeoutExpired:
        return f"it took longer than {deadline_seconds:g} s"
    if done.returncode != 0:
        told = done.stderr.strip().splitlines()
        return told[-1][:300] if told else f"its process ended with {done.returncode}"
    return Round(**json.loads(done.stdout))


def _environment() -> dict[str, str]:
    """Ours, with this very code first on the path: the probe must be of the same version."""
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def judge(subject: Subject, right: Sequence[Answers], got: Sequence[Answers]) -> Parity:
    """Whether `got` may be answered in place of `right`, what the model as built answers.

    Against those, against the golden answers that devices will ask for, and against the truth.
    """
    parity = compare(right, got, subject.tolerance)
    golden = len(subject.golden_answers)
    if parity.passed and golden:
        # The service that loads the result proves it by all of them: here no label may differ.
        strict = replace(subject.tolerance, agreement=1.0)
        proven = compare(subject.golden_answers, got[:golden], strict)
        if not proven.passed:
            return Parity(False, parity.largest_difference, f"golden answers: {proven.reason}")
    if parity.passed:
        truth = subject.truth
        lost = metric.lost(truth, _last(right, truth), _last(got, truth), subject.tolerance)
        if lost:
            return Parity(False, parity.largest_difference, lost)
    return parity


def _last(answers: Sequence[Answers], truth: Sequence[Answers]) -> Sequence[Answers]:
    """The answers to the questions of which the truth is known."""
    return answers[len(answers) - len(truth) :]


def _begun(candidate: Candidate, size: int, parity: Parity | None) -> Measurement:
    if parity is None:
        return Measurement(candidate, size, ())
    refused = "" if parity.passed else parity.reason
    return Measurement(candidate, size, (), parity.largest_difference, refused)


def _judged(
    before: Measurement, measured: Round, parity: Parity, known: Mapping[str, float]
) -> Measurement:
    return replace(
        before,
        rounds=(*before.rounds, measured),
        largest_difference=max(before.largest_difference or 0.0, parity.largest_difference),
        refused="" if parity.passed else parity.reason,
        metric=known,
    )
