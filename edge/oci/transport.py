"""HTTPS requests to one registry: one connection, credentials, redirects, retries."""

import contextlib
import http.client
import logging
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPMessage
from pathlib import Path
from typing import IO
from urllib.parse import urljoin, urlsplit

from edge.oci.auth import Authorization, parse_challenge, refused
from edge.oci.retry import Retries, is_passing, retry_after_seconds
from protos.errors import EdgeAssetsError, NotFound, Unavailable

_log = logging.getLogger(__name__)

Body = Callable[[], IO[bytes]]
LOST = (OSError, http.client.HTTPException)  # what a broken connection raises
_MAX_REDIRECTS = 5
_MAX_PROOFS = 2
_BLOCK = 1 << 20
_SMALL = 64 << 10


class TryAgain(Unavailable):
    """The registry was lost or overloaded; another time may be better."""


@dataclass
class Reply:
    """An answer: its status and headers, its body for reading, where it came from."""

    status: int
    headers: HTTPMessage
    body: IO[bytes]
    url: str


class Session:
    """A sequence of requests to `registry`; not for several threads at once.

    `also_pull` names a repository whose blobs will be mounted, for the scope of tokens.
    """

    def __init__(
        self,
        registry: str,
        context: ssl.SSLContext,
        credentials: tuple[str | None, str | None],
        timeout_seconds: float,
        retries: Retries,
        also_pull: str | None = None,
    ) -> None:
        # Docker Hub's images are named docker.io and served from another host
        host = "registry-1.docker.io" if registry == "docker.io" else registry
        self.registry, self.base = registry, f"https://{host}"
        self._context, self._timeout, self._retries = context, timeout_seconds, retries
        self._also_pull = also_pull
        self._authorization = Authorization(registry, *credentials, self._fetch)
        self._connections: dict[str, http.client.HTTPSConnection] = {}

    def close(self) -> None:
        """Closes every connection."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    @contextlib.contextmanager
    def request(
        self,
        method: str,
        path: str,
        *,
        ok: tuple[int, ...],
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        size: int = 0,
        retry: bool = True,
    ) -> Iterator[Reply]:
        """Sends a request and yields the answer, whose status is one of `ok`.

        `body` opens what to send, `size` bytes, anew for each try. Raises NotFound for 404,
        ConfigurationError for 401 and 403, Unavailable for everything else.
        """
        attempt = 0
        while True:
            attempt += 1
            wait: float | None = None
            reply: Reply | None = None
            why = ""
            try:
                reply = self._proven(method, path, dict(headers or {}), body, size)
                if reply.status in ok:
                    break
                why = f"status {reply.status} {_said(reply)}".strip()
                if not is_passing(reply.status):
                    raise self._error(method, path, reply.status, why)
                wait = retry_after_seconds(reply.headers.get("Retry-After"), time.time())
            except LOST as error:
                why = _lost(error)
            self.close()
            delay = self._retries.delay(attempt, wait) if retry else None
            if delay is None:
                raise TryAgain(f"registry {self.registry} does not answer as it must", why=why)
            _log.info("%s: %s; again in %.1f s", self.registry, why, delay)
            self._retries.sleep(delay)
        try:
            yield reply
        finally:
            if reply.body.read(1):  # not read to its end: the connection is of no more use
                self.close()

    def _proven(
        self, method: str, path: str, headers: dict[str, str], body: Body | None, size: int
    ) -> Reply:
        """Sends with credentials, which are got when the registry first asks for them."""
        for proof in range(_MAX_PROOFS + 1):
            reply = self._redirected(method, urljoin(self.base, path), headers, body, size)
            challenge = reply.headers.get("WWW-Authenticate")
            if reply.status != 401 or not challenge or proof == _MAX_PROOFS:
                return reply
            reply.body.read(_SMALL)
            self._authorization.answer(parse_challenge(challenge), self._also_pull)
        raise refused(self.registry)

    def _redirected(
        self, method: str, url: str, headers: dict[str, str], body: Body | None, size: int
    ) -> Reply:
        for _ in range(_MAX_REDIRECTS):
            sent = dict(headers)
            # credentials go to the registry only, never to where it redirects
            if self._authorization.header and _origin(url) == _origin(self.base):
                sent["Authorization"] = self._authorization.header
            reply = self._send(method, url, sent, body, size)
            location = reply.headers.get("Location")
            if reply.status not in (301, 302, 303, 307, 308) or method not in ("GET", "HEAD"):
                return reply
            reply.body.read(_SMALL)
            url = urljoin(url, location or "")
        raise Unavailable(f"registry {self.registry} redirects in circles")

    def _send(
        self, method: str, url: str, headers: dict[str, str], body: Body | None, size: int
    ) -> Reply:
        parts = urlsplit(url)
        if parts.scheme != "https":
            raise Unavailable(f"registry {self.registry} leads to an address without TLS")
        connection = self._connections.get(parts.netloc)
        if connection is None:
            connection = http.client.HTTPSConnection(
                parts.netloc, timeout=self._timeout, context=self._context, blocksize=_BLOCK
            )
            self._connections[parts.netloc] = connection
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if method in ("PUT", "POST", "PATCH"):
            headers["Content-Length"] = str(size)
        with contextlib.ExitStack() as stack:
            stream = stack.enter_context(body()) if body else None
            connection.request(method, target, body=stream, headers=headers)
            response = connection.getresponse()
        return Reply(response.status, response.headers, response, url)

    def _fetch(self, url: str, headers: dict[str, str]) -> tuple[int, bytes]:
        reply = self._send("GET", url, headers, None, 0)
        return reply.status, reply.body.read(1 << 20)

    def _error(self, method: str, path: str, status: int, why: str) -> EdgeAssetsError:
        if status in (401, 403):
            return refused(self.registry)
        if status == 404:
            return NotFound(f"{self.registry} has no {path.removeprefix('/v2/')}")
        return Unavailable(f"registry {self.registry} refuses {method} {path[:200]}", why=why)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _said(reply: Reply) -> str:
    """The beginning of an error's text, for people."""
    return reply.body.read(300).decode(errors="replace").replace("\n", " ")


def _lost(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def tls_context(ca: Path | None) -> ssl.SSLContext:
    """The system's trust, or `ca` (PEM) alone where it is given."""
    return ssl.create_default_context(cafile=str(ca) if ca else None)
