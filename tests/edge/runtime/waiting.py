import time
from collections.abc import Callable
from pathlib import Path

from edge.runtime import Process


def until(condition: Callable[[], object], seconds: float = 15.0, what: str = "") -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not come: {what}"
        time.sleep(0.01)


def end(process: Process, seconds: float = 20.0) -> int:
    """The exit code of a process that ends by itself."""
    until(lambda: process.poll() is not None, seconds, "the end of the process")
    code = process.poll()
    assert code is not None
    return code


def said(log: Path, text: str) -> None:
    until(lambda: log.exists() and text in log.read_text(), what=f"{text!r} in the log")


def alive(pid: int) -> bool:
    """Whether a process runs: one that ended and waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"
