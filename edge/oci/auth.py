"""Proving who asks: HTTP Basic, and the token flow of registries.

The token flow is that of the distribution project's "Token Authentication Specification": a 401
names a realm, service and scope; the realm gives a bearer token for them.
"""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from protos.errors import ConfigurationError, Unavailable

_PARAMETER = re.compile(r'([a-zA-Z_-]+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))')


@dataclass(frozen=True)
class Challenge:
    """What a 401 asks for: `scheme` (`basic`, `bearer`) and its parameters."""

    scheme: str
    parameters: dict[str, str]


def parse_challenge(header: str) -> Challenge:
    """Reads a WWW-Authenticate header with one challenge (RFC 9110, 11.6.1)."""
    scheme, _, rest = header.strip().partition(" ")
    found = {key.lower(): quoted or bare for key, quoted, bare in _PARAMETER.findall(rest)}
    return Challenge(scheme.lower(), found)


@dataclass
class Authorization:
    """The header that a registry wants, kept between requests, and how to get a new one.

    `fetch(url, headers)` does a GET and returns status and body.
    """

    registry: str
    username: str | None
    password: str | None = field(repr=False)
    fetch: Callable[[str, dict[str, str]], tuple[int, bytes]] = field(repr=False)
    header: str | None = field(default=None, repr=False)

    def answer(self, challenge: Challenge, also_pull: str | None = None) -> None:
        """Makes the header that answers `challenge`; `also_pull` is a repository to mount from.

        Raises ConfigurationError when there is nothing to answer with, Unavailable when the
        token service does not give a token.
        """
        if challenge.scheme == "basic":
            self.header = self._basic()
            if self.header is None:
                raise ConfigurationError(
                    f"registry {self.registry} wants a user name and a password",
                    remedy="set EDGE_REGISTRY_USERNAME and EDGE_REGISTRY_PASSWORD",
                )
        elif challenge.scheme == "bearer":
            self.header = "Bearer " + self._token(challenge, also_pull)
        else:
            raise ConfigurationError(
                f"registry {self.registry} wants a proof that is not known here",
                why=f"scheme {challenge.scheme[:40]!r}",
            )

    def _basic(self) -> str | None:
        if not self.username or self.password is None:
            return None
        pair = f"{self.username}:{self.password}".encode()
        return "Basic " + base64.b64encode(pair).decode()

    def _token(self, challenge: Challenge, also_pull: str | None) -> str:
        realm = challenge.parameters.get("realm", "")
        if urlsplit(realm).scheme != "https":
            raise ConfigurationError(
                f"registry {self.registry} names a token service without TLS",
                why="credentials are only sent over https",
            )
        scopes = challenge.parameters.get("scope", "").split()
        if also_pull:
            scopes.append(f"repository:{also_pull}:pull")
        query = [("service", challenge.parameters.get("service", ""))]
        query += [("scope", scope) for scope in scopes]
        joint = "&" if "?" in realm else "?"
        basic = self._basic()
        headers = {"Authorization": basic} if basic else {}
        status, body = self.fetch(realm + joint + urlencode(query), headers)
        if status in (401, 403):
            raise refused(self.registry)
        try:
            answer = json.loads(body)
            token = answer.get("token") or answer.get("access_token")
        except (ValueError, AttributeError):
            token = None
        if status != 200 or not isinstance(token, str) or "\n" in token:
            raise Unavailable(f"the token service of {self.registry} gives no token: {status}")
        return token


def refused(registry: str) -> ConfigurationError:
    """The error for credentials that are wrong or may not do what was asked."""
    return ConfigurationError(
        f"registry {registry} refuses",
        why="the credentials are wrong, or may not do this",
        remedy="check EDGE_REGISTRY_USERNAME and EDGE_REGISTRY_PASSWORD and their scope",
    )
