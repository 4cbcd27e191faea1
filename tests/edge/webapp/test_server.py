import concurrent.futures
import http.client
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.webapp.security import is_known_host
from tests.edge.webapp.running import ADMIN, PASSWORD, running_register, sign_in
from tests.inference_service.harness import Service, wait_until


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8090", "127.0.0.1", "10.0.0.7:8090", "[::1]:80", "line-1", "line-1."],
)
def test_hosts_that_are_this_device(host: str) -> None:
    assert is_known_host(host, ("line-1",))


@pytest.mark.parametrize("host", ["", "evil.example", "line-1.evil.example", "127.0.0.1.nip.io"])
def test_hosts_that_are_not(host: str) -> None:
    assert not is_known_host(host, ("line-1",))


@given(st.text(max_size=40))
def test_no_host_makes_it_fail(host: str) -> None:
    assert is_known_host(host, ()) in (True, False)


def test_a_register_from_start_to_end(tmp_path: Path, service: Service) -> None:
    data = tmp_path / "data"
    with running_register(data, service.target) as register:
        status, headers, body = register.get("/healthz")
        state = json.loads(body)
        assert (status, state["database"], state["waiting"]) == (200, "ok", 0)
        assert state["model"]["state"] == "ready"
        assert state["model"]["digest"].startswith("sha256:")
        status, headers, body = register.get("/")
        assert (status, headers["Location"]) == (302, "/sign-in?next=/")
        assert register.get("/", host="evil.example")[0] == 400
        assert {path.name for path in data.iterdir()} >= {"register.sqlite3", "secret-key"}
        for name in ("register.sqlite3", "secret-key"):
            assert (data / name).stat().st_mode & 0o077 == 0
        assert register.stop() == 0
        assert "stopped" in register.log
        assert PASSWORD not in register.log
    with running_register(data, service.target) as again:  # accounts and key are still there
        assert "first account" not in again.log
        assert again.stop() == 0


@pytest.mark.parametrize("path", ["/sign-in", "/healthz", "/nothing", "/admin/login/"])
def test_every_answer_has_the_headers_of_a_careful_page(path: str, register_url: str) -> None:
    connection = http.client.HTTPConnection(register_url)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert ("script-src" in policy) == path.startswith("/admin/")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"].startswith(("no-store", "max-age=0"))
    assert "Server" not in answer.headers
    connection.close()


@pytest.fixture(scope="module")
def register_url(tmp_path_factory: pytest.TempPathFactory) -> object:
    with running_register(tmp_path_factory.mktemp("headers"), "127.0.0.1:1") as register:
        yield f"127.0.0.1:{register.port}"


def test_assets_come_from_the_device(register_url: str) -> None:
    connection = http.client.HTTPConnection(register_url)
    for path in ("register/register.css", "register/icon.svg", "admin/css/base.css"):
        connection.request("GET", f"/static/{path}")
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200
        assert b"http://" not in body.replace(b"http://www.w3.org", b"")
    connection.close()


def test_a_body_without_end_is_refused(register_url: str) -> None:
    connection = http.client.HTTPConnection(register_url, timeout=10)
    connection.request("POST", "/sign-in", headers={"Content-Length": str(1 << 40)})
    assert connection.getresponse().status in (400, 413)
    connection.close()


def test_without_a_model_everything_else_works(register_url: str) -> None:
    connection = http.client.HTTPConnection(register_url)
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    assert answer.status == 200
    assert json.loads(answer.read())["model"] == {"state": "unreachable"}
    connection.close()


def test_many_at_once_lose_nothing(tmp_path: Path, service: Service) -> None:
    """Eight writers on SQLite: each entry is there, judged once."""
    with running_register(tmp_path, service.target) as register:
        cookie, token = sign_in(register.port)

        def enter(number: int) -> int:
            connection = http.client.HTTPConnection("127.0.0.1", register.port, timeout=30)
            body = f"csrfmiddlewaretoken={token}&description=poor+iron+{number}&number="
            connection.request(
                "POST",
                "/components/new",
                body,
                {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"},
            )
            status = connection.getresponse().status
            connection.close()
            return status

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert set(pool.map(enter, range(40))) == {302}
        assert json.loads(register.get("/healthz")[2])["waiting"] == 0
        connection = http.client.HTTPConnection("127.0.0.1", register.port)
        connection.request("GET", "/?label=non-compliant", headers={"Cookie": cookie})
        assert b"40 components found" in connection.getresponse().read()
        connection.close()


def test_entries_that_waited_are_judged_by_themselves(tmp_path: Path, service: Service) -> None:
    with running_register(tmp_path, "127.0.0.1:1") as register:
        cookie, token = sign_in(register.port)
        connection = http.client.HTTPConnection("127.0.0.1", register.port)
        body = f"csrfmiddlewaretoken={token}&description=poor+iron&number="
        form = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/components/new", body, form)
        assert connection.getresponse().status == 302
        connection.close()
        assert json.loads(register.get("/healthz")[2])["waiting"] == 1
        assert register.stop() == 0
    with running_register(tmp_path, service.target) as register:
        wait_until(lambda: json.loads(register.get("/healthz")[2])["waiting"] == 0)
        assert "had waited and are judged: 1" in register.log


@pytest.mark.parametrize(
    ("settings", "code", "told"),
    [
        ({"WEBAPP_ADDRESS": "nowhere"}, 2, "WEBAPP_ADDRESS is 'nowhere'"),
        ({"WEBAPP_ADMIN_PASSWORD": "1234"}, 2, "the first account cannot be made"),
        ({"DATABASE_URL": "sqlite:////proc/none/register"}, 2, "cannot be made"),
        ({"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x"}, None, "PostgreSQL|database"),
        ({"WEBAPP_ADDRESS": "192.0.2.1:1"}, 2, "cannot be listened at"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    settings: dict[str, str], code: int | None, told: str, tmp_path: Path
) -> None:
    with running_register(tmp_path, "127.0.0.1:1", listens=False, **settings) as register:
        ended = register.wait()
    assert ended in ((1, 2) if code is None else (code,))
    assert any(word in register.log for word in told.split("|")), register.log
    assert "To mend it" in register.log
    assert "Traceback" not in register.log
    assert "hunter2" not in register.log


def forwarded(
    port: int, path: str, address: str, body: str = ""
) -> tuple[int, http.client.HTTPMessage, str]:
    """A request as a proxy with TLS passes it on; what it says about itself is its last word."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {
        "Host": "localhost",
        "X-Forwarded-For": f"203.0.113.9, {address}",
        "X-Forwarded-Proto": "https",
    }
    if body:
        _, told, page = forwarded(port, path, address)
        headers["Cookie"] = str(told["Set-Cookie"]).partition(";")[0]
        headers["Referer"] = f"https://localhost{path}"
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        token = page.partition('name="csrfmiddlewaretoken" value="')[2][:64]
        body = f"csrfmiddlewaretoken={token}&{body}"
    connection.request("POST" if body else "GET", path, body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, text


def test_behind_a_proxy_cookies_are_secure_and_addresses_the_browsers(tmp_path: Path) -> None:
    with running_register(tmp_path, "127.0.0.1:1", WEBAPP_HTTPS="on") as register:
        _, headers, _ = forwarded(register.port, "/sign-in", "10.0.0.1")
        assert "Secure" in headers["Set-Cookie"]
        assert headers["Strict-Transport-Security"].startswith("max-age=")
        wrong = f"username={ADMIN}&password=nonsense"
        codes = [forwarded(register.port, "/sign-in", "10.0.0.1", wrong)[0] for _ in range(6)]
        assert codes == [422] * 5 + [429]
        right = f"username={ADMIN}&password={PASSWORD}"
        assert forwarded(register.port, "/sign-in", "10.0.0.1", right)[0] == 429
        assert forwarded(register.port, "/sign-in", "10.0.0.2", right)[0] == 302


def test_without_a_proxy_nobody_chooses_an_address(tmp_path: Path) -> None:
    with running_register(tmp_path, "127.0.0.1:1") as register:
        wrong = f"username={ADMIN}&password=nonsense"
        codes = [forwarded(register.port, "/sign-in", f"10.0.0.{n}", wrong)[0] for n in range(6)]
        assert codes == [422] * 5 + [429]
        _, headers, _ = forwarded(register.port, "/sign-in", "10.0.0.1")
        assert "Secure" not in headers["Set-Cookie"]


def test_the_command_line_exports(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge.webapp", "export-corrections", "--to", str(tmp_path)]
    environment = {"WEBAPP_DATA": str(tmp_path / "data"), "PATH": "/usr/bin:/bin"}
    start = time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "no new correction" in done.stderr
    assert time.monotonic() - start < 30
