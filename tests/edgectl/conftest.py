"""One local hub with a seeded fleet for all tests of commands, and a way to run a command."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge.local_hub.testing import running_hub
from edgectl.local_environment import write_env_file
from edgectl.main import run
from edgectl.seeding import planned_fleet, seed_fleet
from resources.hub import Hub

FLEET_KEY = "Z3JvdXAga2V5IG9mIHRoZSB0ZXN0cw=="


@dataclass(frozen=True)
class Home:
    """A home whose `local.env` points at a running hub."""

    folder: Path
    hub: Hub


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("home")
    with running_hub(folder / "state") as local:
        variables = {
            "EDGE_HUB_CONNECTION_STRING": local.connection_string,
            "EDGE_HUB_CA": str(local.ca),
            "EDGE_REGISTRY": local.registry,
            "EDGE_REGISTRY_CA": str(local.ca),
            "EDGE_FLEET_KEY": FLEET_KEY,
        }
        write_env_file(folder / "local.env", variables)
        hub = Hub(local.connection_string, local.ca)
        seed_fleet(hub, FLEET_KEY, planned_fleet({"canary": 1, "early": 1}, ["nyc_taxi"]))
        yield Home(folder, hub)


@pytest.fixture
def home(seeded: Home, clean: None, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("EDGE_HOME", str(seeded.folder))
    return seeded


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine reaches a test, and no hub is known."""
    for name in [name for name in os.environ if name.startswith("EDGE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("EDGE_HOME", str(tmp_path / "empty"))


@dataclass(frozen=True)
class Done:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Runner:
    """Runs `edgectl` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Done:
        self._capsys.readouterr()
        code = run(arguments)
        said = self._capsys.readouterr()
        return Done(code, said.out, said.err)


@pytest.fixture
def edgectl(clean: None, capsys: pytest.CaptureFixture[str]) -> Runner:
    return Runner(capsys)
