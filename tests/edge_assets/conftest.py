from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge_assets.bench import Bench, opened_bench


@pytest.fixture
def bench(tmp_path: Path, blank: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with opened_bench(tmp_path, blank, monkeypatch) as opened:
        yield opened
