"""The world of the docs, started once."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.runtime import available_runtimes
from edgectl.chain import open_workbench
from edgectl.seeding import planned_fleet
from edgectl.supervisor import Supervisor
from resources.platform import Platform
from tests.docs.world import World, reader_environment

SHORTER = {"soak_seconds_at_most": 0.5, "telemetry_lag_seconds": 1.5}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("docs")
    devices = planned_fleet({"canary": 1, "broad": 1}, ["nyc_taxi"])
    rungs = [runtime.rung for runtime in available_runtimes()]
    runtime = {"EDGE_RUNTIME": "sandbox"} if "sandbox" in rungs else {}
    environment = reader_environment(runtime)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("EDGE_")]:
            patch.delenv(name)
        for name, value in runtime.items():
            patch.setenv(name, value)
        patch.setenv("EDGE_DEBUG", "1")
        patch.setenv("DAGSTER_HOME", str(folder))  # opening an instance sets it; undone at the end
        patch.chdir(folder)
        with Supervisor(folder / ".edge", dagster=False, devices=devices):
            platform = Platform()
            # As a cached property: what people wait out is shorter here.
            vars(platform)["settings"] = platform.settings.model_copy(update=SHORTER)
            bench = open_workbench("nyc_taxi", platform)
            # Commands that run in this process share it: Dagster keeps one instance a process.
            patch.setattr("edgectl.chain.open_workbench", lambda model: bench)
            yield World(Path(folder), bench, environment)
