"""Content of the registry: files by digest, and which repository has which of them.

A blob is visible in a repository only once it was pushed or mounted there, as in any registry.
"""

import os
import secrets
import time
from pathlib import Path

from edge.local_hub.documents import Documents
from edge.local_hub.registry.errors import blob_unknown, digest_invalid, manifest_unknown
from edge.local_hub.values import Doc
from protos.digests import digest_file, is_digest

_STALE_UPLOAD_SECONDS = 24 * 3600


class Content:
    """Blobs, manifests and tags below `root`; what belongs where is in `documents`."""

    def __init__(self, root: Path, documents: Documents) -> None:
        self._blobs, self._uploads = root / "blobs" / "sha256", root / "uploads"
        self._documents = documents
        for folder in (self._blobs, self._uploads):
            folder.mkdir(parents=True, exist_ok=True)
        for upload in self._uploads.iterdir():
            if time.time() - upload.stat().st_mtime > _STALE_UPLOAD_SECONDS:
                upload.unlink()

    def path(self, digest: str) -> Path:
        """Where the content with this (well-formed) digest is, or would be."""
        return self._blobs / digest.removeprefix("sha256:")

    def blob(self, repository: str, digest: str) -> Path:
        """The file of a blob; RegistryError 404 if the repository does not have it."""
        if not is_digest(digest) or not self.has_blob(repository, digest):
            raise blob_unknown(digest)
        return self.path(digest)

    def has_blob(self, repository: str, digest: str) -> bool:
        """Whether a repository has a blob."""
        return self._documents.get("blob", repository, digest) is not None

    def link_blob(self, repository: str, digest: str) -> None:
        """Makes content that is on disk a blob of a repository."""
        self._documents.put("blob", repository, digest, {"size": self.path(digest).stat().st_size})

    def delete_blob(self, repository: str, digest: str) -> None:
        """Takes a blob from a repository; the file goes with its last user."""
        self.blob(repository, digest)
        self._documents.delete("blob", repository, digest)
        self._collect(digest)

    def new_upload(self) -> str:
        """The id of a new, empty upload."""
        upload = secrets.token_hex(16)
        (self._uploads / upload).touch(mode=0o600)
        return upload

    def upload_path(self, upload: str) -> Path | None:
        """The file of an upload, None if there is no such upload."""
        path = self._uploads / upload
        return path if upload.isalnum() and path.is_file() else None

    def store(self, upload: Path, digest: str) -> None:
        """Makes an upload content. RegistryError 400 if its digest is another; it is then gone.

        May take long (it reads the whole file): not for the event loop.
        """
        found = digest_file(upload)
        if found != digest:
            upload.unlink()
            raise digest_invalid(f"the content has the digest {found}")
        with upload.open("rb") as file:
            os.fsync(file.fileno())
        upload.replace(self.path(digest))

    def manifest(self, repository: str, reference: str) -> tuple[str, Doc]:
        """(digest, facts) of a manifest by tag or digest; RegistryError 404 if there is none."""
        digest = reference
        if not is_digest(reference):
            tag = self._documents.get("tag", repository, reference)
            digest = tag["digest"] if tag is not None else ""
        facts = self._documents.get("manifest", repository, digest)
        if facts is None:
            raise manifest_unknown(reference)
        return digest, facts

    def has_manifest(self, repository: str, digest: str) -> bool:
        """Whether a repository has a manifest."""
        return self._documents.get("manifest", repository, digest) is not None

    def put_manifest(self, repository: str, digest: str, facts: Doc, tag: str | None) -> None:
        """Makes content on disk a manifest, and lets `tag` point at it."""
        with self._documents.transaction():
            self._documents.put("manifest", repository, digest, facts)
            if tag is not None:
                self._documents.put("tag", repository, tag, {"digest": digest})

    def delete_manifest(self, repository: str, reference: str) -> None:
        """Removes a tag, or a manifest with all its tags; RegistryError 404."""
        digest, _ = self.manifest(repository, reference)
        with self._documents.transaction():
            for tag in self.tags(repository):
                stored = self._documents.get("tag", repository, tag)
                if tag == reference or (reference == digest and stored == {"digest": digest}):
                    self._documents.delete("tag", repository, tag)
            if reference == digest:
                self._documents.delete("manifest", repository, digest)
        self._collect(digest)

    def tags(self, repository: str) -> list[str]:
        """The tags of a repository, sorted."""
        return self._documents.names("tag", repository)

    def repositories(self) -> list[str]:
        """The repositories that hold something, sorted."""
        return sorted({*self._documents.owners("manifest"), *self._documents.owners("blob")})

    def referrers(self, repository: str, subject: str) -> list[Doc]:
        """Descriptors of the manifests whose subject is `subject`."""
        found: list[Doc] = []
        for digest in self._documents.names("manifest", repository):
            facts = self._documents.get("manifest", repository, digest)
            if facts is not None and facts["subject"] == subject:
                shown = ("mediaType", "size", "artifactType", "annotations")
                found.append({"digest": digest, **{k: facts[k] for k in shown if facts.get(k)}})
        return found

    def _collect(self, digest: str) -> None:
        used = any(
            self._documents.get(kind, repository, digest) is not None
            for kind in ("blob", "manifest")
            for repository in self._documents.owners(kind)
        )
        if not used:
            self.path(digest).unlink(missing_ok=True)
