from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.oci import BlobStore
from tests.edge.oci.registry import Registry, make_certificate, running_registry


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def registry(tmp_path: Path, certificate: tuple[Path, Path]) -> Iterator[Registry]:
    with running_registry(tmp_path, certificate) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "store")
