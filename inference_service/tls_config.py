"""The settings of TLS; without `ssl`, whose import costs 4 MB where nobody needs it."""

from dataclasses import dataclass
from pathlib import Path

HTTP2, HTTP1 = "h2", "http/1.1"
"""What is spoken below TLS, as ALPN names it (RFC 7301)."""


@dataclass(frozen=True)
class TlsConfig:
    """PEM files: our certificate with its chain, its key, and the CA that clients must be of.

    Without `client_ca` any client may connect; with it, only one with a certificate of that CA.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None
