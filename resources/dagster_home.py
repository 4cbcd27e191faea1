"""Where Dagster keeps its state on this machine, and its settings there."""

from pathlib import Path

SETTINGS = """\
# Written by edgectl. Runs, events and schedules are kept in SQLite beside this file.
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 1
"""


def prepare_dagster_home(home: Path) -> Path:
    """`home`/dagster, made with its settings; the value of DAGSTER_HOME."""
    folder = (home / "dagster").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dagster.yaml").write_text(SETTINGS)
    return folder
