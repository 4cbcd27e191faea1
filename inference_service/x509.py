"""Reads the one thing of a certificate that ssl does not tell: from when and until when it counts.

The standard library shows these times of a peer's certificate only, never of our own. A certificate
is DER: each value is a tag, a length and that many bytes (X.690; the layout is RFC 5280, 4.1).
"""

import ssl
from datetime import UTC, datetime
from typing import NamedTuple

_SEQUENCE, _VERSION, _UTC_TIME = 0x30, 0xA0, 0x17
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


class Validity(NamedTuple):
    """From when and until when a certificate counts, in seconds since 1970."""

    begins: float
    ends: float


def validity(pem: bytes) -> Validity:
    """The times of the first certificate in `pem`. Raises ValueError if there is none."""
    text = pem.decode("ascii", "replace")
    begin, end = text.find(_BEGIN), text.find(_END)
    if not 0 <= begin < end:
        raise ValueError("no certificate")
    certificate, _ = _value(ssl.PEM_cert_to_DER_cert(text[begin : end + len(_END)]), _SEQUENCE)
    signed, _ = _value(certificate, _SEQUENCE)
    if signed[:1] == bytes((_VERSION,)):
        _, signed = _value(signed)
    for _ in ("serial number", "algorithm", "issuer"):
        _, signed = _value(signed)
    times, _ = _value(signed, _SEQUENCE)
    kind = times[:1]
    first, rest = _value(times)
    second_kind = rest[:1]
    second, _ = _value(rest)
    return Validity(_seconds(kind, first), _seconds(second_kind, second))


def _value(data: bytes, tag: int | None = None) -> tuple[bytes, bytes]:
    """The first value in `data`, and what follows it."""
    if len(data) < 2 or (tag is not None and data[0] != tag):
        raise ValueError("not a certificate")
    size, start = data[1], 2
    if size & 0x80:  # a long length: the low bits count the bytes that hold it
        start += size & 0x7F
        size = int.from_bytes(data[2:start], "big")
    if len(data) < start + size:
        raise ValueError("the certificate is cut off")
    return data[start : start + size], data[start + size :]


def _seconds(kind: bytes, value: bytes) -> float:
    text = value.decode("ascii", "replace")
    if kind == bytes((_UTC_TIME,)):  # two digits of the year: 50 to 99 are of the last century
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()
