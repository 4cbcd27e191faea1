"""A folder of blobs by digest, laid out as an OCI image layout.

    <root>/oci-layout            {"imageLayoutVersion": "1.0.0"}
    <root>/index.json            the named images
    <root>/blobs/sha256/<hex>    every blob; a file of this name always has this digest
    <root>/partial/<hex>         downloads that were cut off; never part of the layout

A blob is written under `partial/` and renamed once its digest is proven, so a crash leaves no
half blob. Threads and processes may share a store.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from edge.oci.descriptors import MAX_DOCUMENT_BYTES, REF_NAME_ANNOTATION, Descriptor
from edge.oci.locks import exclusive
from protos.digests import canonical_json, digest_bytes, digest_file, is_digest, short
from protos.errors import IntegrityError, NotFound

MAX_BLOB_BYTES = 8 << 30
_CHUNK = 1 << 20


class BlobStore:
    """Blobs by digest below `root`, which is created when it is not there."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._blobs = self.root / "blobs" / "sha256"
        self._partial = self.root / "partial"
        self._known: dict[str, tuple[int, int, int]] = {}
        self._blobs.mkdir(parents=True, exist_ok=True)
        self._partial.mkdir(exist_ok=True)
        self._create("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        self._create("index.json", _index([]))

    def path(self, digest: str) -> Path:
        """Where the blob lies, or would lie. Raises IntegrityError for a malformed digest."""
        if not is_digest(digest):
            raise IntegrityError("a blob was asked for by something that is not a digest")
        return self._blobs / digest.removeprefix("sha256:")

    def has(self, digest: str) -> bool:
        """Whether the blob is here."""
        return self.path(digest).is_file()

    def size(self, digest: str) -> int:
        """The size of the blob in bytes. Raises NotFound."""
        return self._found(digest).stat().st_size

    def open(self, digest: str) -> IO[bytes]:
        """The blob for reading. Raises NotFound."""
        return self._found(digest).open("rb")

    def intact(self, digest: str) -> bool:
        """Whether the blob is here and still has its digest.

        The bytes are read again only if the file changed since this store last looked. A blob
        that rotted is removed, so that it can be fetched again.
        """
        path = self.path(digest)
        try:
            state = _state(path)
        except FileNotFoundError:
            return False
        if self._known.get(digest) != state:
            if digest_file(path) != digest:
                path.unlink(missing_ok=True)
                return False
            self._known[digest] = state
        return True

    def add(
        self,
        stream: IO[bytes],
        expected_digest: str | None = None,
        max_size: int = MAX_BLOB_BYTES,
    ) -> str:
        """Stores what `stream` yields and returns its digest.

        Raises IntegrityError, and keeps nothing, when the bytes have another digest than
        `expected_digest` or are more than `max_size`.
        """
        with tempfile.NamedTemporaryFile(dir=self._partial, prefix="new-", delete=False) as file:
            temporary = Path(file.name)
            try:
                sha, size = hashlib.sha256(), 0
                while chunk := stream.read(_CHUNK):
                    size += len(chunk)
                    if size > max_size:
                        raise IntegrityError(f"a blob is larger than the allowed {max_size} bytes")
                    sha.update(chunk)
                    file.write(chunk)
                digest = "sha256:" + sha.hexdigest()
                if expected_digest is not None and digest != expected_digest:
                    raise IntegrityError(
                        f"a blob is not {expected_digest}", why=f"its bytes have {digest}"
                    )
                file.flush()
                self._adopt(temporary, digest)
            finally:
                temporary.unlink(missing_ok=True)
        return digest

    def add_bytes(self, data: bytes, media_type: str, **fields: Any) -> Descriptor:
        """Stores `data` and returns its descriptor; `fields` are further fields of that."""
        digest = digest_bytes(data)
        if not self.intact(digest):
            with tempfile.NamedTemporaryFile(dir=self._partial, prefix="new-", delete=False) as f:
                f.write(data)
                f.flush()
                self._adopt(Path(f.name), digest)
        return Descriptor(media_type, digest, len(data), **fields)

    def add_json(self, value: Any, media_type: str, **fields: Any) -> Descriptor:
        """Stores `value` as canonical JSON and returns its descriptor."""
        return self.add_bytes(canonical_json(value), media_type, **fields)

    def add_file(self, source: Path, digest: str) -> None:
        """Takes a file whose digest is known in: as a hard link where possible, else as a copy.

        The bytes are verified either way. Raises IntegrityError.
        """
        if self.intact(digest):
            return
        if digest_file(source) != digest:
            raise IntegrityError(f"{source.name} is not {digest}")
        with contextlib.suppress(OSError):
            os.link(source, self.path(digest))
        if not self.has(digest):
            with source.open("rb") as stream:
                self.add(stream, digest)

    def read_json(self, digest: str) -> Any:
        """A document of the image, verified. Raises NotFound and IntegrityError."""
        if self.size(digest) > MAX_DOCUMENT_BYTES:
            raise IntegrityError(f"document {short(digest)} is too large to be one")
        with self.open(digest) as file:
            data = file.read()
        if digest_bytes(data) != digest:
            raise IntegrityError(f"document {digest} changed on disk", remedy="pull it again")
        try:
            return json.loads(data)
        except ValueError as error:
            raise IntegrityError(f"document {short(digest)} is not JSON") from error

    @contextlib.contextmanager
    def resuming(self, digest: str, wait_seconds: float = 600.0) -> Iterator[Path]:
        """The partial file of a blob, locked against other downloads of the same blob.

        Waits at most `wait_seconds` for another download; then raises DeadlineExceeded.
        """
        path = self._partial / self.path(digest).name
        with exclusive(path.with_suffix(".lock"), wait_seconds):
            yield path

    def finish(self, partial: Path, digest: str) -> None:
        """Makes a complete partial file a blob. The caller has proven its digest."""
        self._adopt(partial, digest)
        partial.with_suffix(".lock").unlink(missing_ok=True)

    def tag(self, descriptor: Descriptor, name: str) -> None:
        """Gives an image a name in `index.json`, so that tools find it in the layout."""
        with exclusive(self._partial / "index.lock", 60.0):
            entries = json.loads((self.root / "index.json").read_bytes())["manifests"]
            entries = [e for e in entries if _name(e) != name]
            entry = descriptor.to_json()
            entry["annotations"] = {**descriptor.annotations, REF_NAME_ANNOTATION: name}
            entries = sorted([*entries, entry], key=_name)
            self._replace("index.json", _index(entries))

    def tagged(self) -> dict[str, str]:
        """The named images: name to digest."""
        entries = json.loads((self.root / "index.json").read_bytes())["manifests"]
        return {_name(entry): entry["digest"] for entry in entries}

    def remove(self, digest: str) -> None:
        """Removes a blob if it is here."""
        self.path(digest).unlink(missing_ok=True)

    def digests(self) -> list[str]:
        """Every blob that is here, sorted."""
        return sorted(f"sha256:{path.name}" for path in self._blobs.iterdir())

    def _found(self, digest: str) -> Path:
        path = self.path(digest)
        if not path.is_file():
            raise NotFound(f"blob {digest} is not in {self.root}", remedy="pull or build the image")
        return path

    def _adopt(self, temporary: Path, digest: str) -> None:
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        path = self.path(digest)
        temporary.replace(path)
        self._known[digest] = _state(path)

    def _create(self, name: str, data: bytes) -> None:
        if not (self.root / name).exists():
            self._replace(name, data)

    def _replace(self, name: str, data: bytes) -> None:
        with tempfile.NamedTemporaryFile(dir=self._partial, prefix="new-", delete=False) as file:
            file.write(data)
        Path(file.name).chmod(0o644)
        shutil.move(file.name, self.root / name)


def _state(path: Path) -> tuple[int, int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ino


def _name(entry: dict[str, Any]) -> str:
    return str((entry.get("annotations") or {}).get(REF_NAME_ANNOTATION, ""))


def _index(manifests: list[dict[str, Any]]) -> bytes:
    return canonical_json({"schemaVersion": 2, "manifests": manifests})
