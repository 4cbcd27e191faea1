"""One supervised process: own process group, own log, restarts with back-off, an orderly end."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from protos.errors import Unavailable

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 30.0
HEALTHY_SECONDS = 60.0
"""After running that long, a child that dies is restarted without having to wait long."""

_LOG_BYTES = 5 << 20  # a log larger than this is set aside before the next start
_POLL_SECONDS = 0.05


def wait_before_restart(deaths: int) -> float:
    """Seconds to wait after the n-th death in a row: 1, 2, 4, ... at most 30."""
    return min(FIRST_WAIT_SECONDS * 2.0 ** max(deaths - 1, 0), LONGEST_WAIT_SECONDS)


@dataclass(frozen=True)
class ChildSpec:
    """What to run. `environment` is complete: nothing is inherited from elsewhere."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)  # it holds secrets
    folder: Path
    log: Path
    stop_seconds: float = 5.0
    """How long it may take to end by itself once asked."""


class Child:
    """A running child, or one that waits for its restart."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.deaths = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._restart_at: float | None = None

    @property
    def pid(self) -> int | None:
        """Its process id, also that of its process group; None while it is not running."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running and self._process else None

    def start(self) -> None:
        """Starts it; Unavailable when the program cannot be run."""
        with self._open_log() as log:
            try:
                self._process = subprocess.Popen(
                    self.spec.command,
                    cwd=self.spec.folder,
                    env=dict(self.spec.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise Unavailable(
                    f"{self.spec.name} cannot be started",
                    why=f"{self.spec.command[0]}: {error.strerror}",
                    remedy="install the project again: make setup",
                ) from None
        self._started = time.monotonic()
        self._restart_at = None

    def supervise(self) -> str | None:
        """One look: starts it again when it is dead and its wait is over. Says what happened."""
        now = time.monotonic()
        if self._restart_at is not None:
            if now < self._restart_at:
                return None
            self.start()
            return f"{self.spec.name} was started again"
        if self._process is None or self._process.poll() is None:
            return None
        code = self._process.returncode
        self._end_group()  # what it left behind would hold its ports and files
        self.deaths = 1 if now - self._started > HEALTHY_SECONDS else self.deaths + 1
        wait = wait_before_restart(self.deaths)
        self._restart_at = now + wait
        ended = f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
        return f"{self.spec.name} ended ({ended}), next start in {wait:.0f} s: {self.spec.log}"

    def last_words(self, lines: int = 3) -> str:
        """The end of its log, on one line: why it died, most likely."""
        try:
            tail = self.spec.log.read_bytes()[-4096:].decode(errors="replace").splitlines()
        except OSError:
            return ""
        return " | ".join(line.strip() for line in tail if line.strip())[-200 * lines :]

    def ask_to_stop(self) -> None:
        """Sends SIGTERM to the child itself, so that it can end its own children in order."""
        self._restart_at = None
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    def stop(self, deadline: float) -> None:
        """Waits until `deadline` (monotonic seconds) for its end, then ends its whole group."""
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(deadline - time.monotonic(), 0.0))
        self._end_group()
        self._process = None

    def _end_group(self) -> None:
        """Nothing of the process group is left when this returns."""
        process = self._process
        if process is None:
            return
        for number, seconds in ((signal.SIGTERM, 0.5), (signal.SIGKILL, 1.0)):
            deadline = time.monotonic() + seconds
            try:
                os.killpg(process.pid, number)
                while time.monotonic() < deadline:
                    process.poll()  # reaps it, or the group would seem alive
                    os.killpg(process.pid, 0)
                    time.sleep(_POLL_SECONDS)
            except (ProcessLookupError, PermissionError):
                break
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1.0)

    def _open_log(self) -> IO[bytes]:
        log = self.spec.log
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
        return log.open("ab")
