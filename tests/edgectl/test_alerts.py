"""`edgectl alerts test`: it really sends, and says what went wrong."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from .conftest import Runner


@dataclass
class Chat:
    """A receiver of alerts on this machine."""

    url: str = ""
    status: int = 200
    posted: list[Any] = field(default_factory=list)


@pytest.fixture
def chat(clean: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    kept = Chat()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kept.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(kept.status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Keeps quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/T0K3N"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    monkeypatch.setenv("EDGE_ALERT_WEBHOOK", kept.url)
    yield kept
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_without_a_channel_it_says_how_to_get_one(edgectl: Runner) -> None:
    done = edgectl("alerts", "test")
    assert done.code == 2
    assert "nobody is told" in done.err
    assert "alert_to" in done.err


def test_the_message_arrives(edgectl: Runner, chat: Chat) -> None:
    done = edgectl("alerts", "test")
    assert done.code == 0
    assert done.out.splitlines()[1].split() == ["webhook", "yes", "-"]
    (posted,) = chat.posted
    assert posted["alerts"][0]["kind"] == "test"
    assert "somebody tried" in posted["text"]


def test_every_channel_is_tried_and_the_error_is_told(
    edgectl: Runner, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_ALERT_TO", "ada@example.org")
    monkeypatch.setenv("EDGE_ALERT_FROM", "edge@example.org")
    monkeypatch.setenv("EDGE_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("EDGE_SMTP_PORT", "1")
    done = edgectl("alerts", "test", "--json")
    assert done.code == 1
    assert [(found["channel"], found["sent"]) for found in done.json] == [
        ("email", False),
        ("webhook", True),
    ]
    assert "refused" in done.json[0]["remarks"][0].lower()
    assert json.loads(done.err)["error"]["kind"] == "Unavailable"


def test_a_refusal_is_told_without_the_address(edgectl: Runner, chat: Chat) -> None:
    chat.status = 404
    done = edgectl("alerts", "test")
    assert done.code == 2
    assert "it answered 404" in done.err
    assert "T0K3N" not in done.err + done.out
