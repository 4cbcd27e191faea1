"""What the process itself uses, under the names that every Prometheus client library gives."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from inference_service.metrics.exposition import Family, Sample

_PROC = Path("/proc/self")
_STARTED_AT_FIELD = 22  # of /proc/self/stat, in clock ticks since boot: proc(5)


def process_families() -> Iterator[Family]:
    """CPU, memory, descriptors, start. What the system does not tell (no /proc) is left out."""
    used = time.process_time()
    yield _one("process_cpu_seconds_total", "User and system CPU time.", used, counter=True)
    try:
        pages = int((_PROC / "statm").read_text().split()[1])
        open_files = len(list((_PROC / "fd").iterdir())) - 1  # one is the listing itself
        started = _started()
    except (OSError, ValueError, IndexError):
        return
    memory = pages * os.sysconf("SC_PAGE_SIZE")
    yield _one("process_resident_memory_bytes", "Resident memory.", memory)
    yield _one("process_open_fds", "Open file descriptors.", open_files)
    yield _one("process_start_time_seconds", "Start, in seconds since 1970.", started)


def _started() -> float:
    # The name of the program, in parentheses, may hold spaces: count from behind it.
    fields = (_PROC / "stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[_STARTED_AT_FIELD - 3])
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.time() - since_boot + ticks / os.sysconf("SC_CLK_TCK")


def _one(name: str, text: str, value: float, *, counter: bool = False) -> Family:
    return Family(name, "counter" if counter else "gauge", text, [Sample(value)])
