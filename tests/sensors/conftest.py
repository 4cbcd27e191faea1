from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge_assets.bench import Bench, make_blank, opened_bench


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", "")
        yield make_blank(tmp_path_factory.mktemp("blank"))


@pytest.fixture
def bench(tmp_path: Path, blank: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with opened_bench(tmp_path, blank, monkeypatch) as opened:
        yield opened
