"""Under which conditions was measured: machine, versions, date."""

import datetime
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.inference.bench import Effort
from benchmarks.inference.peers import LOCKS

_OURS = ("grpcio", "numpy", "onnxruntime", "protobuf", "hpack", "uvloop", "tritonclient")
_PEERS = ("mlserver", "kserve")
_SECONDS = 10.0


def conditions(effort: Effort) -> dict[str, Any]:
    """Machine, versions and date, and how long each measurement was."""
    return {
        "machine": {
            "processor": _processor(),
            "architecture": platform.machine(),
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.release()}",
        },
        "versions": {
            "python": platform.python_version(),
            **{name: version for name in _OURS if (version := _version(name))},
            **{name: pinned_version((LOCKS / f"{name}.txt").read_text(), name) for name in _PEERS},
            "h2load": _first_line(["h2load", "--version"]),
        },
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "rounds": effort.rounds,
        "seconds": effort.seconds,
    }


def pinned_version(lock: str, name: str) -> str:
    """The version of `name` in a requirements file; empty if it is not in there."""
    found = re.search(rf"^{re.escape(name)}==(\S+)", lock, re.MULTILINE)
    return found[1] if found else ""


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.processor()


def _first_line(command: Sequence[str]) -> str:
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
    return (done.stdout.splitlines() or [""])[0]
