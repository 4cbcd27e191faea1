"""Segments: the files of a capture folder, bounded, sealed by renaming."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

OPEN = ".open"
PATTERN = "captures-*.jsonl"
_SEGMENT_BYTES = 1 << 20


class SegmentWriter:
    """Writes lines to `captures-<UTC time>-<seq>.jsonl`, sealed some seconds after its first line.

    A segment is called `….jsonl.open` until it is sealed: flushed to disk, then renamed. A reader
    of sealed segments therefore never sees half a line. The folder stays within `max_bytes`: the
    oldest sealed segments go first. For one thread.
    """

    def __init__(self, folder: Path, max_bytes: int, segment_seconds: float) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._segment_bytes = min(_SEGMENT_BYTES, max_bytes // 4)
        self._seconds = segment_seconds
        self._file: BinaryIO | None = None
        self._path = folder
        self._size = 0
        self._due = 0.0
        self._sequence = 0
        self._recovered = False
        self.dropped_segments = 0

    def write(self, line: bytes, now: float) -> bool:
        """Appends `line` (with its newline); False if there is no room. `now` is monotonic.

        Raises OSError if the disk refuses.
        """
        if len(line) > self._segment_bytes:
            return False
        if self._file is not None and (
            now >= self._due or self._size + len(line) > self._segment_bytes
        ):
            self.seal()
        file = self._file or self._open(now)
        file.write(line)
        file.flush()
        self._size += len(line)
        return True

    def seconds_to_seal(self, now: float) -> float | None:
        """How long until the open segment is due; None if none is open."""
        return None if self._file is None else max(0.0, self._due - now)

    def seal(self) -> None:
        """Closes the open segment, if any, under its final name. Raises OSError."""
        file, self._file = self._file, None
        if file is None:
            return
        with file:
            file.flush()
            os.fsync(file.fileno())
        self._path.rename(self._path.with_suffix(""))

    def _open(self, now: float) -> BinaryIO:
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._recovered:
            self._recover()
        self._make_room()
        self._sequence += 1
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        self._path = self._folder / f"captures-{stamp}-{self._sequence:06d}.jsonl{OPEN}"
        self._file = self._path.open("xb")
        self._size, self._due = 0, now + self._seconds
        return self._file

    def _recover(self) -> None:
        """Seals what a killed process left open, without its last line if that is half."""
        for path in sorted(self._folder.glob(PATTERN + OPEN)):
            data = path.read_bytes()
            whole = data[: data.rfind(b"\n") + 1]
            if not whole:
                path.unlink()
                continue
            if whole != data:
                os.truncate(path, len(whole))
            path.rename(path.with_suffix(""))
        self._recovered = True

    def _make_room(self) -> None:
        """Removes the oldest sealed segments until a whole new one fits."""
        sizes = []
        for path in sorted(self._folder.glob(PATTERN)):
            try:
                sizes.append((path, path.stat().st_size))
            except FileNotFoundError:  # sent and removed meanwhile
                continue
        total = sum(size for _, size in sizes)
        for path, size in sizes:
            if total + self._segment_bytes <= self._max_bytes:
                return
            path.unlink(missing_ok=True)
            self.dropped_segments += 1
            total -= size
