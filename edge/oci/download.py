"""Fetches one blob, verified while it streams and continued where it was cut off."""

import hashlib
import logging
import time
from dataclasses import dataclass
from pathlib import Path

from edge.oci.descriptors import Descriptor
from edge.oci.retry import Retries
from edge.oci.store import BlobStore
from edge.oci.transport import LOST, Reply, Session
from protos.digests import short
from protos.errors import DeadlineExceeded, IntegrityError, Unavailable

_log = logging.getLogger(__name__)
_CHUNK = 1 << 18
# A server that sends a byte now and then would otherwise hold a device for ever.
_LONGEST_SECONDS = 3600.0


def fetch_blob(
    session: Session, repository: str, blob: Descriptor, store: BlobStore, retries: Retries
) -> int:
    """Makes sure that `store` has `blob`; returns the number of bytes fetched, 0 if it was there.

    Raises IntegrityError when the registry sends other bytes than asked for; those are thrown
    away. Raises Unavailable when the connection breaks again and again; the partial file then
    stays for the next time.
    """
    tally = _Tally()
    with store.resuming(blob.digest) as partial:
        if store.intact(blob.digest):
            return 0
        attempt = 0
        while True:
            attempt += 1
            resumed = partial.exists()
            try:
                _fetch_rest(session, repository, blob, partial, tally)
            except LOST as error:
                session.close()
                delay = retries.delay(attempt)
                if delay is None:
                    raise Unavailable(
                        f"blob {short(blob.digest)} cannot be fetched from {session.registry}",
                        why=f"the connection broke {attempt} times, last by {error!r}"[:300],
                    ) from error
                _log.info("blob %s: %r; on in %.1f s", short(blob.digest), error, delay)
                retries.sleep(delay)
                continue
            found = _digest(partial)
            if found == blob.digest:
                store.finish(partial, blob.digest)
                return tally.size
            partial.unlink()
            if not resumed:
                raise IntegrityError(
                    f"{session.registry} sent other bytes than blob {blob.digest}",
                    why=f"they have digest {found}",
                )
            # what was left from an earlier time may have been bad: once more from the start


@dataclass
class _Tally:
    """Bytes that came, also those of tries that broke off."""

    size: int = 0


def _fetch_rest(
    session: Session, repository: str, blob: Descriptor, partial: Path, tally: _Tally
) -> None:
    have = partial.stat().st_size if partial.exists() else 0
    if have > blob.size:
        partial.unlink()
        have = 0
    if have == blob.size and partial.exists():
        return
    headers = {"Range": f"bytes={have}-"} if have else {}
    path = f"/v2/{repository}/blobs/{blob.digest}"
    with session.request("GET", path, ok=(200, 206, 416), headers=headers) as reply:
        if have and not _continues(reply, have):
            partial.unlink()
            have = 0
            if reply.status != 200:
                raise ConnectionResetError("the registry cannot continue a download")
        _stream(reply, partial, blob, have, tally)


def _continues(reply: Reply, have: int) -> bool:
    return reply.status == 206 and reply.headers.get("Content-Range", "").startswith(
        f"bytes {have}-"
    )


def _stream(reply: Reply, partial: Path, blob: Descriptor, have: int, tally: _Tally) -> None:
    deadline = time.monotonic() + _LONGEST_SECONDS
    fetched = 0
    with partial.open("ab") as file:
        while chunk := reply.body.read(_CHUNK):
            fetched += len(chunk)
            tally.size += len(chunk)
            if have + fetched > blob.size:
                file.truncate(0)
                raise IntegrityError(
                    f"blob {short(blob.digest)} is larger than its {blob.size} bytes"
                )
            file.write(chunk)
            if time.monotonic() > deadline:
                raise DeadlineExceeded(f"blob {short(blob.digest)} takes more than an hour")
    if have + fetched < blob.size:
        raise ConnectionResetError(f"{have + fetched} of {blob.size} bytes came")


def _digest(path: Path) -> str:
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            sha.update(chunk)
    return "sha256:" + sha.hexdigest()
