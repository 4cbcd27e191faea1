"""The last rung: the image's service code in the host's own Python, for macOS and bare machines.

Only the service layer of the image runs; interpreter and dependencies are the host's. So this
rung proves nothing about the image, and says so.
"""

import os
import re
import signal
import sys
import tempfile
from pathlib import Path

from edge.runtime import host_child
from edge.runtime.child import Child
from edge.runtime.layout import DEPENDENCIES
from edge.runtime.mounts import on_host
from edge.runtime.spawn import dying_with_parent, spawn
from edge.runtime.spec import ProcessSpec
from protos.errors import ConfigurationError

_PYTHON = re.compile(r"(?:.*/)?python(?:3(?:\.\d+)?)?")
# What the host's Python may need of the host's environment.
_KEEP = ("PATH", "TMPDIR", "LANG", "LC_ALL", "SYSTEMROOT", "VIRTUAL_ENV", "DYLD_LIBRARY_PATH")


class HostPython:
    """Runs Python modules of the image in `sys.executable`."""

    rung = "host python"
    name = "host-python"
    isolation = "none: the image's interpreter and libraries were not executed"
    image_bytes_verified = False
    shares_network = True

    def start(self, spec: ProcessSpec) -> Child:
        """Starts the process. Raises ConfigurationError when it is no Python module."""
        rootfs, mounts = spec.image.rootfs, spec.mounts()
        words = [on_host(word, rootfs, mounts) for word in module_arguments(spec.argv())]
        argv = [sys.executable, host_child.__file__, str(os.getpid()), *words]
        argv = dying_with_parent(argv, signal.SIGKILL, privileges=False)
        return Child(
            spawn(argv, env=_environment(spec), log=spec.log, cwd=Path(tempfile.gettempdir()))
        )


def module_arguments(argv: list[str]) -> list[str]:
    """What follows `python` in `argv`. Raises ConfigurationError unless that is `-m` or `-c`."""
    if len(argv) < 3 or not _PYTHON.fullmatch(argv[0]) or argv[1] not in ("-m", "-c"):
        raise ConfigurationError(
            "the host's Python can only run `python -m MODULE`",
            why=f"the image runs {' '.join(argv[:3])!r}",
            remedy="install bubblewrap, podman or docker",
        )
    return argv[1:]


def _environment(spec: ProcessSpec) -> dict[str, str]:
    env = {key: os.environ[key] for key in _KEEP if key in os.environ}
    for key, value in spec.environment().items():
        if key == "PYTHONPATH":
            value = ":".join(part for part in value.split(":") if part != DEPENDENCIES)
        if key not in _KEEP or key in spec.env:
            env[key] = on_host(value, spec.image.rootfs, spec.mounts())
    return env
