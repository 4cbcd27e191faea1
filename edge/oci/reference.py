"""Names of images: `registry/repository@sha256:...` or `registry/repository:tag`."""

import re
from dataclasses import dataclass

from protos.digests import is_digest
from protos.errors import ConfigurationError

# The grammar of the OCI distribution-spec 1.1, section "Pulling manifests".
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_REGISTRY = re.compile(r"[a-zA-Z0-9.-]+(?::[0-9]{1,5})?|\[[0-9a-fA-F:]+\](?::[0-9]{1,5})?")

DOCKER_HUB = "docker.io"


@dataclass(frozen=True)
class ImageReference:
    """Where an image is: a registry (`host[:port]`), a repository in it, and a digest or a tag."""

    registry: str
    repository: str
    digest: str | None = None
    tag: str | None = None

    def __post_init__(self) -> None:
        if not _REGISTRY.fullmatch(self.registry):
            raise _wrong(str(self), "the registry is no host[:port]")
        if not _REPOSITORY.fullmatch(self.repository) or len(self.repository) > 255:
            raise _wrong(str(self), "a repository is lower-case words joined by / . _ or -")
        if self.digest is not None and not is_digest(self.digest):
            raise _wrong(str(self), "a digest is sha256: and 64 hex digits")
        if self.tag is not None and not _TAG.fullmatch(self.tag):
            raise _wrong(str(self), "a tag is at most 128 letters, digits, . _ or -")

    @classmethod
    def parse(cls, text: str) -> "ImageReference":
        """Reads `text` as docker does: without a registry it is on Docker Hub.

        Raises ConfigurationError when the text is no image reference.
        """
        rest, at, digest = text.partition("@")
        head, slash, tail = rest.partition("/")
        if slash and ("." in head or ":" in head or head == "localhost"):
            registry, rest = head, tail
        else:
            registry = DOCKER_HUB
            rest = rest if slash else f"library/{rest}"
        repository, colon, tag = rest.partition(":")
        return cls(registry, repository, digest if at else None, tag if colon else None)

    @property
    def selector(self) -> str:
        """What to ask the registry for: the digest if there is one, else the tag (`latest`)."""
        return self.digest or self.tag or "latest"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag is not None else ""
        digest = f"@{self.digest}" if self.digest is not None else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"


def _wrong(text: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{text!r} is not an image reference",
        why=why,
        remedy="write registry/repository@sha256:<digest>",
    )
