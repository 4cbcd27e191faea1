"""How long the Dagster code location takes to load, against `import dagster` alone.

    .venv/bin/python benchmarks/code_location.py

Both are loaded in fresh processes, interleaved; the figure is the ratio of their median CPU
seconds. The goal is at most 1.5.
"""

import json
import resource
import statistics
import subprocess
import sys

RUNS = 9
GOAL = 1.5
PROGRAMS = {
    "import dagster": "import dagster",
    "code location": "import edge_assets.definitions as d; d.defs.resolve_all_asset_specs()",
}


def cpu_seconds(program: str) -> float:
    """User and system CPU seconds of one fresh process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measures and prints one JSON object."""
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for program in PROGRAMS.values():
        cpu_seconds(program)  # compiled files and the page cache are the same for both
    for _ in range(RUNS):
        for name, program in PROGRAMS.items():
            times[name].append(cpu_seconds(program))
    medians = {name: statistics.median(values) for name, values in times.items()}
    ratio = medians["code location"] / medians["import dagster"]
    print(json.dumps({"cpu_seconds": medians, "ratio": round(ratio, 3), "goal": GOAL}, indent=1))
    sys.exit(0 if ratio <= GOAL else 1)


if __name__ == "__main__":
    main()
