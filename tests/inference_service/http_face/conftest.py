"""A running HTTP face over the models `taxi` and `echo`."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference_service.methods import FindMethod
from inference_service.metrics.calls import CallMetrics
from inference_service.metrics.service import ServiceMetrics
from tests.inference_service.http_face.client import Face, running_face
from tests.inference_service.http_face.table import method_table


@pytest.fixture(scope="module")
def find(taxi: Path, echo: Path, tmp_path_factory: pytest.TempPathFactory) -> FindMethod:
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(taxi, folder / "taxi")
    shutil.copytree(echo, folder / "echo")
    (folder / "broken").mkdir()
    (folder / "broken" / "model.json").write_text("{}")
    return method_table(folder)


@pytest.fixture(scope="module")
def face(find: FindMethod) -> Iterator[Face]:
    calls = CallMetrics(["/inference.GRPCInferenceService/ModelInfer"])
    with running_face(
        find,
        ServiceMetrics(calls).render,
        observer=calls,
    ) as running:
        yield running
