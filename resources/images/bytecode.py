"""Compiled bytecode for the sources of a layer, so that starting need not compile anything."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from edge.oci.layer import Entry
from protos.errors import Unavailable
from resources.images import compile_worker

# What marshal writes depends on what the interpreter saw before. A fixed number of workers, each
# with a fixed share in a fixed order, makes the bytes depend on the sources only.
_SHARES = 4
_SECONDS = 300.0


def bytecode(entries: list[Entry]) -> list[Entry]:
    """The `.pyc` of every `.py` among `entries`, as further entries.

    Names in tracebacks are the paths in the image. Raises Unavailable when compiling fails.
    """
    sources = sorted(
        (entry.path, entry.content)
        for entry in entries
        if isinstance(entry.content, Path) and entry.path.endswith(".py")
    )
    shares = [sources[number::_SHARES] for number in range(_SHARES)]
    with ThreadPoolExecutor(min(_SHARES, os.cpu_count() or 1)) as pool:
        return [entry for share in pool.map(_compile, shares) for entry in share]


def _compile(sources: list[tuple[str, Path]]) -> list[Entry]:
    question = json.dumps([[str(file), f"/{path}"] for path, file in sources])
    try:
        answer = subprocess.run(
            [sys.executable, "-S", "-s", compile_worker.__file__],
            input=question.encode(),
            capture_output=True,
            timeout=_SECONDS,
            check=True,
            env={"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"},
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable("bytecode for an image cannot be made", why=str(error)) from error
    entries, at = [], 0
    for path, _ in sources:
        size = int.from_bytes(answer[at : at + 4], "big")
        data = answer[at + 4 : at + 4 + size]
        at += 4 + size
        if data:
            entries.append(Entry(cached_path(path), data))
    return entries


def cached_path(path: str) -> str:
    """Where Python looks for the bytecode of the source `path` (PEP 3147)."""
    source = PurePosixPath(path)
    name = f"{source.stem}.{sys.implementation.cache_tag}.pyc"
    return str(source.parent / "__pycache__" / name)
