"""The runtime for simulated devices: the best rung on which a module can reach its neighbours."""

import os

from edge.runtime import Runtime, available_runtimes, best_runtime
from protos.errors import ConfigurationError


def device_runtime(force: str | None = None) -> Runtime:
    """The best rung that shares the machine's network; `force` (default EDGE_RUNTIME) names one.

    Hub, registry and the other modules of a simulated device listen on the loopback addresses of
    this machine, which a process with a network of its own cannot reach. Raises ConfigurationError
    if the forced rung, or every rung, is of that kind.
    """
    force = force or os.environ.get("EDGE_RUNTIME") or None
    candidates = [best_runtime(force)] if force else available_runtimes()
    for runtime in candidates:
        if runtime.shares_network:
            return runtime
    raise ConfigurationError(
        f"simulated devices cannot run on {force or 'any rung of this machine'}",
        why="a module there has a network of its own and does not reach the hub on loopback",
        remedy="unset EDGE_RUNTIME, or set it to sandbox",
    )
