"""One world in which all snippets of the docs are run, and what does the work of Dagster's daemon.

A hub, a registry and two devices are real and run as processes. `edgectl` commands that stand alone
are run in this process, since loading everything anew for each takes seconds; all others by bash.
"""

import contextlib
import io
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from edge_assets.lineage import newest
from edge_assets.operate import failure, materialize, tick
from edgectl.chain import Workbench
from edgectl.main import run
from protos.errors import DeadlineExceeded

SENSORS = ("new_data", "fleet", "captures", "drift")
ASSETS = ("raw_batch", "container_image", "rollout", "deployment", "captures", "drift_report")
COMMAND_SECONDS = 60.0
WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Done:
    """What a command printed, on both streams, and how it ended."""

    code: int
    printed: str


@dataclass
class World:
    """`folder` is where the reader stands; the state is in its `.edge`."""

    folder: Path
    bench: Workbench
    environment: Mapping[str, str]
    cursors: dict[str, str | None] = field(default_factory=dict)
    automation: Any = None
    made: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def run(self, line: str) -> Done:
        """Runs one command line as a reader would."""
        if not line.startswith("edgectl ") or set(line.partition("$(")[0]) & set("|<>;&"):
            return self._process(["bash", "-euo", "pipefail", "-c", line])
        # Bash reads the words, and does what is in $(...).
        line = line.replace("edgectl ", "exec 2>/dev/null; printf '%s\\0' ", 1)
        words = self._process(["bash", "-c", line])
        return self._edgectl(words.printed.split("\0")[:-1])

    def python(self, text: str) -> Done:
        """Runs a Python snippet."""
        return self._process([sys.executable, "-c", text])

    def _process(self, command: list[str]) -> Done:
        ended = subprocess.run(
            command,
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        return Done(ended.returncode, ended.stdout)

    def _edgectl(self, arguments: list[str]) -> Done:
        both = io.StringIO()
        with contextlib.redirect_stdout(both), contextlib.redirect_stderr(both):
            code = run(arguments)
        return Done(code, both.getvalue())

    def wait_for(self, asset: str) -> None:
        """Lets the automation work until `asset` was made since the last wait for anything.

        Waits for `raw_batch` and `quarantine` look for deliveries only: what would follow from
        them is waited for elsewhere.
        """
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            self._look(SENSORS[:1] if asset in ("raw_batch", "quarantine") else SENSORS)
            if asset not in ("raw_batch", "quarantine"):
                self._propagate()
            counts = {name: self._materializations(name) for name in ASSETS}
            counts["quarantine"] = len(
                list((self.folder / ".edge/quarantine").rglob("reason.json"))
            )
            if counts[asset] > self.made.get(asset, 0):
                self.made = counts
                return
            if time.monotonic() > deadline:
                raise DeadlineExceeded(
                    f"the automation did not make {asset}", why="; ".join(self.failures)
                )
            time.sleep(0.5)

    def _look(self, sensors: Sequence[str]) -> None:
        """One tick of each of the sensors, with the runs that they ask for."""
        bench, model = self.bench, self.bench.chain.name
        for sensor in sensors:
            name = f"{model}_{sensor}"
            ticked = tick(bench.definitions, bench.instance, name, self.cursors.get(name))
            self.cursors[name] = ticked.cursor
            for request in ticked.run_requests:
                keys = request.asset_selection or [bench.chain.key("raw_batch")]
                self._run(list(keys), request.partition_key, request.tags)

    def _propagate(self) -> None:
        """One tick of the automation, with the run that it asks for."""
        bench = self.bench
        ticked = dg.evaluate_automation_conditions(
            bench.definitions, bench.instance, cursor=self.automation
        )
        self.automation = ticked.cursor
        known = bench.definitions.resolve_asset_graph().get_all_asset_keys()
        asked = [key for key in sorted(known) if ticked.get_num_requested(key)]
        if asked:
            self._run(asked, None, {"trigger": "automation"})

    def _run(self, keys: list[dg.AssetKey], partition: str | None, tags: Mapping[str, str]) -> None:
        bench = self.bench
        ended = materialize(
            bench.definitions, bench.instance, keys, partition=partition, tags=dict(tags)
        )
        error = failure(ended)
        if error is not None:
            self.failures.append(str(error))

    def _materializations(self, asset: str) -> int:
        key = self.bench.chain.key(asset)
        if newest(self.bench.instance, key) is None:
            return 0
        found = self.bench.instance.fetch_materializations(dg.AssetRecordsFilter(key), limit=1000)
        return len(found.records)


def reader_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of a reader whose `.venv` is activated; no setting of this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EDGE_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**kept, **variables, "PATH": path, "NO_COLOR": "1", "COLUMNS": "200"}
