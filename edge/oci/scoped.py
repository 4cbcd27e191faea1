"""Paths inside an unpacked image, followed as if the image were the whole file system."""

import os
from pathlib import Path

_MAX_LINKS = 40  # as Linux


def parts_of(name: str) -> list[str]:
    """The components of a path in an image, without `/` at the start and without `.`."""
    return [part for part in name.split("/") if part not in ("", ".")]


def inside(root: Path, parts: list[str]) -> Path | None:
    """Where `parts` leads below `root`, every link followed inside `root`.

    An absolute link starts again at `root`. None when a link climbs above `root` or links go in
    circles. What is not there is taken as it is written, so the result need not exist.
    """
    found: list[str] = []
    todo = list(reversed(parts))
    links = 0
    while todo:
        part = todo.pop()
        if part == "..":
            if not found:
                return None
            found.pop()
            continue
        path = root.joinpath(*found, part)
        try:
            target = path.readlink()
        except OSError:
            found.append(part)
            continue
        links += 1
        if links > _MAX_LINKS:
            return None
        text = os.fspath(target)
        if text.startswith("/"):
            found.clear()
        todo.extend(reversed(parts_of(text)))
    return root.joinpath(*found)
