"""A running container of an engine."""

import contextlib
import os
import re
import signal
import subprocess
import threading
import time

from edge.runtime.child import Child, exit_code
from edge.runtime.spawn import Popen

_ASK_SECONDS = 30.0
_POLL_SECONDS = 0.05


_reapers: dict[tuple[int | str, ...], Popen] = {}
_reapers_lock = threading.Lock()

# Reads until the process that holds the other end of the pipe is gone, however it ended, then
# stops what that process left. `$0` begins the names of its containers, `$@` is the engine.
_REAPER = """
cat >/dev/null
left=$("$@" ps -aq --filter "name=^$0")
[ -z "$left" ] || "$@" stop -t 3 $left
"""


def container_name(number: int, name: str) -> str:
    """A container's name, unique on this machine; tells which process started it."""
    return f"{_prefix()}{number}." + re.sub(r"[^a-zA-Z0-9_.-]", "-", name)


def ensure_reaper(tool: list[str]) -> None:
    """Makes sure that a process runs which stops this one's containers when this one is gone.

    Containers are children of the engine: the kernel would not end them with their starter. There
    is one such process per engine, never ended before this one: it stops every container of it.
    """
    key: tuple[int | str, ...] = (os.getpid(), *tool)
    with _reapers_lock:
        if key not in _reapers:
            _reapers[key] = subprocess.Popen(
                ["/bin/sh", "-c", _REAPER, _prefix(), *tool],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )


def _prefix() -> str:
    return f"edge-assets.{os.getpid()}."


class Container(Child):
    """A container whose `run` command is the child; signals go through the engine."""

    def __init__(self, popen: Popen, tool: list[str], container: str) -> None:
        super().__init__(popen)
        self._tool, self.container = tool, container
        self._found: int | None = None

    @property
    def pid(self) -> int:
        """The process in the container, as the host sees it; the engine's command until then."""
        if self._found is None:
            answer = self._ask("inspect", "--format", "{{.State.Pid}}", self.container)
            number = answer.stdout.decode().strip() if answer else ""
            if number.isdigit() and int(number):
                self._found = int(number)
        return self._found or self._popen.pid

    def stop(self, grace_seconds: float) -> int:
        """SIGTERM to the container, SIGKILL after `grace_seconds`; returns the exit code."""
        deadline = time.monotonic() + grace_seconds
        # a container that is only being created cannot be signalled yet
        while self.poll() is None and not self._kill(signal.SIGTERM):
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_SECONDS)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(max(0.0, deadline - time.monotonic()))
        if self.poll() is None:
            self._kill(signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return exit_code(self._popen.wait(_ASK_SECONDS))
        self._ask("rm", "--force", self.container)
        self.kill_wrapper()
        return exit_code(self._popen.wait(_ASK_SECONDS))

    def _kill(self, number: signal.Signals) -> bool:
        answer = self._ask("kill", "--signal", number.name, self.container)
        return answer is not None and answer.returncode == 0

    def _ask(self, *words: str) -> subprocess.CompletedProcess[bytes] | None:
        try:
            return subprocess.run([*self._tool, *words], capture_output=True, timeout=_ASK_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            return None
