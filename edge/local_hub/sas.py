"""Shared access signatures: tokens that prove the possession of a key without showing it.

A token is `SharedAccessSignature sr=<resource>&sig=<signature>&se=<expiry>[&skn=<policy>]`, with
signature = base64(HMAC-SHA256(base64-decoded key, sr + "\\n" + se)); sr as it stands in the token
(URL-encoded), se in seconds since 1970.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote_plus, unquote, unquote_plus

_PREFIX = "SharedAccessSignature "
_MAX_CHARACTERS = 4096
_DIGITS = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True)
class SasToken:
    """A parsed token; `raw_resource` is sr as written, `resource` decoded and in lower case host.

    `expiry` is in seconds since 1970; `policy` is empty for a device's or module's token.
    """

    raw_resource: str
    resource: str
    signature: str
    expiry: int
    policy: str


def parse_token(text: str) -> SasToken | None:
    """The token in `text`, or None if it is not one. Nothing is verified here."""
    if not text.startswith(_PREFIX) or len(text) > _MAX_CHARACTERS:
        return None
    fields: dict[str, str] = {}
    for part in text.removeprefix(_PREFIX).split("&"):
        name, separator, value = part.partition("=")
        if not separator or name in fields:
            return None
        fields[name] = value
    expiry = fields.get("se", "")
    if not fields.get("sr") or not fields.get("sig") or not _DIGITS.fullmatch(expiry):
        return None
    return SasToken(
        raw_resource=fields["sr"],
        resource=unquote_plus(fields["sr"]),
        signature=unquote(fields["sig"]),
        expiry=int(expiry),
        policy=unquote(fields.get("skn", "")),
    )


def signature(key: str, raw_resource: str, expiry: int) -> str:
    """The signature over a URL-encoded resource, by the base64 `key`.

    Raises ValueError if the key is not base64.
    """
    try:
        secret = base64.b64decode(key, validate=True)
    except binascii.Error:
        raise ValueError("the key is not base64") from None
    message = f"{raw_resource}\n{expiry}".encode()
    return base64.b64encode(hmac.digest(secret, message, hashlib.sha256)).decode()


def make_token(resource: str, key: str, expiry: int, policy: str = "") -> str:
    """A token for `resource`, as the SDKs make it."""
    raw = quote_plus(resource)
    token = f"{_PREFIX}sr={raw}&sig={quote_plus(signature(key, raw, expiry))}&se={expiry}"
    return f"{token}&skn={policy}" if policy else token


def is_valid(token: SasToken, *, keys: Iterable[str], resource: str, now: float) -> bool:
    """Whether `token` is signed by one of `keys`, not expired, and covers `resource`.

    A token covers its own resource and what lies below it (`host/devices/d` covers
    `host/devices/d/modules/m`). Host names compare without case. Signatures are compared in
    constant time, and all keys are always tried.
    """
    signed = False
    for key in keys:
        expected = signature(key, token.raw_resource, token.expiry)
        signed |= hmac.compare_digest(expected.encode(), token.signature.encode())
    return signed and token.expiry > now and covers(token.resource, resource)


def covers(granted: str, asked: str) -> bool:
    """Whether a token for `granted` may be used for `asked` (both `host[/path]`)."""
    have, want = _parts(granted), _parts(asked)
    return want[: len(have)] == have


def _parts(resource: str) -> list[str]:
    host, *path = resource.strip("/").split("/")
    return [host.lower(), *path]
