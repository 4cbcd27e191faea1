"""A running container of an engine."""

import contextlib
import signal
import subprocess
import time

from edge.runtime.child import Child, exit_code
from edge.runtime.spawn import Popen

_ASK_SECONDS = 30.0
_POLL_SECONDS = 0.05


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
