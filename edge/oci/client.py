"""Pushes images to and pulls them from a registry (OCI distribution-spec 1.1), over TLS."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin

from edge.oci.descriptors import (
    ACCEPT,
    INDEXES,
    MAX_DOCUMENT_BYTES,
    Descriptor,
    blobs_of,
    choose_platform,
    host_architecture,
    host_os,
    manifests_of,
)
from edge.oci.download import fetch_blob
from edge.oci.retry import Retries
from edge.oci.store import MAX_BLOB_BYTES, BlobStore
from edge.oci.transport import Session, TryAgain, tls_context
from protos.digests import digest_bytes, is_digest, short
from protos.errors import IntegrityError, NotFound

_HEADER = "Docker-Content-Digest"


@dataclass(frozen=True)
class PushReport:
    """What a push moved; manifests are not counted."""

    blobs_sent: int = 0
    bytes_sent: int = 0
    blobs_mounted: int = 0
    blobs_present: int = 0


@dataclass(frozen=True)
class PullReport:
    """What a pull moved; manifests are not counted."""

    blobs_fetched: int = 0
    bytes_fetched: int = 0
    blobs_present: int = 0


class RegistryClient:
    """A client of one registry, `host[:port]`. Threads may share it.

    `ca` (PEM) replaces the system's trust. Without a user name it asks anonymously.
    """

    def __init__(
        self,
        registry: str,
        *,
        ca: Path | None = None,
        username: str | None = None,
        password: str | None = None,
        timeout_seconds: float = 60.0,
        retries: Retries | None = None,
    ) -> None:
        self.registry = registry
        self._context = tls_context(ca)
        self._credentials = (username, password)
        self._timeout = timeout_seconds
        self._retries = retries or Retries()

    def push(
        self,
        store: BlobStore,
        digest: str,
        repository: str,
        *,
        tag: str | None = None,
        mount_from: str | None = None,
    ) -> PushReport:
        """Pushes image `digest` (index or manifest) with all that it refers to.

        Blobs that the repository has are not sent; those that repository `mount_from` has are
        mounted from it. The image is put last, so nobody sees half of it.
        Raises NotFound for a blob missing in `store`, ConfigurationError when the registry
        refuses the credentials, Unavailable when it does not answer.
        """
        sent = bytes_sent = mounted = present = 0
        with self._session(mount_from) as session:
            documents = _documents(store, digest)
            for blob in _blobs(store, documents):
                how = _push_blob(session, store, repository, blob, mount_from, self._retries)
                sent += how == "sent"
                bytes_sent += blob.size if how == "sent" else 0
                mounted += how == "mounted"
                present += how == "present"
            for document in documents[1:]:
                _put_manifest(session, store, repository, document, document.digest)
            _put_manifest(session, store, repository, documents[0], digest)
            if tag is not None:
                _put_manifest(session, store, repository, documents[0], tag)
        return PushReport(sent, bytes_sent, mounted, present)

    def pull(
        self,
        repository: str,
        digest: str,
        store: BlobStore,
        *,
        architecture: str | None = None,
        max_bytes: int = MAX_BLOB_BYTES,
    ) -> PullReport:
        """Pulls image `digest` with the layers for one architecture (default: this machine's).

        Every blob is verified against its digest, those already in `store` too. An image of more
        than `max_bytes` is refused. Raises IntegrityError, NotFound, ConfigurationError (refused)
        or Unavailable.
        """
        fetched = size = present = 0
        with self._session() as session:
            document = _pull_json(session, repository, digest, store)
            if document.get("mediaType") in INDEXES:
                wanted = architecture or host_architecture()
                chosen = choose_platform(manifests_of(document), wanted, host_os())
                if chosen is None:
                    raise NotFound(f"image {short(digest)} has nothing for {wanted}")
                document = _pull_json(session, repository, chosen.digest, store)
            blobs = _unique(blobs_of(document))
            if (total := sum(blob.size for blob in blobs)) > max_bytes:
                raise IntegrityError(f"image {short(digest)} is too large: {total} bytes")
            for blob in blobs:
                if store.intact(blob.digest):
                    present += 1
                    continue
                got = fetch_blob(session, repository, blob, store, self._retries)
                fetched, size, present = fetched + (got > 0), size + got, present + (got == 0)
        return PullReport(fetched, size, present)

    def resolve(self, repository: str, reference: str) -> str:
        """The digest of the manifest that a tag names. Raises NotFound."""
        path = f"/v2/{repository}/manifests/{reference}"
        with (
            self._session() as session,
            session.request("GET", path, ok=(200,), headers={"Accept": ACCEPT}) as reply,
        ):
            return digest_bytes(_bounded(reply.body.read(MAX_DOCUMENT_BYTES + 1)))

    @contextmanager
    def _session(self, also_pull: str | None = None) -> Iterator[Session]:
        session = Session(
            self.registry,
            self._context,
            self._credentials,
            self._timeout,
            self._retries,
            also_pull,
        )
        try:
            yield session
        finally:
            session.close()


def _documents(store: BlobStore, digest: str) -> list[Descriptor]:
    """The image's own document, then the manifests of an index."""
    value = store.read_json(digest)
    top = Descriptor(str(value.get("mediaType", "")), digest, store.size(digest))
    return [top, *(manifests_of(value) if top.media_type in INDEXES else [])]


def _blobs(store: BlobStore, documents: list[Descriptor]) -> list[Descriptor]:
    found: list[Descriptor] = []
    for document in documents:
        if document.media_type not in INDEXES:
            found += blobs_of(store.read_json(document.digest))
    return _unique(found)


def _unique(blobs: list[Descriptor]) -> list[Descriptor]:
    return list({blob.digest: blob for blob in blobs}.values())


def _push_blob(
    session: Session,
    store: BlobStore,
    repository: str,
    blob: Descriptor,
    mount_from: str | None,
    retries: Retries,
) -> str:
    path = f"/v2/{repository}/blobs/{blob.digest}"
    with session.request("HEAD", path, ok=(200, 404)) as reply:
        if reply.status == 200:
            return "present"
    attempt = 0
    while True:
        attempt += 1
        location = _begin(session, repository, blob, mount_from)
        if location is None:
            return "mounted"
        try:
            _upload(session, store, blob, location)
        except TryAgain:
            # an upload that broke cannot go on: it starts again under a new location
            delay = retries.delay(attempt)
            if delay is None:
                raise
            retries.sleep(delay)
        else:
            return "sent"


def _begin(
    session: Session, repository: str, blob: Descriptor, mount_from: str | None
) -> str | None:
    """Where to upload to; None when the registry has mounted the blob instead."""
    start = f"/v2/{repository}/blobs/uploads/"
    if mount_from and mount_from != repository:
        start += "?" + urlencode({"mount": blob.digest, "from": mount_from})
    with session.request("POST", start, ok=(201, 202)) as reply:
        if reply.status == 201:
            return None
        location = urljoin(reply.url, reply.headers.get("Location", ""))
    return location + ("&" if "?" in location else "?") + urlencode({"digest": blob.digest})


def _upload(session: Session, store: BlobStore, blob: Descriptor, location: str) -> None:
    with session.request(
        "PUT",
        location,
        ok=(201, 204),
        headers={"Content-Type": "application/octet-stream"},
        body=lambda: store.open(blob.digest),
        size=blob.size,
        retry=False,
    ):
        pass


def _put_manifest(
    session: Session, store: BlobStore, repository: str, document: Descriptor, reference: str
) -> None:
    with session.request(
        "PUT",
        f"/v2/{repository}/manifests/{reference}",
        ok=(200, 201, 202),
        headers={"Content-Type": document.media_type},
        body=lambda: store.open(document.digest),
        size=document.size,
    ) as reply:
        found = reply.headers.get(_HEADER, document.digest)
    if found != document.digest:
        raise IntegrityError(f"{session.registry} stored {found} for {document.digest}")


def _pull_json(session: Session, repository: str, digest: str, store: BlobStore) -> dict[str, Any]:
    if not is_digest(digest):
        raise IntegrityError("images are pulled by digest only")
    if not store.intact(digest):
        path = f"/v2/{repository}/manifests/{digest}"
        with session.request("GET", path, ok=(200,), headers={"Accept": ACCEPT}) as reply:
            data = _bounded(reply.body.read(MAX_DOCUMENT_BYTES + 1))
        store.add(io.BytesIO(data), digest)
    value = store.read_json(digest)
    if not isinstance(value, dict):
        raise IntegrityError(f"{short(digest)} is not a manifest: {json.dumps(value)[:80]}")
    return value


def _bounded(data: bytes) -> bytes:
    if len(data) > MAX_DOCUMENT_BYTES:
        raise IntegrityError(f"a manifest is larger than {MAX_DOCUMENT_BYTES} bytes")
    return data
