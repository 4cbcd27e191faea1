"""Content digests, written as everywhere in the OCI world: `sha256:<64 hex digits>`."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CHUNK = 1 << 20


def is_digest(text: str) -> bool:
    """Whether `text` is a well-formed sha256 digest."""
    return _DIGEST.fullmatch(text) is not None


def digest_bytes(data: bytes) -> str:
    """The digest of `data`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """The digest of the file's bytes, read in chunks of 1 MiB."""
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            sha.update(chunk)
    return "sha256:" + sha.hexdigest()


def canonical_json(value: Any) -> bytes:
    """`value` as JSON in one fixed form, so that equal values have equal digests.

    Keys are sorted, there is no white space, text is UTF-8; NaN and infinities are refused with
    ValueError because JSON has no word for them.
    """
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def digest_json(value: Any) -> str:
    """The digest of `value` in its canonical form."""
    return digest_bytes(canonical_json(value))


def short(digest: str) -> str:
    """The first 12 hex digits: for people to read, never to compare."""
    return digest.removeprefix("sha256:")[:12]
