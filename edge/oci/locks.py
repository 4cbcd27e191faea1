"""A lock on a file that holds between threads and processes and ends with its holder."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from protos.errors import DeadlineExceeded

_POLL_SECONDS = 0.02


@contextlib.contextmanager
def exclusive(path: Path, wait_seconds: float) -> Iterator[None]:
    """Holds the lock file `path`. Raises DeadlineExceeded after `wait_seconds` of waiting.

    The kernel drops the lock when its holder dies, so a crash blocks nobody.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            if time.monotonic() > deadline:
                raise DeadlineExceeded(
                    f"{path.name} is held by another process",
                    why=f"it was not given back within {wait_seconds:.0f} s",
                ) from None
            time.sleep(_POLL_SECONDS)
            continue
        if _same_file(handle, path):
            break
        os.close(handle)  # a holder removed the file between open and lock: take the new one
    try:
        yield
    finally:
        os.close(handle)


def _same_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
