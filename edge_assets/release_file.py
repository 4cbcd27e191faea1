"""A release as one file, to be carried to where the first environment cannot be seen.

A tar, not compressed, laid out as an OCI image layout, so that other tools find the images in it:

    oci-layout            {"imageLayoutVersion": "1.0.0"}
    index.json            the images by name; its annotations say which release of which model it is
    blobs/sha256/<hex>    images, documents and artifacts

The same release gives the same bytes. Nothing in the file is believed before it is all verified.
"""

import io
import json
import os
import re
import tarfile
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from edge.oci import BlobStore, Descriptor
from edge.oci.descriptors import (
    INDEX,
    MAX_DOCUMENT_BYTES,
    REF_NAME_ANNOTATION,
    manifests_of,
)
from edge.oci.store import MAX_BLOB_BYTES
from protos.digests import canonical_json, is_digest
from protos.errors import ConfigurationError, IntegrityError

FORMAT = "1"
_LAYOUT, _INDEX = "oci-layout", "index.json"
_BLOB = re.compile(r"blobs/sha256/([0-9a-f]{64})")
_PREFIX = "edge-assets."
_TOLD = ("format", "model", "release", "environment", "deliveries")
_NAME = re.compile(r"[a-z][a-z0-9_-]*")

Opened = Callable[[str], IO[bytes]]
"""Opens a blob by its digest, for reading from its start."""


@dataclass(frozen=True)
class ReleaseIndex:
    """What `index.json` says: which release of which model, where it was made, and its images.

    `release` is the digest of the release's document, `images` are as `described`, by their name in
    the registry, `deliveries` says whether the bytes of the raw batches are in the file.
    """

    model: str
    release: str
    environment: str
    images: Mapping[str, Descriptor]
    deliveries: bool = False

    def to_json(self) -> dict[str, Any]:
        """The index as the image-spec writes it."""
        told = {
            "format": FORMAT,
            "model": self.model,
            "release": self.release,
            "environment": self.environment,
            "deliveries": str(self.deliveries).lower(),
        }
        return {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [image.to_json() for _, image in sorted(self.images.items())],
            "annotations": {_PREFIX + key: value for key, value in told.items()},
        }

    @classmethod
    def from_json(cls, value: Any) -> "ReleaseIndex":
        """Reads an index; IntegrityError when it is not one of a release, or of another format."""
        try:
            told = {key: str(value["annotations"][_PREFIX + key]) for key in _TOLD}
            entries = manifests_of(value)
        except (KeyError, TypeError, AttributeError):
            raise _foreign("its index.json tells of no release") from None
        if told["format"] != FORMAT:
            raise _foreign(f"its format is {told['format'][:20]}, and this version reads {FORMAT}")
        if not is_digest(told["release"]) or not all(
            _NAME.fullmatch(told[key]) for key in ("model", "environment")
        ):
            raise _foreign("what it names as release, model or environment can be none")
        images = {entry.annotations.get(REF_NAME_ANNOTATION, ""): entry for entry in entries}
        return cls(
            told["model"],
            told["release"],
            told["environment"],
            images,
            told["deliveries"] == "true",
        )


def described(store: BlobStore, name: str, digest: str) -> Descriptor:
    """The descriptor of an image in `store` under its name. Raises NotFound, IntegrityError."""
    media_type = str(store.read_json(digest).get("mediaType", ""))
    return Descriptor(media_type, digest, store.size(digest), {REF_NAME_ANNOTATION: name})


def write_release(target: Path, index: ReleaseIndex, blobs: Collection[str], opened: Opened) -> int:
    """Writes the file and returns its size in bytes; what was at `target` stays until it is done.

    Only its owner may read it: there are rows of data in it.
    Raises ConfigurationError when nothing can be written there, and what `opened` raises.
    """
    try:
        file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed below, before it is renamed
            dir=target.parent, prefix=f"{target.name}.", suffix=".part", delete=False
        )
    except OSError as error:
        raise ConfigurationError(
            f"{target} cannot be written",
            why=error.strerror or "",
            remedy="name a file in a folder that is there and that you may write to",
        ) from None
    temporary = Path(file.name)
    try:
        with file, tarfile.open(fileobj=file, mode="w") as archive:
            _add(archive, _LAYOUT, io.BytesIO(b'{"imageLayoutVersion":"1.0.0"}'))
            _add(archive, _INDEX, io.BytesIO(canonical_json(index.to_json())))
            for digest in sorted(blobs):
                with opened(digest) as stream:
                    _add(archive, f"blobs/{digest.replace(':', '/')}", stream)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target.stat().st_size


def _add(archive: tarfile.TarFile, name: str, stream: IO[bytes]) -> None:
    info = tarfile.TarInfo(name)  # without time and owner: equal releases are equal files
    info.size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    archive.addfile(info, stream)


def read_release(file: Path, store: BlobStore) -> ReleaseIndex:
    """Unpacks the file into an empty `store`, every blob verified, and returns its index.

    Raises IntegrityError when it is no such file, or a blob in it has another digest. Whether the
    blobs are all that belongs to the release is for `judge_whole` to say.
    """
    told: dict[str, bytes] = {}
    try:
        with tarfile.open(file, mode="r:") as archive:
            for member in archive:
                _take(archive, member, store, told)
    except (tarfile.TarError, ValueError, EOFError, OverflowError) as error:
        raise _foreign(f"it is no tar, or was cut off: {error}") from None
    if told.keys() != {_LAYOUT, _INDEX}:
        raise _foreign("it holds no index.json and oci-layout")
    try:
        index = json.loads(told[_INDEX])
    except ValueError:
        raise _foreign("its index.json is not JSON") from None
    return ReleaseIndex.from_json(index)


def _take(
    archive: tarfile.TarFile, member: tarfile.TarInfo, store: BlobStore, told: dict[str, bytes]
) -> None:
    blob = _BLOB.fullmatch(member.name)
    known = member.name in told or (blob and store.has(f"sha256:{blob[1]}"))
    stream = archive.extractfile(member) if member.isreg() and not member.issparse() else None
    if stream is None or known or not (blob or member.name in (_LAYOUT, _INDEX)):
        raise _foreign(f"it holds {member.name[:80]!r}, which no release has, or has once")
    if blob:
        store.add(stream, f"sha256:{blob[1]}", MAX_BLOB_BYTES)
    elif member.size > MAX_DOCUMENT_BYTES:
        raise _foreign(f"its {member.name} is too large")
    else:
        told[member.name] = stream.read()


def _foreign(why: str) -> IntegrityError:
    return IntegrityError(
        "the file is no release that was exported",
        why=why,
        remedy="export it again with edgectl release export, and carry the file over again",
    )
