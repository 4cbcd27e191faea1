"""`python -m inference_service.tune --model FOLDER`: tunes a model where it is to run.

Prints the record (`tuning.json`) on stdout; its `choice.runtime` belongs into `model.json` as
`runtime`, or into `model.yaml`. Changes nothing.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from inference_service.tune.choose import FIGURES, Policy
from inference_service.tune.machine import parse_cores
from inference_service.tune.runner import Effort
from inference_service.tune.subject import read_subject
from inference_service.tune.tuning import tune
from protos.errors import EdgeAssetsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Tunes, prints, and returns the exit code: 0, or that of the error."""
    effort, policy = Effort(), Policy()
    parser = argparse.ArgumentParser(prog="inference_service.tune", description=__doc__)
    add = parser.add_argument
    add("--model", type=Path, required=True, help="the model folder")
    add("--cores", default="", help="0, 0,1 or 0-3; default: all that may be used")
    add("--for", dest="objective", choices=list(FIGURES), default=policy.objective)
    add("--rounds", type=int, default=effort.rounds, help="processes for each candidate")
    add("--runs", type=int, default=effort.runs, help="at most, in each of them")
    add("--max-memory", type=int, default=None, help="bytes a session may take")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.runs < 1:
        parser.error("--rounds and --runs are at least 1")
    try:
        tuning = tune(
            read_subject(options.model),
            parse_cores(options.cores),
            Policy(options.objective, memory_bytes=options.max_memory),
            Effort(rounds=options.rounds, runs=options.runs),
            _tell,
        )
    except EdgeAssetsError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(json.dumps(tuning.record, indent=1) + "\n")
    return 0


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
