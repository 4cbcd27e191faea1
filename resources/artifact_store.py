"""The artifact store: bytes by digest, on any filesystem that fsspec knows.

A blob is written once under `blobs/sha256/<two hex>/<rest>` and never changed. A *document* is a
blob of canonical JSON that names its inputs by digest, so that lineage can be followed in the
store alone. Every read is verified: what comes back has the digest that was asked for.
"""

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from protos.digests import canonical_json, digest_bytes, digest_file, is_digest
from protos.errors import IntegrityError, NotFound


class ArtifactStore:
    """Bytes by digest below `url` (a path, or any fsspec URL such as `abfs://container/edge`)."""

    def __init__(self, url: str) -> None:
        import fsspec

        self.url = url
        self._fs, self._root = fsspec.core.url_to_fs(url)

    def _path(self, digest: str) -> str:
        if not is_digest(digest):
            raise NotFound(
                f"'{digest}' is not a digest", remedy="give sha256: and 64 hexadecimal digits"
            )
        hexadecimal = digest.removeprefix("sha256:")
        return f"{self._root}/blobs/sha256/{hexadecimal[:2]}/{hexadecimal[2:]}"

    def has(self, digest: str) -> bool:
        """Whether the blob is there (its bytes are verified when they are read)."""
        return bool(self._fs.exists(self._path(digest)))

    def put_bytes(self, data: bytes) -> str:
        """Stores `data` and returns its digest; storing the same bytes twice changes nothing."""
        digest = digest_bytes(data)
        path = self._path(digest)
        if not self._fs.exists(path):
            self._fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            # Written under another name first: a reader never sees half a blob.
            temporary = f"{path}.part-{uuid.uuid4().hex}"
            self._fs.pipe_file(temporary, data)
            self._fs.mv(temporary, path)
        return digest

    def put_file(self, path: Path) -> str:
        """Stores the file's bytes and returns their digest."""
        return self.put_bytes(path.read_bytes())

    def get_bytes(self, digest: str) -> bytes:
        """The blob's bytes.

        Raises NotFound when it is not there, IntegrityError when the stored bytes have another
        digest.
        """
        path = self._path(digest)
        try:
            data: bytes = self._fs.cat_file(path)
        except FileNotFoundError:
            raise NotFound(
                f"the artifact {digest} is not in the store {self.url}",
                remedy="materialize the asset that makes it, or point EDGE_ARTIFACTS at its store",
            ) from None
        if digest_bytes(data) != digest:
            raise IntegrityError(
                f"the artifact {digest} in {self.url} is damaged",
                why=f"its bytes have the digest {digest_bytes(data)}",
                remedy="delete that blob and materialize the asset that makes it again",
            )
        return data

    def get_file(self, digest: str, target: Path) -> Path:
        """Writes the blob to `target` (folders are made) and returns the path."""
        if not (target.exists() and digest_file(target) == digest):
            data = self.get_bytes(digest)
            target.parent.mkdir(parents=True, exist_ok=True)
            # Hidden, and its own: several may restore a delivery that their models share.
            temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
            temporary.write_bytes(data)
            temporary.replace(target)
        return target

    def put_document(self, document: Mapping[str, Any]) -> str:
        """Stores a document and returns its digest."""
        return self.put_bytes(canonical_json(dict(document)))

    def get_document(self, digest: str) -> dict[str, Any]:
        """The document with this digest; errors as `get_bytes`."""
        document = json.loads(self.get_bytes(digest))
        if not isinstance(document, dict):
            raise IntegrityError(
                f"the artifact {digest} is not a document", remedy="give the digest of a document"
            )
        return document
