"""The ways by which people are told: e-mail by SMTP, and a webhook by HTTP.

A message was taken by the other side, or an error of the one tree is raised. No error, log or
message holds the password, or the address of the webhook: its path is a password too.
"""

import http.client
import json
import smtplib
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from html import escape
from typing import IO, TYPE_CHECKING, Protocol
from urllib.parse import SplitResult, urlsplit

from edge_assets.core.alert_events import hide, tidy
from protos.errors import ConfigurationError, DeadlineExceeded, EdgeAssetsError, Unavailable

if TYPE_CHECKING:
    from edge_assets.core.alert_text import Message
    from resources.settings import Settings

DEADLINE_SECONDS = 10.0
"""For each step of a delivery: a tick has 60 seconds."""

HOW_TO = "set alert_to, or EDGE_ALERT_WEBHOOK: docs/how-to/get-alerts.md"
"""What to do when nobody is told."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Channel(Protocol):
    """One way by which people are told."""

    name: str

    def send(self, message: "Message") -> list[str]:
        """Returns when the message was taken, with what a person should know of its way.

        Raises Unavailable, DeadlineExceeded or ConfigurationError.
        """


def channels_of(settings: "Settings") -> list[Channel]:
    """What the settings ask for; nothing is connected yet.

    Raises ConfigurationError when one is configured by half.
    """
    found: list[Channel] = []
    if settings.alert_to:
        found.append(Email(settings))
    if settings.alert_webhook is not None:
        found.append(Webhook(settings.alert_webhook.get_secret_value()))
    return found


class Email:
    """One mail to all of `alert_to`."""

    name = "email"

    def __init__(self, settings: "Settings") -> None:
        missing = [key for key in ("alert_from", "smtp_host") if not getattr(settings, key)]
        password = settings.smtp_password
        if settings.smtp_username and password is None:
            missing.append("EDGE_SMTP_PASSWORD")
        if missing or settings.alert_from is None or settings.smtp_host is None:
            raise ConfigurationError(
                "no alert can be sent by e-mail",
                why=f"{', '.join(missing)} is not set",
                remedy="set it, or take alert_to away",
            )
        self._sender, self._host = settings.alert_from, settings.smtp_host
        if settings.smtp_username and settings.smtp_tls == "none" and self._host not in _LOOPBACK:
            raise ConfigurationError(
                "no alert can be sent by e-mail",
                why="the password would go to the mail server in the clear",
                remedy="set smtp_tls to starttls or tls",
            )
        self._to, self._port, self._tls = settings.alert_to, settings.smtp_port, settings.smtp_tls
        self._username = settings.smtp_username
        self._password = password.get_secret_value() if password else ""
        ca = settings.smtp_ca
        self._context = ssl.create_default_context(cafile=str(ca) if ca else None)

    def send(self, message: "Message") -> list[str]:
        """As Channel.send; an address that alone was refused is told, and no error."""
        mail = EmailMessage()
        mail["Subject"] = message.subject
        mail["From"], mail["To"] = self._sender, ", ".join(self._to)
        mail["Date"] = formatdate()
        mail["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2])
        mail["Auto-Submitted"] = "auto-generated"  # no answer of somebody on holiday
        mail.set_content(message.text)
        with self._translated():
            server = self._connect()
            try:
                refused = server.send_message(mail, self._sender, list(self._to))
                # It was taken: what goes wrong now must not send it once more.
                with suppress(smtplib.SMTPException, OSError):
                    server.quit()
            finally:
                server.close()
        return [f"{to} was refused: {self._answer(*why)}" for to, why in refused.items()]

    def _connect(self) -> smtplib.SMTP:
        # The own name as it is: to look up the full one has no deadline.
        name, port = socket.gethostname(), self._port
        if self._tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, port, name, timeout=DEADLINE_SECONDS, context=self._context
            )
        else:
            server = smtplib.SMTP(self._host, port, name, timeout=DEADLINE_SECONDS)
        try:
            if self._tls == "starttls":
                server.starttls(context=self._context)
            if self._username:
                server.login(self._username, self._password)
        except BaseException:
            server.close()
            raise
        return server

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turns what smtplib raises into errors of the one tree."""
        what = f"the mail server {self._host}:{self._port} did not take an alert"
        try:
            yield
        except smtplib.SMTPNotSupportedError:
            raise ConfigurationError(
                what,
                why="it does not offer what is asked for: STARTTLS, or a sign-in",
                remedy="check smtp_port, smtp_tls and smtp_username",
            ) from None
        except smtplib.SMTPAuthenticationError as error:
            # Without its words: some servers repeat there what they were given.
            raise ConfigurationError(
                what,
                why=f"it refuses the sign-in ({error.smtp_code})",
                remedy="check smtp_username and EDGE_SMTP_PASSWORD",
            ) from None
        except smtplib.SMTPRecipientsRefused as error:
            raise self._refused(what, *next(iter(error.recipients.values()))) from None
        except smtplib.SMTPResponseException as error:
            raise self._refused(what, error.smtp_code, error.smtp_error) from None
        except (smtplib.SMTPException, OSError) as error:
            raise _lost(what, error, "check smtp_host, smtp_port, smtp_tls and smtp_ca") from None

    def _refused(self, what: str, code: int, said: bytes | str) -> EdgeAssetsError:
        why = self._answer(code, said)
        if 400 <= code < 500:
            return Unavailable(what, why=why, remedy="wait: it is tried again")
        return ConfigurationError(what, why=why, remedy="check alert_from and alert_to")

    def _answer(self, code: int, said: bytes | str) -> str:
        text = said.decode(errors="replace") if isinstance(said, bytes) else said
        return tidy(f"{code} {hide(text, [self._password] if self._password else [])}")


class Webhook:
    """One POST of JSON: `text`, as chats take it, with `alerts` for programs."""

    name = "webhook"

    def __init__(self, url: str) -> None:
        parts = _split(url)
        plain = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not parts.hostname or not (plain or parts.scheme == "https"):
            raise ConfigurationError(
                "no alert can be sent to the webhook",
                why="its address is not https://..., or has no host",
                remedy="correct EDGE_ALERT_WEBHOOK",
            )
        self._url, self._host = url, parts.hostname

    def send(self, message: "Message") -> list[str]:
        """As Channel.send."""
        # Chats read <...> as a link or a call to everybody; names of files come from anywhere.
        text = escape(f"{message.subject}\n\n{message.text}", quote=False)
        body = json.dumps({"text": text, **message.data}).encode()
        request = urllib.request.Request(  # noqa: S310 - https, or loopback; see above
            self._url, body, {"Content-Type": "application/json", "User-Agent": "edge-assets"}
        )
        what = f"the webhook at {self._host} did not take an alert"
        try:
            opener = urllib.request.build_opener(_NoRedirect)
            with opener.open(request, timeout=DEADLINE_SECONDS):
                return []
        except urllib.error.HTTPError as error:
            error.close()
            raise _answered(what, error.code) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            cause = reason if isinstance(reason, Exception) else error
            raise _lost(what, cause, "check EDGE_ALERT_WEBHOOK") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET without the alert."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> None:
        """Leaves the answer as it is: it is an error."""


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # reads it: a wrong one is a ValueError
    except ValueError:
        return urlsplit("")
    return parts


def _answered(what: str, status: int) -> EdgeAssetsError:
    why = f"it answered {status}"
    if status in (408, 429) or status >= 500:
        return Unavailable(what, why=why, remedy="wait: it is tried again")
    return ConfigurationError(what, why=why, remedy="check EDGE_ALERT_WEBHOOK")


def _lost(what: str, error: Exception, remedy: str) -> EdgeAssetsError:
    """The error for a connection that was not made, or broke; with no words of the other side."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"its certificate is not trusted ({error.verify_message})"
        return ConfigurationError(what, why=why, remedy=remedy)
    # smtplib says of a lost connection only that it was lost; what it met is the context.
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        why = f"no answer within {DEADLINE_SECONDS:.0f} s"
        return DeadlineExceeded(what, why=why, remedy=remedy)
    known = error.strerror if isinstance(error, OSError) else None
    return Unavailable(
        what, why=known or f"the connection broke ({type(error).__name__})", remedy=remedy
    )
