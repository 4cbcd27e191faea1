"""One supervisor per home, and the end of what a killed one left running.

Processes are noted with their start time, so that a pid which was given to somebody else since is
never mistaken for one of ours.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from protos.errors import ConfigurationError


class Lock:
    """Held while one supervisor uses `home`. The operating system frees it when that one dies."""

    def __init__(self, home: Path) -> None:
        self._path = home / "up.lock"
        self._descriptor: int | None = None

    def take(self) -> None:
        """Raises ConfigurationError when another process holds it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            raise ConfigurationError(
                f"{self._path.parent} is in use already",
                why=f"`edgectl up` runs there as process {holder or 'unknown'}",
                remedy="use it from another terminal, end it with Ctrl-C, or set another EDGE_HOME",
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def free(self) -> None:
        """Gives it back; harmless when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def started_at(pid: int) -> str | None:
    """When the process was started, in the system's own words; None when there is none."""
    with contextlib.suppress(OSError, IndexError):
        # Field 22 of stat, counted after the command in brackets, which may hold spaces.
        text = Path(f"/proc/{pid}/stat").read_text()
        fields = text.rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    if Path("/proc/self/stat").exists():
        return None
    asked = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or None


def note(path: Path, pids: Mapping[str, int]) -> None:
    """Notes the running children, by name."""
    entries = {name: {"pid": pid, "started": started_at(pid)} for name, pid in pids.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(entries))
    temporary.replace(path)


def end_leftovers(path: Path, grace_seconds: float = 5.0) -> list[str]:
    """Ends the process groups noted at `path` that still run; returns their names.

    Only to be called with the lock held: then no living supervisor owns them.
    """
    try:
        entries = json.loads(path.read_text())
        noted = {
            str(name): int(entry["pid"])
            for name, entry in entries.items()
            if entry["started"] is not None and started_at(int(entry["pid"])) == entry["started"]
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []  # nothing was noted, or nothing that can be trusted
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in noted.values():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)
        deadline = time.monotonic() + grace_seconds
        while time.monotonic() < deadline and any(started_at(pid) for pid in noted.values()):
            time.sleep(0.05)
    path.unlink(missing_ok=True)
    return sorted(noted)
