"""Mount points and paths of a process, on rungs with and without a file system of their own."""

import re
from pathlib import Path

from edge.oci.scoped import inside, parts_of
from edge.runtime.spec import Bind
from protos.errors import ConfigurationError


def make_mount_points(rootfs: Path, mounts: list[Bind]) -> None:
    """Creates what is missing to mount on: empty folders and files in the shared root.

    Raises ConfigurationError for a target that is not an absolute path below the root.
    """
    for mount in mounts:
        parts = parts_of(mount.target)
        place = inside(rootfs, parts)
        if not mount.target.startswith("/") or not parts or ".." in parts or place is None:
            raise ConfigurationError(f"nothing can be mounted at {mount.target!r}")
        if mount.source.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        elif not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()


def on_host(text: str, rootfs: Path, mounts: list[Bind]) -> str:
    """`text` with every absolute path of the image replaced by its place on the host.

    For rungs that give the process no file system of its own. Paths are those of the mounts and
    those that are in the image; several may be joined by `:`. Everything else stays.
    """
    return ":".join(_path(part, rootfs, mounts) for part in text.split(":"))


_PATH = re.compile(r"/[^/\0]+.*")


def _path(text: str, rootfs: Path, mounts: list[Bind]) -> str:
    if not _PATH.fullmatch(text):
        return text
    parts = parts_of(text)
    for mount in sorted(mounts, key=lambda m: -len(parts_of(m.target))):
        target = parts_of(mount.target)
        if parts[: len(target)] == target:
            return str(mount.source.absolute().joinpath(*parts[len(target) :]))
    place = inside(rootfs, parts)
    return str(place) if place is not None and place.exists() else text
