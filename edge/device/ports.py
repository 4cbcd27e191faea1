"""Which port of this machine stands for a published port of a device.

Many devices share one machine, so the wanted host port is only where the search begins.
"""

import socket
import threading
from collections.abc import Callable, Mapping

from protos.errors import Unavailable

LOOPBACK = "127.0.0.1"
PortKey = tuple[str, int]  # module, container port


def assign_ports(
    wanted: Mapping[PortKey, int], held: Mapping[PortKey, int], free: Callable[[int], bool]
) -> dict[PortKey, int]:
    """The port of this machine for each wanted one: the held one, or the first free at or above.

    `free` says whether a port may be given out; a port is given out once only. Raises Unavailable
    if there is none left.
    """
    assigned = {key: held[key] for key in wanted if key in held}
    given = set(assigned.values())
    for key in sorted(set(wanted) - set(assigned)):
        for port in range(wanted[key], 65536):
            if port not in given and free(port):
                break
        else:
            raise Unavailable(f"no free port at or above {wanted[key]} for module {key[0]}")
        assigned[key] = port
        given.add(port)
    return assigned


def is_unused(port: int) -> bool:
    """Whether nothing on this machine listens on the loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Ports of connections that have just ended are free for a listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


class PortBook:
    """The ports of all devices of a fleet, so that no two devices are given the same one."""

    def __init__(self, unused: Callable[[int], bool] = is_unused) -> None:
        self._unused = unused
        self._held: dict[str, dict[PortKey, int]] = {}
        self._lock = threading.Lock()

    def restore(self, device: str, held: Mapping[PortKey, int]) -> None:
        """Takes up what a device held before the fleet was restarted.

        A port that another program took in the meantime is given up.
        """
        with self._lock:
            taken = self._taken_by_others(device)
            self._held[device] = {
                key: port for key, port in held.items() if port not in taken and self._unused(port)
            }

    def assign(self, device: str, wanted: Mapping[PortKey, int]) -> dict[PortKey, int]:
        """The ports of `device` for exactly what it wants now; others it held are given up."""
        with self._lock:
            taken = self._taken_by_others(device)
            held = self._held.get(device, {})
            ports = assign_ports(
                wanted, held, lambda port: port not in taken and self._unused(port)
            )
            self._held[device] = ports
            return dict(ports)

    def _taken_by_others(self, device: str) -> set[int]:
        return {
            port
            for other, ports in self._held.items()
            if other != device
            for port in ports.values()
        }
