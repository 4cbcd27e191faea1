"""Django in the tests' own process, on a real SQLite file for each test."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.inference_service.harness import Service, running_service

_DATA = Path(tempfile.mkdtemp(prefix="register-tests-"))
atexit.register(shutil.rmtree, _DATA, ignore_errors=True)
# Django reads its settings once in a process, when the first test module imports its tables.
for _name in [name for name in os.environ if name.startswith(("WEBAPP_", "DATABASE_"))]:
    del os.environ[_name]
os.environ["WEBAPP_DATA"] = str(_DATA)
os.environ["WEBAPP_HOSTS"] = "testserver"
os.environ["INFERENCE_TARGET"] = "127.0.0.1:1"

from edge.webapp.server import set_up  # noqa: E402

CONFIG = set_up()
for _name in ("WEBAPP_DATA", "WEBAPP_HOSTS", "INFERENCE_TARGET"):  # nobody else's business
    del os.environ[_name]

from django.conf import settings  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402

from edge.webapp.model_client import ModelClient  # noqa: E402
from edge.webapp.register import health, judging  # noqa: E402
from tests.edge.webapp.model import words_model  # noqa: E402

settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick, for tests
setup_test_environment()

Ask = Callable[[str], None]


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables and no rows."""
    path = tmp_path_factory.mktemp("empty") / "register.sqlite3"
    _use(path)
    call_command("migrate", interactive=False, verbosity=0)
    connection.close()
    return path


@pytest.fixture
def database(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A database of this test's own; a model that nobody can ask."""
    path = tmp_path / "register.sqlite3"
    for file in empty.parent.iterdir():
        shutil.copy(file, tmp_path / file.name)
    _use(path)
    client = ModelClient("127.0.0.1:1", "compliance", CONFIG.contract, 0.5)
    monkeypatch.setattr(judging, "client", lambda: client)
    monkeypatch.setattr(judging, "_away", None)
    monkeypatch.setattr(health, "_last", (float("-inf"), {}))
    yield path
    connection.close()
    client.close()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The real inference service with a small model of words."""
    with running_service(words_model(tmp_path_factory.mktemp("compliance"))) as running:
        yield running


@pytest.fixture
def model(
    database: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModelClient]:
    """The register of this process asks the real service."""
    client = ModelClient(service.target, "compliance", CONFIG.contract)
    monkeypatch.setattr(judging, "client", lambda: client)
    yield client
    client.close()


@pytest.fixture
def technician(database: Path) -> User:
    return User.objects.create_user("mara", password="brake-pads-2026")


@pytest.fixture
def chief(database: Path) -> User:
    return User.objects.create_superuser("chief", password="brake-pads-2026")


@pytest.fixture
def browser(technician: User) -> Client:
    """A technician's browser, signed in; it sends the token of a form as real ones do."""
    client = Client()
    client.force_login(technician)
    return client


def _use(path: Path) -> None:
    connection.close()
    connection.settings_dict["NAME"] = str(path)
