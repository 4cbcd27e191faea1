"""Extracts one layer's tar into a folder, and refuses every entry that could leave the folder.

Rules of the OCI image-spec 1.1, "Image Layer Filesystem Changeset", whiteouts included. Owners,
times, set-user-id bits and extended attributes are not restored: the folder is for reading by
this user's own processes.
"""

import os
import shutil
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Protocol, cast

from edge.oci.scoped import inside, parts_of
from protos.errors import IntegrityError

MAX_ENTRIES = 400_000
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_CHUNK = 1 << 20


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """The next `size` bytes, fewer only at the end."""


def extract(
    stream: Readable,
    root: Path,
    *,
    prefix: str = "",
    plain_only: bool = False,
    max_entries: int = MAX_ENTRIES,
) -> None:
    """Extracts the tar in `stream` into `root`.

    With `prefix` every entry must lie in that folder, whose content goes to `root`. With
    `plain_only` links are refused too: only files and folders are taken.
    Raises IntegrityError for `..`, absolute names, devices, pipes, links that lead outside, and
    anything that is no tar.
    """
    wanted = parts_of(prefix)
    try:
        with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r|") as archive:
            for count, entry in enumerate(archive):
                if count >= max_entries:
                    raise IntegrityError(f"a layer has more than {max_entries} entries")
                parts = _checked(entry, plain_only)
                if parts[: len(wanted)] != wanted[: len(parts)]:
                    raise IntegrityError(f"{entry.name!r} is not in {prefix!r}, where it belongs")
                if len(parts) > len(wanted):
                    _place(archive, entry, root, parts[len(wanted) :])
                # tarfile remembers every entry; a big layer need not stay in memory
                archive.members = []  # type: ignore[attr-defined]
    except (tarfile.TarError, EOFError, UnicodeError) as error:
        raise IntegrityError("a layer is not a readable tar", why=str(error)) from error


def _checked(entry: tarfile.TarInfo, plain_only: bool) -> list[str]:
    parts = entry.name.split("/")
    if entry.name.startswith("/") or ".." in parts or "\0" in entry.name:
        raise IntegrityError(f"a layer wants to write outside its folder: {entry.name!r}")
    kinds: list[Callable[[], bool]] = [entry.isreg, entry.isdir]
    if not plain_only:
        kinds += [entry.issym, entry.islnk]
    if not any(kind() for kind in kinds):
        raise IntegrityError(
            f"{entry.name!r} is neither a file nor a folder",
            why=f"its tar type is {entry.type!r}; links, devices and pipes are refused here",
        )
    return parts_of(entry.name)


def _place(archive: tarfile.TarFile, entry: tarfile.TarInfo, root: Path, parts: list[str]) -> None:
    folder = inside(root, parts[:-1])
    if folder is None:
        raise IntegrityError(f"a link leads {entry.name!r} outside the image")
    if not folder.is_dir():
        _make_folders(root, folder)
    target = folder / parts[-1]
    if parts[-1] == _OPAQUE:
        _empty(folder)
    elif parts[-1].startswith(_WHITEOUT):
        name = parts[-1].removeprefix(_WHITEOUT)
        if name in ("", ".", ".."):
            raise IntegrityError(f"a layer deletes nothing sensible: {entry.name!r}")
        _remove(folder / name)
    elif entry.isdir():
        if target.is_symlink() or not target.is_dir():
            _remove(target)
            target.mkdir()
        target.chmod(entry.mode & 0o777 | stat.S_IRWXU)
    else:
        _remove(target)
        if entry.issym():
            target.symlink_to(entry.linkname)
        elif entry.islnk():
            _hard_link(root, entry, target)
        else:
            _write(archive, entry, target)


def _hard_link(root: Path, entry: tarfile.TarInfo, target: Path) -> None:
    names = entry.linkname.split("/")
    source = None if ".." in names else inside(root, parts_of(entry.linkname))
    if source is None or source.is_symlink() or not source.is_file():
        raise IntegrityError(f"{entry.name!r} is a link to {entry.linkname!r}, which is no file")
    os.link(source, target)


def _write(archive: tarfile.TarFile, entry: tarfile.TarInfo, target: Path) -> None:
    content = archive.extractfile(entry)
    if content is None:  # cannot be: it is a regular file
        raise IntegrityError(f"{entry.name!r} has no content")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(target, flags, 0o600), "wb") as file:
        shutil.copyfileobj(content, file, _CHUNK)
        if file.tell() != entry.size:
            raise IntegrityError(f"{entry.name!r} is cut off")
        os.fchmod(file.fileno(), entry.mode & 0o755 | 0o600)


def _make_folders(root: Path, folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise IntegrityError(f"{folder.relative_to(root)} is a file and a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise IntegrityError(f"{folder.relative_to(root)} is a file and a folder") from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        _remove(path)
