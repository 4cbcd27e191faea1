"""A running child: its real pid, its end, and how it is stopped."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from edge.runtime.spawn import Popen

_KILL_SECONDS = 10.0
_POLL_SECONDS = 0.01
_SHELLS = ("sh", "dash", "bash", "busybox")


class Child:
    """A child that is the wanted process itself, or wraps it `depth` generations up.

    Signals go to the innermost process: a signal to the wrapper would kill it without grace.
    """

    def __init__(self, popen: Popen, depth: int = 0) -> None:
        self._popen = popen
        self._depth = depth
        self._inner: int | None = popen.pid if depth == 0 else None

    @property
    def pid(self) -> int:
        """The process itself; the wrapper's pid while the process does not exist yet."""
        if self._inner is None:
            self._inner = descendant(self._popen.pid, self._depth)
        return self._inner or self._popen.pid

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        code = self._popen.poll()
        return None if code is None else exit_code(code)

    def stop(self, grace_seconds: float) -> int:
        """SIGTERM to the process itself, SIGKILL to the whole group after `grace_seconds`."""
        deadline = time.monotonic() + grace_seconds
        while self.poll() is None and self._depth and self.pid == self._popen.pid:
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_SECONDS)  # the wrapper has not yet started the process
        if self.poll() is None:
            self.signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(max(0.0, deadline - time.monotonic()))
        if self.poll() is None:
            self.signal(signal.SIGKILL)
            self.kill_wrapper()
        return exit_code(self._popen.wait(_KILL_SECONDS))

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the process itself."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill_wrapper(self) -> None:
        """Kills what is left of the process group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)


def exit_code(code: int) -> int:
    """A code as shells write it: what a signal ended has 128 + the signal."""
    return 128 - code if code < 0 else code


def descendant(pid: int, depth: int) -> int | None:
    """The only child of the only child ... of `pid`, `depth` generations down; None if not yet.

    A shell on the way is still preparing: its child is a `mount` that ends at once, and a signal
    meant for the process would go nowhere.
    """
    for _ in range(depth):
        if _command(pid) in _SHELLS:
            return None
        children = _children(pid)
        if len(children) != 1:
            return None
        pid = children[0]
    return pid


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _children(pid: int) -> list[int]:
    try:
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
