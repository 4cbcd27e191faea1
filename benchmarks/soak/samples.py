"""What the service uses at one moment, from /proc."""

import contextlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """`seconds` since the load began; memory in bytes; open descriptors and threads.

    `anonymous` is what the process holds by itself: PSS moves with every other process that shares
    a library with it.
    """

    seconds: float
    rss: int
    pss: int
    anonymous: int
    descriptors: int
    threads: int


def read_sample(pid: int, seconds: float) -> Sample:
    """The sample of the process `pid`. Raises OSError if it is gone."""
    proc = Path(f"/proc/{pid}")
    memory = parse_rollup((proc / "smaps_rollup").read_text())
    return Sample(
        seconds,
        memory.get("Rss", 0),
        memory.get("Pss", 0),
        memory.get("Anonymous", 0),
        count_descriptors(pid),
        _entries(proc / "task"),
    )


def count_descriptors(pid: int) -> int:
    """How many descriptors are open. Raises OSError if the process is gone."""
    return _entries(Path(f"/proc/{pid}/fd"))


def _entries(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir())


def parse_rollup(text: str) -> dict[str, int]:
    """The bytes by name in a smaps_rollup (proc(5)); lines that are no size are left out."""
    sizes = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        with contextlib.suppress(ValueError, IndexError):
            sizes[name] = int(rest.split()[0]) * 1024
    return sizes
