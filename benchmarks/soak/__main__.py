"""`python -m benchmarks.soak`: runs it, prints the verdict, writes it; 1 if it is not good."""

import argparse
import dataclasses
import datetime
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.soak.run import ROOT, Effort, soak
from benchmarks.soak.verdict import Check, Soak, verdict
from protos.errors import EdgeAssetsError

RESULTS = ROOT / "benchmarks" / "results" / "soak.json"
_WARM_UP_SHARE = 0.3
_MAX_WARM_UP = 300.0  # by then malloc has torn what it will tear: measured, 1 to 2 minutes


def main(words: Sequence[str] | None = None) -> int:
    """0 when the soak was good, 1 when it was not, 2 and more when it could not be run."""
    options = _parser().parse_args(words)
    seconds = options.minutes * 60
    effort = Effort(seconds, min(seconds * _WARM_UP_SHARE, _MAX_WARM_UP), options.swap)
    try:
        with tempfile.TemporaryDirectory(prefix="soak-") as folder:
            found, details = soak(
                Path(folder), effort, {"INFERENCE_TRANSPORT": options.transport}, _tell
            )
    except EdgeAssetsError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    checks = verdict(found)
    print(table(checks))
    for reason in details["reasons"]:
        print(f"failed: {reason}", file=sys.stderr)
    result = as_json(found, checks, details, options.transport, effort)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(json.dumps(result, indent=1) + "\n")
    print(f"\nwritten to {options.results}")
    return 0 if all(check.ok for check in checks) else 1


def table(checks: Sequence[Check]) -> str:
    """The verdict, for people."""
    rows = [
        ("check", "value", "bound", ""),
        *((c.name, c.value, c.bound, _mark(c)) for c in checks),
    ]
    widths = [max(len(row[place]) for row in rows) for place in range(3)]
    lines = ["  ".join([*map(str.ljust, row[:3], widths), row[3]]).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def as_json(
    found: Soak, checks: Sequence[Check], details: dict[str, Any], transport: str, effort: Effort
) -> dict[str, Any]:
    """What is written: the verdict, the figures, and under which conditions."""
    figures = dataclasses.asdict(found)
    samples = figures.pop("samples")
    step = max(1, len(samples) // 200)
    return {
        "ok": all(check.ok for check in checks),
        "checks": [dataclasses.asdict(check) for check in checks],
        "transport": transport,
        "effort": dataclasses.asdict(effort),
        "figures": figures,
        "details": details,
        "samples": samples[::step],
        "machine": {"cores": os.cpu_count(), "system": f"{platform.system()} {platform.release()}"},
        "python": platform.python_version(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _mark(check: Check) -> str:
    return "ok" if check.ok else "FAILED"


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="of load (30)")
    parser.add_argument("--swap", type=float, default=10.0, help="seconds between swaps (10)")
    parser.add_argument("--transport", choices=["fast", "grpcio"], default="fast")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where to write")
    return parser


if __name__ == "__main__":
    sys.exit(main())
