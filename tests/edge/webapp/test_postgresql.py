"""The register on a real PostgreSQL, where there is one to be had."""

import concurrent.futures
import csv
import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.webapp.database import read_database_url
from tests.edge.webapp.running import post, running_register, sign_in
from tests.inference_service.harness import Service

pgserver = pytest.importorskip("pgserver", reason="its wheels are not for this machine")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an empty database: by the socket, nobody listens on a port."""
    folder = tmp_path_factory.mktemp("pg")  # the path of a socket has at most 107 characters
    server = pgserver.get_server(folder, cleanup_mode="stop")
    try:
        server.psql("create database register;")
        yield server.get_uri(database="register")
    finally:
        server.cleanup()


def page(port: int, path: str, cookie: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Cookie": cookie})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    assert answer.status == 200, body
    return body


def test_a_socket_is_named_by_its_folder() -> None:
    found = read_database_url("postgresql://me:@/register?host=/run/pg", Path("/x"))
    assert (found.host, found.name, found.user) == ("/run/pg", "register", "me")
    assert "host" not in found.options


def test_entries_corrections_and_batches(tmp_path: Path, service: Service, database: str) -> None:
    with running_register(tmp_path, service.target, DATABASE_URL=database) as register:
        cookie, token = sign_in(register.port)
        head = f"csrfmiddlewaretoken={token}"

        def enter(number: int) -> int:
            body = f"{head}&description=poor+iron+{number}&number="
            return post(register.port, "/components/new", cookie, body)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert set(pool.map(enter, range(40))) == {302}
        assert json.loads(register.get("/healthz")[2])["waiting"] == 0
        assert "40 components found" in page(register.port, "/?label=non-compliant", cookie)
        assert "1 component found" in page(register.port, "/?text=POOR+Iron+17", cookie)
        shown = page(register.port, "/?text=iron+17", cookie)
        found = re.search(r'href="/components/(\d+)"', shown)
        assert found is not None
        body = f"{head}&label=0&reason=it+is+steel&revision=1&shown=1"
        assert post(register.port, f"/components/{found[1]}/correct", cookie, body) == 302
        assert not (tmp_path / "register.sqlite3").exists()
        assert register.stop() == 0

    (tmp_path / "out").mkdir()
    variables = {"WEBAPP_DATA": str(tmp_path), "DATABASE_URL": database, "INFERENCE_TARGET": "x:1"}
    done = subprocess.run(
        [sys.executable, "-m", "edge.webapp", "export-corrections", "--to", str(tmp_path / "out")],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (batch,) = (tmp_path / "out").glob("*.csv")
    with batch.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["description"], "0" in row.values()) == ("poor iron 17", True)

    with running_register(tmp_path, service.target, DATABASE_URL=database) as again:
        assert "first account" not in again.log
        cookie, _ = sign_in(again.port)
        assert "1 component found" in page(again.port, "/?label=compliant", cookie)
