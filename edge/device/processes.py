"""Processes that an earlier run of the fleet left behind, found and ended.

Every module process carries the fleet's folder in its environment, so that on Linux a sweep finds
it and its children even if nobody wrote down their ids. Elsewhere the recorded id counts, and only
while the process was born when the record says.
"""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

MARKER = "EDGE_FLEET_FOLDER"
_PROC = Path("/proc")
_log = logging.getLogger(__name__)


def birth(pid: int) -> str:
    """When the process began, in the system's own words; empty if there is no such process."""
    try:
        if _PROC.is_dir():
            # Field 22 is the start time; the command, field 2, may hold spaces and parentheses.
            stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
            fields = stat.rpartition(")")[2].split()
            return "" if fields[0] in "ZX" else fields[19]
        answer = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
        return answer.stdout.strip()
    except (OSError, IndexError, subprocess.TimeoutExpired):
        return ""


def marked(folder: Path) -> set[int]:
    """The ids of living processes whose environment names `folder` as their fleet's. Linux only."""
    needle = f"{MARKER}={folder}".encode()
    found = set()
    for entry in _PROC.iterdir() if _PROC.is_dir() else ():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if needle in variables and birth(int(entry.name)):
            found.add(int(entry.name))
    return found


def end_leftovers(
    folder: Path, recorded: Iterable[tuple[int, str]], *, grace_seconds: float = 2.0
) -> list[int]:
    """Ends what an earlier run left: marked processes, and `recorded` ones (id, birth).

    They are asked first, and killed after `grace_seconds`. Returns the ids that were found.
    """
    pids = marked(folder) | {pid for pid, born in recorded if born and birth(pid) == born}
    _send(pids, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while (left := {pid for pid in pids if birth(pid)}) and time.monotonic() < deadline:
        time.sleep(0.05)
    _send(left | marked(folder), signal.SIGKILL)
    if pids:
        _log.warning("ended %d processes of an earlier run", len(pids))
    return sorted(pids)


def _send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
        except PermissionError:
            _log.warning("process %d of an earlier run belongs to somebody else", pid)
