from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.webapp.config import Config
from edge.webapp.contract import Contract
from edge.webapp.database import read_database_url
from protos.errors import ConfigurationError

SECRET = "k" * 40


def config(**environ: str) -> Config:
    return Config.from_environment(environ)


def test_an_empty_environment_is_enough() -> None:
    found = config()
    assert (found.host, found.port, found.data) == ("0.0.0.0", 8090, Path("/data"))
    assert (found.target, found.model) == ("compliance:8081", "compliance")
    assert found.database.file == Path("/data/register.sqlite3")
    assert found.account is None
    assert found.secret_key is None
    assert found.contract == Contract()
    assert not found.https


def test_everything_can_be_set() -> None:
    found = config(
        WEBAPP_ADDRESS="[::1]:80",
        WEBAPP_DATA="/var/register",
        DATABASE_URL="postgres://u:p%40ss@db/name?sslmode=require",
        INFERENCE_TARGET="other:1",
        MODEL_NAME="other",
        WEBAPP_SECRET_KEY=SECRET,
        WEBAPP_ADMIN_USER="chief",
        WEBAPP_ADMIN_PASSWORD="very-secret",
        WEBAPP_HOSTS="Register.example.com, line-1",
        IOTEDGE_GATEWAYHOSTNAME="gate",
        WEBAPP_HTTPS="on",
        WEBAPP_TIME_ZONE="Europe/Berlin",
        WEBAPP_THREADS="3",
        WEBAPP_MODEL_SECONDS="0.5",
    )
    assert (found.host, found.port) == ("::1", 80)
    assert found.hosts == ("register.example.com", "line-1", "gate")
    assert found.database.settings()["PASSWORD"] == "p@ss"
    assert found.database.settings()["PORT"] == "5432"
    assert found.database.options["sslmode"] == "require"
    assert found.database.file is None
    assert (found.https, found.threads, found.model_seconds) == (True, 3, 0.5)
    for secret in ("very-secret", "p@ss", SECRET):
        assert secret not in repr(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEBAPP_ADDRESS", "8090"),
        ("WEBAPP_ADDRESS", "host:"),
        ("WEBAPP_ADDRESS", "host:65536"),
        ("INFERENCE_TARGET", "compliance"),
        ("INFERENCE_TARGET", "compliance:0"),
        ("WEBAPP_SECRET_KEY", "hunter2"),
        ("WEBAPP_ADMIN_USER", "chief"),
        ("WEBAPP_ADMIN_PASSWORD", "hunter2-hunter2"),
        ("WEBAPP_HOSTS", "https://register"),
        ("WEBAPP_HOSTS", "*"),
        ("WEBAPP_HTTPS", "yes"),
        ("WEBAPP_TIME_ZONE", "Mars/Olympus"),
        ("WEBAPP_TIME_ZONE", "../../etc/passwd"),
        ("WEBAPP_THREADS", "0"),
        ("WEBAPP_MODEL_SECONDS", "nan"),
        ("DATABASE_URL", "mysql://root:hunter2@db/name"),
        ("DATABASE_URL", "postgres://root:hunter2@db"),
        ("DATABASE_URL", "postgres://root:hunter2@db:port/name"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "hunter2"),
    ],
)
def test_a_wrong_setting_is_told_with_its_remedy_and_no_secret(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        config(**{name: value})
    assert "WEBAPP_" in str(told.value) or name in str(told.value)
    assert told.value.exit_code == 2
    assert "hunter2" not in str(told.value)


@given(st.text(max_size=60))
def test_no_database_url_ends_otherwise_than_in_the_error_tree(url: str) -> None:
    try:
        name = read_database_url(url, Path("/data/default")).name
    except ConfigurationError as error:
        name = str(error.remedy)
    assert name


def test_sqlite_waits_for_other_writers_and_survives_power_cuts() -> None:
    options: Any = read_database_url("sqlite:////var/a%20b.db", Path("/x")).settings()["OPTIONS"]
    assert read_database_url("sqlite:////var/a%20b.db", Path("/x")).name == "/var/a b.db"
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "synchronous=FULL" in options["init_command"]


def test_the_contract_tells_names_and_length(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(
        '{"inputs": [{"name": "text", "datatype": "BYTES", "max_length": 300}],'
        '"outputs": [{"name": "bad", "datatype": "INT64"}]}'
    )
    assert Contract.load(path) == Contract("text", "bad", 300)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"inputs": [], "outputs": []}',
        '{"inputs": [{"name": "x", "datatype": "FP32"}],'
        '"outputs": [{"name": "y", "datatype": "INT64"}]}',
        '{"inputs": [{"name": "x", "datatype": "BYTES"}],'
        '"outputs": [{"name": "y", "datatype": "FP32"}]}',
    ],
)
def test_a_contract_of_another_kind_of_model_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="contract"):
        Contract.load(path)
