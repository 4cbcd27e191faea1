"""Reads a capture folder while the service writes it and the captures module empties it.

Neither of the two knows of this reader. It holds a handle on the open segment: a segment that is
sealed, sent and removed meanwhile can still be read to its end.
"""

from pathlib import Path
from typing import BinaryIO

_OPEN = ".open"
_PATTERN = "captures-*.jsonl"
_CHUNK = 1 << 20
_MAX_LINE = 1 << 20


class Tail:
    """The lines of a capture folder, each once, from the moment this was made.

    What was sealed before is left alone. A segment that is opened, sealed and removed between two
    looks is missed: look more often than segments are sealed. For one thread.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen = {path.name for path in folder.glob(_PATTERN)}
        self._file: BinaryIO | None = None
        self._path = folder
        self._rest = b""

    def read(self, max_bytes: int = 8 << 20) -> list[bytes]:
        """The whole lines that came since the last look, oldest first, about `max_bytes` of them.

        Raises OSError when the folder cannot be read.
        """
        lines: list[bytes] = []
        left = max_bytes
        while left > 0 and (self._file is not None or self._open_next()):
            assert self._file is not None  # noqa: S101 - said by the condition above
            # Asked before reading: what was written until it was sealed is then read for certain.
            ended = not self._path.name.endswith(_OPEN) or not self._path.exists()
            wanted = min(left, _CHUNK)
            data = self._file.read(wanted)
            left -= len(data)
            lines += self._split(data)
            if len(data) == wanted:  # there may be more
                continue
            if not ended:
                break
            self.close()
        return lines

    def close(self) -> None:
        """Lets go of the segment that is being read."""
        if self._file is not None:
            self._file.close()
        self._file, self._rest = None, b""

    def _split(self, data: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _MAX_LINE:  # no line of a service is that long
            self._rest = b""
        return [line for line in lines if line]

    def _open_next(self) -> bool:
        """Takes the oldest segment that was not read yet; False when there is none."""
        sealed = {path.name for path in self._folder.glob(_PATTERN)}
        open_ = {path.name.removesuffix(_OPEN) for path in self._folder.glob(_PATTERN + _OPEN)}
        self._seen &= sealed | open_
        for name in sorted((sealed | open_) - self._seen):
            for path in (self._folder / (name + _OPEN), self._folder / name):
                try:
                    self._file = path.open("rb", buffering=0)
                except FileNotFoundError:  # sealed, or sent, this very moment
                    continue
                self._path = path
                self._seen.add(name)
                return True
            self._seen.add(name)
        return False
