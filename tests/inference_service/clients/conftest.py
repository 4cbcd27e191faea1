"""Services that all tests of this folder ask, one of each for each transport."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.inference_service.clients.folders import mirror_model, slow_folder
from tests.inference_service.harness import Service, running_service

LIMIT = 12 << 20


@pytest.fixture(scope="session")
def mirror(transport: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Answers large messages; its limit is LIMIT octets."""
    folder = mirror_model(tmp_path_factory.mktemp("mirror"))
    with running_service(folder, INFERENCE_MAX_MESSAGE_BYTES=str(LIMIT)) as running:
        yield running


@pytest.fixture(scope="session")
def slow_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return slow_folder(tmp_path_factory.mktemp("slow"))


@pytest.fixture(scope="session")
def slow(transport: str, slow_model_folder: Path) -> Iterator[Service]:
    """Takes about 0.3 s for an answer."""
    with running_service(slow_model_folder) as running:
        yield running
