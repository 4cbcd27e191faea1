"""Runs a process from an image on the best rung that this machine has.

engine (docker, podman) -> sandbox (bwrap, else unshare) -> loader (Linux) -> host python.
The last two isolate nothing and are never called a container; on the last one the image's own
interpreter and libraries are not even executed.
"""

from edge.runtime.ladder import available_runtimes, best_runtime
from edge.runtime.spec import Bind, Process, ProcessSpec, Runtime

__all__ = ["Bind", "Process", "ProcessSpec", "Runtime", "available_runtimes", "best_runtime"]
