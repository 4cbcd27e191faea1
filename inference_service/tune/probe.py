"""One measurement in a process of its own: `python -m inference_service.tune.probe`.

Reads its job as JSON on stdin and writes a `Round` as JSON on stdout. A fresh process, because
what one session allocated, or which threads it left, would be measured with the next.
"""

import dataclasses
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference_service.runtime_options import parse_runtime
from inference_service.session import make_session
from inference_service.tune import questions
from inference_service.tune.measurement import Round, percentile

_LEAST_RUNS = 5
"""Run even when the time is over, so that a slow model has figures too."""


@dataclass(frozen=True)
class Job:
    """What to measure. `seconds` bounds each of the two loops, `runs` their number of runs."""

    model: str
    runtime: dict[str, Any]
    questions: str
    answers: str
    outputs: tuple[str, ...]
    cores: tuple[int, ...]
    runs: int
    batch_rows: int | None
    seconds: float


def probe(job: Job) -> Round:
    """Measures, and writes the answers to the questions to `job.answers`.

    Raises ConfigurationError if the model cannot be opened, and what onnxruntime raises if it
    fails on a question.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, job.cores)
    asked = questions.load(Path(job.questions))
    data = Path(job.model).read_bytes()
    gc.collect()
    before, began = _resident_bytes(), time.perf_counter()
    session = make_session(data, parse_runtime(job.runtime))
    load = time.perf_counter() - began
    names = list(job.outputs)
    answers = [session.run(names, question) for question in asked]  # warms up too
    gc.disable()
    cpu_began = time.process_time()
    single = _timed(lambda n: session.run(names, asked[n % len(asked)]), job.runs, job.seconds)
    cpu = (time.process_time() - cpu_began) / len(single)
    many: list[float] = []
    if job.batch_rows is not None:
        rows = questions.batch(asked, job.batch_rows)
        session.run(names, rows)
        many = _timed(lambda _: session.run(names, rows), job.runs, job.seconds)
    grown = max(_resident_bytes() - before, 0)
    questions.save(Path(job.answers), [dict(zip(names, answer, strict=True)) for answer in answers])
    return Round(
        load_ms=load * 1e3,
        p50_ms=percentile(single, 0.5),
        p95_ms=percentile(single, 0.95),
        batch_p50_ms=percentile(many, 0.5) if many else None,
        batch_p95_ms=percentile(many, 0.95) if many else None,
        cpu_ms=cpu * 1e3,
        memory_bytes=grown,
    )


def _timed(run: Callable[[int], Any], runs: int, seconds: float) -> list[float]:
    """Milliseconds of each run, sorted."""
    taken: list[float] = []
    deadline = time.perf_counter() + seconds
    while len(taken) < runs:
        began = time.perf_counter()
        run(len(taken))
        ended = time.perf_counter()
        taken.append((ended - began) * 1e3)
        if ended > deadline and len(taken) >= _LEAST_RUNS:
            break
    return sorted(taken)


def _resident_bytes() -> int:
    """Memory of this process that is in RAM now; where there is no /proc, the most it ever had."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(arguments: Sequence[str]) -> int:
    """Reads the job, writes the figures; 0, or 1 with the error's text on stderr."""
    job = json.loads(sys.stdin.read())
    job["outputs"], job["cores"] = tuple(job["outputs"]), tuple(job["cores"])
    try:
        measured = probe(Job(**job))
    except Exception as error:  # whatever onnxruntime raises is the answer about this candidate
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    sys.stdout.write(json.dumps(dataclasses.asdict(measured)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
