"""The register as a process of its own."""

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 30.0
ADMIN, PASSWORD = "chief", "brake-pads-2026"
_LISTENING = re.compile(r"listening on .*:(\d+)")


class Register:
    """A running register: its port, and what it logged."""

    def __init__(self, process: "subprocess.Popen[str]", data: Path) -> None:
        self.process, self.data = process, data
        self.port = 0
        self._lines: list[str] = []
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def log(self) -> str:
        return "".join(self._lines)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_until_listening(self) -> None:
        assert self._ready.wait(START_SECONDS), self.log
        assert self.port, self.log

    def get(self, path: str, host: str = "localhost") -> tuple[int, http.client.HTTPMessage, str]:
        """Status, headers and body; redirects are not followed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        code = self.process.wait(15)
        self._reader.join(5)
        return code

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.append(line)
            if found := _LISTENING.search(line):
                self.port = int(found[1])
                self._ready.set()
        self._ready.set()


@contextmanager
def running_register(
    data: Path, target: str, *, listens: bool = True, **settings: str
) -> Iterator[Register]:
    """`python -m edge.webapp` on a free port of the loopback; killed at the end if it still runs.

    A setting of "" is not set. Without `listens` it is expected to end by itself.
    """
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("WEBAPP_", "DATABASE_", "DJANGO_", "EdgeHub", "IOTEDGE_"))
    }
    environment |= {
        "WEBAPP_ADDRESS": "127.0.0.1:0",
        "WEBAPP_DATA": str(data),
        "INFERENCE_TARGET": target,
        "WEBAPP_ADMIN_USER": ADMIN,
        "WEBAPP_ADMIN_PASSWORD": PASSWORD,
        "WEBAPP_RETRY_SECONDS": "0.3",
    } | settings
    process = subprocess.Popen(
        [sys.executable, "-m", "edge.webapp"],
        env={key: value for key, value in environment.items() if value},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        register = Register(process, data)
        if listens:
            register.wait_until_listening()
        yield register
    finally:
        process.kill()
        process.wait(10)
        assert process.stderr is not None
        process.stderr.close()


def post(port: int, path: str, cookie: str, body: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    form = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", path, body, form)
    status = connection.getresponse().status
    connection.close()
    return status


def sign_in(port: int) -> tuple[str, str]:
    """As `sign_in_as`, with the first account."""
    return sign_in_as(port, ADMIN, PASSWORD)


def sign_in_as(port: int, account: str, password: str) -> tuple[str, str]:
    """The cookies of a session, and the token of its forms."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/sign-in")
    answer = connection.getresponse()
    token = answer.read().decode().partition('name="csrfmiddlewaretoken" value="')[2][:64]
    cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]
    connection.request(
        "POST",
        "/sign-in",
        f"csrfmiddlewaretoken={token}&username={account}&password={password}",
        {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"},
    )
    answer = connection.getresponse()
    assert answer.status == 302, answer.read()
    answer.read()
    cookies = [line.partition(";")[0] for line in answer.headers.get_all("Set-Cookie") or []]
    connection.request("GET", "/components/new", headers={"Cookie": "; ".join(cookies)})
    page = connection.getresponse().read().decode()
    connection.close()
    return "; ".join(cookies), page.partition('name="csrfmiddlewaretoken" value="')[2][:64]
