"""Which files of routed telemetry are new since a cursor: each once, none missed.

Layout of IoT Hub's storage routing: `<root>/<hub>/<partition>/YYYY/MM/DD/HH/`, and in it either
`mm/<name>.json` or `mm<rest>.json`, by the file name format of the endpoint. A file never changes
once it has its name, but it may get its name late, in an earlier minute, even before files that
were already seen. So the cursor holds, for each partition, the names
seen in the last minutes, and not merely the last name. It is bounded: when it holds more than
`keep` names, the oldest minutes are closed, and their folders are not looked at again. A file would
have to come later than `keep` newer ones of its partition to be missed.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from protos.errors import ConfigurationError

KEEP = 1000
"""Names a partition remembered: about a quarter of an hour of a file a second, 25 KB of cursor."""

_LEVELS = ((4, 9999), (2, 12), (2, 31), (2, 23))
"""Digits and largest value of the year, month, day and hour folders."""
_MINUTE = re.compile(r"([0-5]\d)((?:\D.*)?\.json)?", re.IGNORECASE)


@dataclass(frozen=True)
class _Partition:
    """What was seen of one `<hub>/<partition>`: names by minute, and the first open minute."""

    opened: str
    seen: dict[str, list[str]]


def new_files(
    fs: Any, root: str, cursor: str | None = None, *, limit: int = 1000, keep: int = KEEP
) -> tuple[list[str], str]:
    """At most `limit` files below `root` that `cursor` does not know, and the next cursor.

    `fs` is an fsspec filesystem. Files come by minute, then partition, then name; those beyond
    `limit` come with the next call. The same files and cursor give the same answer. A root that
    is not there yet has no files. Raises ConfigurationError when the cursor is none of ours.
    """
    known = _read(cursor)
    fs.invalidate_cache()
    found: list[tuple[str, str, str, str]] = []
    for partition, folder in _partitions(fs, root.rstrip("/")):
        state = known.get(partition, _Partition("", {}))
        old = {minute: set(names) for minute, names in state.seen.items()}
        for minute, name, path in _files(fs, folder, state.opened):
            if name not in old.get(minute, ()):
                found.append((minute, partition, name, path))
    found = sorted(found)[: max(0, limit)]
    for minute, partition, name, _ in found:
        state = known.setdefault(partition, _Partition("", {}))
        state.seen.setdefault(minute, []).append(name)
    content = {name: _trimmed(state, keep) for name, state in sorted(known.items())}
    return [path for *_, path in found], json.dumps(content, separators=(",", ":"))


def _trimmed(state: _Partition, keep: int) -> list[Any]:
    """The state without its oldest minutes; the newest one always stays whole."""
    minutes = sorted(state.seen)
    left = sum(len(names) for names in state.seen.values())
    while left > keep and len(minutes) > 1:
        left -= len(state.seen[minutes.pop(0)])
    opened = minutes[0] if len(minutes) < len(state.seen) else state.opened
    return [opened, {minute: sorted(state.seen[minute]) for minute in minutes}]


def _read(cursor: str | None) -> dict[str, _Partition]:
    if not cursor:
        return {}
    try:
        content = json.loads(cursor)
        return {
            str(partition): _Partition(
                str(opened), {str(m): [str(n) for n in names] for m, names in seen.items()}
            )
            for partition, (opened, seen) in content.items()
        }
    except (ValueError, TypeError, AttributeError):
        raise ConfigurationError(
            "the cursor of the telemetry files cannot be read",
            why="it was not written by this sensor",
            remedy="reset the cursor: files are then read again, and their duplicates left out",
        ) from None


def _partitions(fs: Any, root: str) -> Iterator[tuple[str, str]]:
    for hub in _names(fs, root):
        for partition in _names(fs, f"{root}/{hub}"):
            yield f"{hub}/{partition}", f"{root}/{hub}/{partition}"


def _files(fs: Any, folder: str, opened: str) -> Iterator[tuple[str, str, str]]:
    """(`YYYY/MM/DD/HH/mm`, name, path) of every file from the minute `opened` on.

    Folders of earlier times are not entered. The name of a file without a folder of its own minute
    begins with `/`, so that it is not taken for one of the same name inside.
    """
    level = [("", folder)]
    for digits, largest in _LEVELS:
        deeper = []
        for prefix, path in level:
            for name in _names(fs, path):
                time = f"{prefix}/{name}".lstrip("/")
                good = len(name) == digits and name.isdecimal() and int(name) <= largest
                if good and time >= opened[: len(time)]:
                    deeper.append((time, f"{path}/{name}"))
        level = deeper
    for hour, path in level:
        for entry in _names(fs, path):
            match = _MINUTE.fullmatch(entry)
            if match is None or (minute := f"{hour}/{match[1]}") < opened:
                continue
            if match[2]:
                yield minute, f"/{entry}", f"{path}/{entry}"
                continue
            for name in _names(fs, f"{path}/{entry}"):
                if name.lower().endswith(".json"):
                    yield minute, name, f"{path}/{entry}/{name}"


def _names(fs: Any, folder: str) -> list[str]:
    """The names in a folder, sorted; none when it is not there, or is a file."""
    try:
        paths = [str(path).rstrip("/") for path in fs.ls(folder, detail=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    # Listing a file, or the placeholder of a folder in an object store, gives itself.
    return sorted(path.rsplit("/", 1)[-1] for path in paths if path != folder)
