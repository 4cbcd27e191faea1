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
from resources.settings import Settings
from tests.docs.world import World, reader_environment

SOAK_SECONDS = 0.5


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("docs")
    devices = planned_fleet({"canary": 1, "broad": 1}, ["nyc_taxi"])
    rungs = [runtime.rung for runtime in available_runtimes()]
    runtime = {"EDGE_RUNTIME": "sandbox"} if "sandbox" in rungs else {}
    environment = reader_environment(runtime)
    rings = Settings.rings
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("EDGE_")]:
            patch.delenv(name)
        for name, value in runtime.items():
            patch.setenv(name, value)
        patch.setenv("EDGE_DEBUG", "1")
        patch.chdir(folder)
        # The soak time of a canary is waited out by people; here it is waited out by a test.
        patch.setattr(
            Settings,
            "rings",
            lambda self, declared: [
                ring.model_copy(update={"soak_seconds": min(ring.soak_seconds, SOAK_SECONDS)})
                for ring in rings(self, declared)
            ],
        )
        with Supervisor(folder / ".edge", dagster=False, devices=devices):
            bench = open_workbench("nyc_taxi", Platform())
            # Commands that run in this process share it: Dagster keeps one instance a process.
            patch.setattr("edgectl.chain.open_workbench", lambda model: bench)
            yield World(Path(folder), bench, environment)
