"""What an image says of itself: its manifest for this machine and its configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.oci.descriptors import (
    INDEXES,
    MOUNT_ANNOTATION,
    Descriptor,
    blobs_of,
    choose_platform,
    host_architecture,
    host_os,
    manifests_of,
)
from edge.oci.store import BlobStore
from protos.digests import is_digest, short
from protos.errors import IntegrityError, NotFound


@dataclass(frozen=True)
class ImageConfig:
    """How the image's process runs: environment, command line, user (`uid:gid`), labels."""

    env: dict[str, str] = field(default_factory=dict)
    entrypoint: list[str] = field(default_factory=list)
    cmd: list[str] = field(default_factory=list)
    user: str = ""
    labels: dict[str, str] = field(default_factory=dict)

    def argv(self, command: list[str] | None) -> list[str]:
        """The command line; `command`, when given, replaces the image's `Cmd` as docker's does."""
        return [*self.entrypoint, *(self.cmd if command is None else command)]


@dataclass(frozen=True)
class ImageDocuments:
    """An image's documents: the manifest chosen for a platform, config, layers with diff ids."""

    digest: str
    manifest: Descriptor
    manifest_json: Mapping[str, Any]
    config_digest: str
    config: ImageConfig
    layers: list[Descriptor]
    diff_ids: list[str]

    @property
    def mount(self) -> str | None:
        """Where the last layer is mounted, when it is annotated to be kept apart."""
        return self.layers[-1].annotations.get(MOUNT_ANNOTATION) if self.layers else None


def read_image(
    store: BlobStore, digest: str, architecture: str | None = None, os: str | None = None
) -> ImageDocuments:
    """Reads and checks the documents of an image in `store`, by the digest of index or manifest.

    Raises NotFound when there is none for the platform (default: this machine's), IntegrityError
    when the documents do not fit together.
    """
    document = store.read_json(digest)
    manifest = Descriptor(str(document.get("mediaType", "")), digest, store.size(digest))
    if manifest.media_type in INDEXES:
        wanted = (architecture or host_architecture(), os or host_os())
        chosen = choose_platform(manifests_of(document), *wanted)
        if chosen is None:
            raise NotFound(
                f"image {short(digest)} has nothing for {wanted[1]}/{wanted[0]}",
                remedy="build it for this architecture too",
            )
        manifest = chosen
        document = store.read_json(manifest.digest)
    config_blob, *layers = blobs_of(document)
    raw = store.read_json(config_blob.digest)
    try:
        diff_ids = [str(diff_id) for diff_id in raw["rootfs"]["diff_ids"]]
        config = _config(raw.get("config") or {})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise IntegrityError(f"the config of image {short(digest)} cannot be read") from error
    if len(diff_ids) != len(layers) or not all(map(is_digest, diff_ids)):
        raise IntegrityError(f"image {short(digest)} has other layers than its config says")
    return ImageDocuments(digest, manifest, document, config_blob.digest, config, layers, diff_ids)


def parts_of_image(store: BlobStore, digest: str) -> set[str]:
    """Every blob of an image, by the digest of its index or manifest: documents, configs, layers.

    Raises NotFound when a document is not in `store`, IntegrityError when one cannot be read.
    """
    document = store.read_json(digest)
    if not isinstance(document, dict):
        raise IntegrityError(f"{short(digest)} is no image")
    if document.get("mediaType") in INDEXES:
        below = (parts_of_image(store, entry.digest) for entry in manifests_of(document))
        return {digest}.union(*below)
    return {digest, *(blob.digest for blob in blobs_of(document))}


def _config(raw: Mapping[str, Any]) -> ImageConfig:
    env = dict(str(item).split("=", 1) for item in raw.get("Env") or [])
    return ImageConfig(
        env,
        [str(word) for word in raw.get("Entrypoint") or []],
        [str(word) for word in raw.get("Cmd") or []],
        str(raw.get("User") or ""),
        {str(key): str(value) for key, value in (raw.get("Labels") or {}).items()},
    )
