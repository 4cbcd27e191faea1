"""Environments of the peers, each installed once into the cache, from pinned versions."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from protos.digests import digest_bytes
from protos.errors import Unavailable

LOCKS = Path(__file__).parent / "locks"
_INSTALL_SECONDS = 900.0
_OUTPUT_END = 800


def peer_environment(peer: str, cache: Path) -> Path:
    """The Python of the environment of `peer`, made from `locks/<peer>.txt`.

    Raises Unavailable, with the end of pip's output, when it cannot be installed.
    """
    lock = LOCKS / f"{peer}.txt"
    arguments = ["--no-deps", "--require-hashes", "-r", str(lock)]
    return environment(peer, cache, arguments, lock.read_bytes())


def environment(name: str, cache: Path, arguments: Sequence[str], key: bytes) -> Path:
    """The Python of a virtual environment that `pip install ARGUMENTS` filled.

    It is made again when `key` or this Python changes.
    """
    folder = cache / name
    python, stamp = folder / "bin" / "python", folder / ".installed"
    wanted = digest_bytes(key + sys.version.encode())
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _run(name, [sys.executable, "-m", "venv", str(folder)])
    options = ["--quiet", "--disable-pip-version-check", "--no-input"]
    _run(name, [str(python), "-m", "pip", "install", *options, *arguments])
    stamp.write_text(wanted)
    return python


def _run(name: str, command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{name} cannot be installed", why=str(error)) from error
    if done.returncode != 0:
        raise Unavailable(f"{name} cannot be installed", why=(done.stderr[-_OUTPUT_END:]).strip())
