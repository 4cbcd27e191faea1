"""Deterministic tar layers: the same entries give the same bytes, on any machine, at any time.

Names sorted, owner 0:0 without names, times 0, modes given by the caller, POSIX format with pax
headers only where a name is too long for ustar.
"""

import hashlib
import io
import os
import tarfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, cast
from zlib import DEFLATED, compressobj

# Members of this size are compressed apart from each other, so that all cores can take part.
# Part of the format: another size gives other bytes.
MEMBER_BYTES = 4 << 20
GZIP_LEVEL = 6
_GZIP_WBITS = 31


@dataclass(frozen=True)
class Entry:
    """One file, folder or symbolic link of a layer.

    `path` is relative to the root, with `/`. `content` is a file to read, or the bytes; None for
    a folder or link. `link` is the target of a symbolic link.
    """

    path: str
    content: Path | bytes | None = None
    mode: int = 0o644
    link: str | None = None


class Sink(Protocol):
    """Takes bytes."""

    def write(self, data: bytes, /) -> int:
        """Takes `data`; returns its length."""


def with_folders(entries: Iterable[Entry]) -> list[Entry]:
    """`entries` sorted by path, with a folder entry (mode 755) for each parent that has none.

    Raises ValueError when two entries have one path.
    """
    found: dict[str, Entry] = {}
    for entry in entries:
        if entry.path in found:
            raise ValueError(f"two entries of the layer are called {entry.path!r}")
        found[entry.path] = entry
    for path in list(found):
        while "/" in path:
            path = path.rpartition("/")[0]
            found.setdefault(path, Entry(path, mode=0o755))
    return [found[path] for path in sorted(found)]


def write_tar(entries: Iterable[Entry], sink: Sink) -> None:
    """Writes `entries`, in the order of `with_folders`, as a tar to `sink`."""
    with tarfile.open(fileobj=cast(IO[bytes], sink), mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for entry in with_folders(entries):
            info = tarfile.TarInfo(entry.path)
            info.mode = entry.mode
            if entry.link is not None:
                info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.link, 0o777
                tar.addfile(info)
            elif entry.content is None:
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            elif isinstance(entry.content, bytes):
                info.size = len(entry.content)
                tar.addfile(info, io.BytesIO(entry.content))
            else:
                with entry.content.open("rb") as file:
                    info.size = os.fstat(file.fileno()).st_size
                    tar.addfile(info, file)


class Hashing:
    """Hashes and counts what passes through to `sink`, if there is one."""

    def __init__(self, sink: Sink | None = None) -> None:
        self._sink, self._sha, self.size = sink, hashlib.sha256(), 0

    def write(self, data: bytes, /) -> int:
        """Takes `data` and hands it on."""
        self._sha.update(data)
        self.size += len(data)
        if self._sink is not None:
            self._sink.write(data)
        return len(data)

    @property
    def digest(self) -> str:
        """The digest of all bytes so far."""
        return "sha256:" + self._sha.hexdigest()


class GzipMembers:
    """Compresses to `sink` as gzip members of `MEMBER_BYTES`, on all cores; close it at the end.

    Many members one after the other are one gzip file (RFC 1952, 2.2). No name, no time.
    """

    def __init__(self, sink: Sink, workers: int | None = None) -> None:
        self._sink, self._buffer = sink, bytearray()
        self._workers = workers or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="gzip")
        self._waiting: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        """Takes `data`."""
        self._buffer += data
        while len(self._buffer) >= MEMBER_BYTES:
            self._waiting.append(bytes(self._buffer[:MEMBER_BYTES]))
            del self._buffer[:MEMBER_BYTES]
        if len(self._waiting) >= 2 * self._workers:
            self._flush()
        return len(data)

    def close(self) -> None:
        """Compresses what is left and ends the threads."""
        if self._buffer:
            self._waiting.append(bytes(self._buffer))
            self._buffer.clear()
        self._flush()
        self._pool.shutdown()

    def _flush(self) -> None:
        for member in self._pool.map(_gzip, self._waiting):
            self._sink.write(member)
        self._waiting.clear()


def _gzip(data: bytes) -> bytes:
    deflate = compressobj(GZIP_LEVEL, DEFLATED, _GZIP_WBITS)
    return deflate.compress(data) + deflate.flush()
