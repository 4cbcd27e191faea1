"""What holds for every test."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The Linux wheels of onnxruntime send telemetry unless this is set before the first import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# Evidently's dependencies ask for this one.
os.environ["DO_NOT_TRACK"] = "1"

# Keras brings absl, whose log handler closes its stream when Dagster configures logging, unless it
# is one of the process: here it would be the one that pytest captures into.
with contextlib.suppress(ImportError):
    from absl import logging

    logging.get_absl_handler().python_handler.stream = sys.__stderr__


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home of Dagster in which nothing happened yet: to copy is quicker than to make."""
    from tests.edge_assets.bench import make_blank

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", "")
        yield make_blank(tmp_path_factory.mktemp("blank"))
