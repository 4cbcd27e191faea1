"""The ladder of runtimes: which rungs this machine has, and the best of them."""

import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator

from edge.runtime.engine import VARIANTS, Engine
from edge.runtime.host_python import HostPython
from edge.runtime.loader import Loader
from edge.runtime.probe import works
from edge.runtime.sandbox import Sandbox
from edge.runtime.spec import Runtime
from protos.errors import ConfigurationError, Unavailable

_log = logging.getLogger(__name__)
_probed: dict[str, Runtime | None] = {}
_lock = threading.Lock()

Finder = Callable[[], Runtime | None]


def best_runtime(force: str | None = None) -> Runtime:
    """The best rung that works here, or the one that `force` names (default: `EDGE_RUNTIME`).

    `force` is a rung (`engine`, `sandbox`, `loader`, `host python`) or a tool (`podman`, `bwrap`,
    ...). Each rung is probed once per process, by running something. Raises ConfigurationError for
    a name that no rung has, Unavailable when nothing works.
    """
    wanted = os.environ.get("EDGE_RUNTIME", "") if force is None else force
    if wanted and not any(wanted in names for names in _ladder()):
        known = sorted({name for names in _ladder() for name in names})
        raise ConfigurationError(
            f"there is no runtime {wanted!r}", remedy=f"EDGE_RUNTIME is one of {', '.join(known)}"
        )
    for runtime in _working(wanted):
        _log.info("runtime: %s (%s)", runtime.rung, runtime.name)
        return runtime
    raise Unavailable(
        f"runtime {wanted!r} does not work on this machine" if wanted else "no runtime works",
        why="something was really run on it, and that failed",
        remedy="unset EDGE_RUNTIME, or install podman, docker or bubblewrap",
    )


def available_runtimes() -> list[Runtime]:
    """Every rung that works here, best first."""
    return list(_working(""))


def _working(wanted: str) -> Iterator[Runtime]:
    for names, find in _ladder().items():
        if wanted and wanted not in names:
            continue
        with _lock:
            if names[1] not in _probed:
                _probed[names[1]] = find()
            runtime = _probed[names[1]]
        if runtime is not None:
            yield runtime


def _ladder() -> dict[tuple[str, str], Finder]:
    """Rung and tool, best first, with what finds out whether it works."""
    return {
        ("engine", "docker"): lambda: _engine("docker"),
        ("engine", "podman"): lambda: _engine("podman"),
        ("sandbox", "bwrap"): lambda: _tested(Sandbox("bwrap"), "bwrap"),
        ("sandbox", "unshare"): lambda: _tested(Sandbox("unshare"), "unshare"),
        ("loader", "loader"): lambda: _tested(Loader()),
        ("host python", "host-python"): lambda: _tested(HostPython()),
    }


def _engine(tool: str) -> Runtime | None:
    for variant in VARIANTS[tool] if shutil.which(tool) else ():
        if works(engine := Engine(tool, variant)):
            return engine
    return None


def _tested(runtime: Runtime, tool: str | None = None) -> Runtime | None:
    if tool is not None and shutil.which(tool) is None:
        return None
    return runtime if works(runtime) else None
