"""Which machine the figures are from: without it they say nothing."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
import onnxruntime

from protos.errors import ConfigurationError

_REMEDY = "name cores as 0, 0,1 or 0-3"


def describe_machine(cores: Sequence[int]) -> dict[str, Any]:
    """The machine, and the `cores` that were measured on."""
    return {
        "cpu": cpu_model(),
        "architecture": platform.machine(),
        "cores": list(cores),
        "cores_of_machine": os.cpu_count(),
        "onnxruntime": onnxruntime.__version__,
        "numpy": numpy.__version__,
        "python": platform.python_version(),
    }


def cpu_model() -> str:
    """What the CPU, or else the board, calls itself."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
        return Path("/proc/device-tree/model").read_text().strip("\0\n ")
    except OSError:
        return platform.processor() or "unknown"


def usable_cores() -> list[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def parse_cores(text: str) -> list[int]:
    """`0`, `0,2` or `0-3` as a list; empty text is every usable core.

    Raises ConfigurationError for what is no such list, or names a core that may not be used.
    """
    usable = usable_cores()
    if not text:
        return usable
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ConfigurationError(f"the cores are {text!r}", why=f"{part!r}", remedy=_REMEDY)
        found.update(range(int(first), min(int(last or first), 4096) + 1))
    if not found or not found <= set(usable):
        raise ConfigurationError(
            f"the cores are {text!r}",
            why=f"this process may use {', '.join(map(str, usable))}",
            remedy=_REMEDY,
        )
    return sorted(found)
