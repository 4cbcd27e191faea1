"""Servers as processes: pinned to a core, ready within a deadline, their CPU and their memory."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from protos.errors import ConfigurationError, DeadlineExceeded, Unavailable

_STOP_SECONDS = 5.0
_LOG_END = 1500
_POLL_SECONDS = 0.05
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cores:
    """Which core the servers have, and which the load generators."""

    server: int
    load: int


def two_cores() -> Cores:
    """The first two cores that this process may use. Raises ConfigurationError for fewer."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise ConfigurationError(
            "the benchmark needs two cores",
            why="one is for the server and one for the load generator",
            remedy="run it on another machine, or give this container a second core",
        )
    return Cores(allowed[0], allowed[1])


@contextlib.contextmanager
def pinned(core: int) -> Iterator[None]:
    """What is started inside has `core` only; this thread has its own cores again afterwards."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port() -> int:
    """A port of the loopback that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A server on one core, its output in a file. A context manager: at the end it is gone."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        core: int,
        log: Path,
        *,
        environment: Mapping[str, str],
        folder: Path | None = None,
        port: int = 0,
    ) -> None:
        self.name, self.port, self._log = name, port, log
        try:
            with log.open("wb") as file, pinned(core):
                self.process = subprocess.Popen(
                    list(command),
                    env=dict(environment),
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # children of a peer end with it
                )
        except OSError as error:
            raise Unavailable(f"{name} cannot be started", why=str(error)) from error

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def log(self) -> str:
        """What the server wrote so far."""
        return self._log.read_text(errors="replace")

    def wait_ready(self, ready: Callable[[], bool], seconds: float) -> None:
        """Returns when `ready()`; raises with the log's end when that does not come in time."""
        end = time.monotonic() + seconds
        while not ready():
            if self.process.poll() is not None:
                raise Unavailable(f"{self.name} ended at its start", why=self._log_end())
            if time.monotonic() > end:
                raise DeadlineExceeded(
                    f"{self.name} is not ready after {seconds:g} s", why=self._log_end()
                )
            time.sleep(_POLL_SECONDS)

    def cpu_seconds(self) -> float:
        """User and system CPU seconds so far, of all threads and children, in 1/100 s."""
        return sum(_ticks(pid) for pid in self._tree()) / _TICKS

    def memory_bytes(self) -> int:
        """Proportional set size of the process and its children."""
        return sum(_pss(pid) for pid in self._tree())

    def stop(self) -> None:
        """Asks it to end, and ends it with its children when it does not."""
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)  # its own session, see above
            self.process.wait(_STOP_SECONDS)

    def _log_end(self) -> str:
        return "its log ends: " + self.log()[-_LOG_END:].strip()

    def _tree(self) -> list[int]:
        """The process and all below it."""
        found = [self.process.pid]
        for pid in found:
            with contextlib.suppress(OSError):  # threads and children may end meanwhile
                for task in Path(f"/proc/{pid}/task").iterdir():
                    found += map(int, (task / "children").read_text().split())
        return found


def _ticks(pid: int) -> int:
    """Ticks of user and system time of a process and of its children that ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return stat_ticks(text)


def stat_ticks(text: str) -> int:
    """utime + stime + cutime + cstime of /proc/PID/stat (proc(5), fields 14 to 17)."""
    fields = text.rpartition(")")[2].split()  # the name in parentheses may hold anything
    return sum(map(int, fields[11:15]))


def _pss(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return rollup_bytes(text)


def rollup_bytes(text: str) -> int:
    """The `Pss` of /proc/PID/smaps_rollup in bytes."""
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
