"""`python -m benchmarks.inference`: measures, prints the table, writes results and picture."""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.inference.bench import ROOT, Bench, Effort
from benchmarks.inference.conditions import conditions
from benchmarks.inference.figures import FIGURES, Measured
from benchmarks.inference.grpcio_versions import compare_versions
from benchmarks.inference.processes import two_cores
from benchmarks.inference.report import as_json, rows, table
from benchmarks.inference.sections import SECTIONS
from protos.errors import EdgeAssetsError

RESULTS = ROOT / "benchmarks" / "results" / "inference.json"
PICTURE = ROOT / "docs" / "images" / "inference-benchmark.png"
QUICK = Effort(seconds=1.0, rounds=3, fine_rounds=5, starts=5)


def main(words: Sequence[str] | None = None) -> int:
    """0 when every goal is reached, 1 when one is not, 2 when nothing can be measured."""
    options = _parser().parse_args(words)
    effort = QUICK if options.quick else Effort()
    if options.seconds:
        effort = Effort(options.seconds, effort.rounds, effort.fine_rounds, effort.starts)
    settings = {"INFERENCE_TRANSPORT": options.transport} if options.transport else {}
    cache = Path(os.environ.get("EDGE_HOME", ROOT / ".edge")).resolve() / "benchmarks"
    try:
        with Bench(two_cores(), cache, effort, settings) as bench:
            if options.grpcio_versions:
                print(compare_versions(bench, options.grpcio_versions.split(",")))
                return 0
            chosen = options.only or list(SECTIONS)
            measured = _measured(bench, chosen)
    except EdgeAssetsError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    found = rows([figure for figure in FIGURES if figure.section in chosen], measured)
    print(table(found))
    whole = not (options.only or options.quick or options.transport)
    target = RESULTS if whole else cache / "inference.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(as_json(found, conditions(effort)), indent=1) + "\n")
    print(f"\nwritten to {target}")
    if whole:
        from benchmarks.inference.picture import draw

        draw(found, PICTURE)
        print(f"picture in {PICTURE}")
    return 0 if all(row.ok for row in found) else 1


def _measured(bench: Bench, chosen: Sequence[str]) -> dict[str, Measured]:
    """What the chosen sections found; of one that fails, why."""
    found: dict[str, Measured] = {}
    for name in chosen:
        begin = time.monotonic()
        try:
            found.update(SECTIONS[name](bench))
        except EdgeAssetsError as error:
            missing = Measured(None, str(error))
            found |= {figure.key: missing for figure in FIGURES if figure.section == name}
        print(f"{name}: {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks.inference", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=list(SECTIONS), help="this section (again for more)"
    )
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--seconds", type=float, help="of each measurement")
    parser.add_argument("--transport", choices=["fast", "grpcio"], help="else the service's own")
    parser.add_argument("--grpcio-versions", help="compare these, as in 1.74.0,1.76.0")
    return parser


if __name__ == "__main__":
    sys.exit(main())
