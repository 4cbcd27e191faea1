"""One service on the model `taxi` for all tests that only ask."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.inference_service.harness import Service, running_service
from tests.inference_service.models import echo_model, taxi_model


@pytest.fixture(scope="session")
def taxi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return taxi_model(tmp_path_factory.mktemp("taxi"))


@pytest.fixture(scope="session")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return echo_model(tmp_path_factory.mktemp("echo"))


@pytest.fixture(scope="session", params=["grpcio", "fast"])
def transport(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test that starts the service does so on both transports."""
    name: str = request.param
    os.environ["INFERENCE_TRANSPORT"] = name
    yield name
    del os.environ["INFERENCE_TRANSPORT"]


@pytest.fixture(scope="session")
def service(transport: str, taxi: Path) -> Iterator[Service]:
    with running_service(taxi, INFERENCE_MAX_MESSAGE_BYTES="65536") as running:
        yield running
