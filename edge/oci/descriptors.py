"""Descriptors and media types of the OCI image-spec 1.1, and the walk over an image's documents."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from protos.digests import is_digest
from protos.errors import IntegrityError

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER_TAR = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"

INDEXES = (INDEX, DOCKER_INDEX)
MANIFESTS = (MANIFEST, DOCKER_MANIFEST)
ACCEPT = ", ".join((*INDEXES, *MANIFESTS))

# The distribution-spec asks registries to take manifests of at least 4 MiB; few take more.
MAX_DOCUMENT_BYTES = 4 << 20

MOUNT_ANNOTATION = "edge-assets.mount"
REF_NAME_ANNOTATION = "org.opencontainers.image.ref.name"

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "riscv64": "riscv64"}


@dataclass(frozen=True)
class Descriptor:
    """A typed pointer to a blob: media type, digest, size in bytes."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: Mapping[str, str] | None = None

    def to_json(self) -> dict[str, Any]:
        """The descriptor as the image-spec writes it."""
        value: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": self.size,
        }
        if self.annotations:
            value["annotations"] = dict(self.annotations)
        if self.platform is not None:
            value["platform"] = dict(self.platform)
        return value

    @classmethod
    def from_json(cls, value: Any) -> "Descriptor":
        """Reads a descriptor; raises IntegrityError when a field is missing or of a wrong kind."""
        try:
            found = cls(
                str(value["mediaType"]),
                str(value["digest"]),
                int(value["size"]),
                dict(value.get("annotations") or {}),
                dict(value["platform"]) if value.get("platform") else None,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise IntegrityError("a descriptor of the image cannot be read") from error
        if not is_digest(found.digest) or found.size < 0:
            raise IntegrityError(
                "a descriptor of the image is not usable",
                why=f"digest {found.digest[:80]!r}, size {found.size}",
            )
        return found


def host_architecture() -> str:
    """This machine's architecture in the words of Go, which OCI uses: `amd64`, `arm64`, ..."""
    machine = platform.machine()
    return _ARCHITECTURES.get(machine, machine.lower())


def host_os() -> str:
    """This machine's operating system in the words of Go: `linux`, `darwin`, ..."""
    return platform.system().lower()


def manifests_of(index: Mapping[str, Any]) -> list[Descriptor]:
    """The descriptors in an image index."""
    return [Descriptor.from_json(entry) for entry in index.get("manifests") or []]


def blobs_of(manifest: Mapping[str, Any]) -> list[Descriptor]:
    """The config and the layers of an image manifest, in this order."""
    entries = [manifest.get("config"), *(manifest.get("layers") or [])]
    return [Descriptor.from_json(entry) for entry in entries]


def choose_platform(
    manifests: list[Descriptor], architecture: str, os: str = "linux"
) -> Descriptor | None:
    """The manifest for a platform; None when there is none.

    One for `os` goes before one for Linux, which engines on other systems run in a machine of
    their own. A manifest without a platform serves any.
    """
    fitting = [entry for entry in manifests if entry.media_type in MANIFESTS]
    for system in (os, "linux"):
        for entry in fitting:
            has = entry.platform or {"architecture": architecture, "os": system}
            if (has.get("architecture"), has.get("os")) == (architecture, system):
                return entry
    return None
