"""Alerts go out to a real mail server and a real HTTP server, or it is said why not."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from edge_assets.core.alert_text import Message
from protos.errors import ConfigurationError, DeadlineExceeded, EdgeAssetsError, Unavailable
from resources import alerts
from resources.alerts import Channel, channels_of
from resources.settings import load_settings

from .conftest import self_signed

PASSWORD = "correct-horse-battery"
TOKEN = "T0K3N-of-the-chat"
MESSAGE = Message("[edge-assets prod] gate closed: ä", "why: <!channel> ü\n", {"alerts": [1]})


@dataclass
class MailServer:
    """A real SMTP server on this machine; `refuse` maps an address, or DATA, to its answer."""

    folder: Path
    port: int = 0
    taken: list[Envelope] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)

    async def handle_RCPT(  # a name of aiosmtpd
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        if "DATA" in self.refuse:
            return self.refuse["DATA"]
        self.taken.append(envelope)
        return "250 OK"

    def start(self, tls: str = "starttls", **options: Any) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self_signed(self.folder))
        if tls == "starttls":
            options.update(tls_context=context, require_starttls=True)
        elif tls == "tls":
            options["ssl_context"] = context
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        controller = Controller(self, hostname="localhost", port=self.port, **options)
        controller.start()
        self.stack.callback(controller.stop)

    def settings(self, **changes: str) -> dict[str, str]:
        known = {
            "EDGE_HOME": str(self.folder),
            "EDGE_ALERT_TO": "ada@example.org, ben@example.org",
            "EDGE_ALERT_FROM": "edge@example.org",
            "EDGE_SMTP_HOST": "localhost",
            "EDGE_SMTP_PORT": str(self.port),
            "EDGE_SMTP_CA": str(self.folder / "ca.pem"),
        }
        return {name: value for name, value in {**known, **changes}.items() if value}

    def channel(self, **changes: str) -> Channel:
        (channel,) = channels_of(load_settings(self.settings(**changes)))
        return channel


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[MailServer]:
    server = MailServer(tmp_path)
    with server.stack:
        yield server


def signs_in(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
    return AuthResult(success=good, handled=False)


SIGN_IN: dict[str, Any] = {"authenticator": signs_in, "auth_required": True}


@pytest.mark.parametrize("tls", ["starttls", "tls", "none"])
def test_a_mail_arrives_as_it_was_meant(mail: MailServer, tls: str) -> None:
    mail.start(tls)
    assert mail.channel(EDGE_SMTP_TLS=tls).send(MESSAGE) == []
    (envelope,) = mail.taken
    assert envelope.mail_from == "edge@example.org"
    assert envelope.rcpt_tos == ["ada@example.org", "ben@example.org"]
    assert isinstance(envelope.content, bytes)
    got = message_from_bytes(envelope.content, policy=policy.default)
    assert got["Subject"] == MESSAGE.subject
    assert got["Auto-Submitted"] == "auto-generated"
    assert got.get_content_type() == "text/plain"
    assert got.get_content().replace("\r\n", "\n") == MESSAGE.text


def test_who_signs_in_rightly_may_send(mail: MailServer) -> None:
    mail.start(**SIGN_IN)
    channel = mail.channel(EDGE_SMTP_USERNAME="edge", EDGE_SMTP_PASSWORD=PASSWORD)
    assert channel.send(MESSAGE) == []
    assert len(mail.taken) == 1


def failing(channel: Channel) -> EdgeAssetsError:
    """The error of a message that was not taken; it tells no secret."""
    with pytest.raises(EdgeAssetsError) as caught:
        channel.send(MESSAGE)
    error = caught.value
    assert error.remedy
    assert caught.value.__cause__ is None
    assert PASSWORD not in str(error)
    assert TOKEN not in str(error)
    return error


def test_a_refused_sign_in_is_told_without_the_password(mail: MailServer) -> None:
    mail.start(**SIGN_IN)
    error = failing(mail.channel(EDGE_SMTP_USERNAME="edge", EDGE_SMTP_PASSWORD=f"{PASSWORD}!"))
    assert isinstance(error, ConfigurationError)
    assert "refuses the sign-in (535)" in error.why
    assert mail.taken == []


def test_a_server_that_wants_a_sign_in_gets_no_mail_without(mail: MailServer) -> None:
    mail.start(**SIGN_IN)
    assert "530" in failing(mail.channel()).why


def test_without_starttls_nothing_is_sent_in_the_clear(mail: MailServer) -> None:
    mail.start("none")
    error = failing(mail.channel())
    assert isinstance(error, ConfigurationError)
    assert "STARTTLS" in error.why
    assert mail.taken == []


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_server_that_is_not_trusted_gets_nothing(mail: MailServer, tls: str) -> None:
    mail.start(tls)
    error = failing(mail.channel(EDGE_SMTP_TLS=tls, EDGE_SMTP_CA=""))
    assert isinstance(error, ConfigurationError)
    assert "certificate" in error.why
    assert mail.taken == []


def test_one_refused_address_does_not_keep_the_others_from_it(mail: MailServer) -> None:
    mail.start()
    mail.refuse["ben@example.org"] = "550 nobody of that name"
    (remark,) = mail.channel().send(MESSAGE)
    assert remark == "ben@example.org was refused: 550 nobody of that name"
    assert [envelope.rcpt_tos for envelope in mail.taken] == [["ada@example.org"]]


@pytest.mark.parametrize(
    ("answer", "kind"), [("550 no", ConfigurationError), ("451 later", Unavailable)]
)
@pytest.mark.parametrize("where", ["RCPT", "DATA"])
def test_a_mail_that_nobody_takes_is_an_error(
    mail: MailServer, answer: str, kind: type[EdgeAssetsError], where: str
) -> None:
    mail.start()
    names = ["DATA"] if where == "DATA" else ["ada@example.org", "ben@example.org"]
    mail.refuse.update(dict.fromkeys(names, answer))
    error = failing(mail.channel())
    assert type(error) is kind
    assert answer in error.why


def test_a_server_that_is_gone_is_unavailable(mail: MailServer) -> None:
    (mail.folder / "ca.pem").touch()
    mail.start()
    mail.stack.close()
    assert type(failing(mail.channel())) is Unavailable


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_silent_mail_server_ends_in_time(
    mail: MailServer, silent: int, tls: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "DEADLINE_SECONDS", 0.2)
    self_signed(mail.folder)
    mail.port = silent
    channel = mail.channel(EDGE_SMTP_TLS=tls, EDGE_SMTP_HOST="127.0.0.1")
    assert isinstance(failing(channel), DeadlineExceeded)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"EDGE_ALERT_FROM": ""}, "alert_from is not set"),
        ({"EDGE_SMTP_HOST": ""}, "smtp_host is not set"),
        ({"EDGE_SMTP_USERNAME": "edge"}, "EDGE_SMTP_PASSWORD is not set"),
        (
            {
                "EDGE_SMTP_USERNAME": "edge",
                "EDGE_SMTP_PASSWORD": PASSWORD,
                "EDGE_SMTP_TLS": "none",
                "EDGE_SMTP_HOST": "smtp.example.org",
            },
            "in the clear",
        ),
    ],
)
def test_half_a_configuration_is_refused(
    mail: MailServer, changes: dict[str, str], told: str
) -> None:
    self_signed(mail.folder)
    mail.port = 25
    with pytest.raises(ConfigurationError, match=told) as caught:
        mail.channel(**changes)
    assert PASSWORD not in str(caught.value)


def test_nothing_configured_is_no_channel(tmp_path: Path) -> None:
    assert channels_of(load_settings({"EDGE_HOME": str(tmp_path)})) == []


@dataclass
class Receiver:
    """A real HTTP server that keeps what was posted and answers as it is told."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    port: int = 0
    posted: list[tuple[str, str, Any]] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            kept.methods.append(self.command)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kind = self.headers.get("Content-Type") or ""
            kept.posted.append((self.path, kind, json.loads(body or b"null")))
            self.send_response(kept.status)
            for name, value in kept.headers.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Keeps quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield kept
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def webhook(tmp_path: Path) -> Callable[[str], Channel]:
    def make(url: str) -> Channel:
        env = {"EDGE_HOME": str(tmp_path), "EDGE_ALERT_WEBHOOK": url}
        (channel,) = channels_of(load_settings(env))
        return channel

    return make


Make = Callable[[str], Channel]


def test_a_webhook_gets_text_and_data(receiver: Receiver, webhook: Make) -> None:
    assert webhook(f"http://127.0.0.1:{receiver.port}/{TOKEN}").send(MESSAGE) == []
    ((path, kind, posted),) = receiver.posted
    assert (path, kind) == (f"/{TOKEN}", "application/json")
    assert posted["alerts"] == [1]
    assert posted["text"] == f"{MESSAGE.subject}\n\nwhy: &lt;!channel&gt; ü\n"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, ConfigurationError), (403, ConfigurationError), (429, Unavailable), (503, Unavailable)],
)
def test_a_webhook_that_refuses_is_an_error_without_its_address(
    receiver: Receiver, webhook: Make, status: int, kind: type[EdgeAssetsError]
) -> None:
    receiver.status = status
    error = failing(webhook(f"http://127.0.0.1:{receiver.port}/{TOKEN}"))
    assert type(error) is kind
    assert error.why == f"it answered {status}"


def test_a_redirect_is_not_followed(receiver: Receiver, webhook: Make) -> None:
    receiver.status, receiver.headers = 302, {"Location": f"http://127.0.0.1:{receiver.port}/x"}
    assert isinstance(
        failing(webhook(f"http://127.0.0.1:{receiver.port}/{TOKEN}")), ConfigurationError
    )
    assert receiver.methods == ["POST"]


def test_a_webhook_that_is_gone_is_unavailable(webhook: Make) -> None:
    assert type(failing(webhook(f"http://127.0.0.1:1/{TOKEN}"))) is Unavailable


def test_a_silent_webhook_ends_in_time(
    silent: int, webhook: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "DEADLINE_SECONDS", 0.2)
    assert isinstance(failing(webhook(f"http://127.0.0.1:{silent}/{TOKEN}")), DeadlineExceeded)


def test_a_webhook_that_is_not_trusted_gets_nothing(scripted: Any, webhook: Make) -> None:
    error = failing(webhook(f"https://localhost:{scripted.port}/{TOKEN}"))
    assert isinstance(error, ConfigurationError)
    assert "certificate" in error.why
    assert scripted.seen == []


@pytest.mark.parametrize(
    "url", [f"http://chat.example.org/{TOKEN}", f"ftp://x/{TOKEN}", TOKEN, f"https://h:{TOKEN}/"]
)
def test_an_address_without_tls_is_refused_and_not_repeated(webhook: Make, url: str) -> None:
    with pytest.raises(ConfigurationError, match="EDGE_ALERT_WEBHOOK") as caught:
        webhook(url)
    assert TOKEN not in str(caught.value)
