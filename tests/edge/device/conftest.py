from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.local_hub.testing import running_hub
from tests.edge.device.bench import Bench
from tests.edge.device.world import World, managers


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running_hub(tmp_path) as hub:
        yield World(hub, tmp_path, *managers(hub))
