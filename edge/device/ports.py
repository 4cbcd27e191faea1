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


def reserve(port: int) -> socket.socket | None:
    """A socket that holds the loopback port until it is closed; None where somebody listens there.

    It is bound and does not listen, so the module may listen there, before and after it is started
    again. But no connection that goes out from this machine gets the port, and no other fleet.
    """
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # Ports of connections that have just ended are free for a listener.
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holder.bind((LOOPBACK, port))
    except OSError:
        holder.close()
        return None
    return holder


def is_unused(port: int) -> bool:
    """Whether nobody on this machine listens on the loopback port, nor has it reserved."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # not SO_REUSEADDR: with it, the reservation of another fleet would not be seen
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


class PortBook:
    """The ports of all devices of a fleet, so that no two devices are given the same one.

    Each is reserved for as long as a device holds it.
    """

    def __init__(
        self,
        unused: Callable[[int], bool] = is_unused,
        reserve: Callable[[int], socket.socket | None] = reserve,
    ) -> None:
        self._unused = unused
        self._reserve = reserve
        self._reserved: dict[int, socket.socket] = {}
        self._held: dict[str, dict[PortKey, int]] = {}
        self._lock = threading.Lock()

    def restore(self, device: str, held: Mapping[PortKey, int]) -> None:
        """Takes up what a device held before the fleet was restarted.

        A port that another program took in the meantime is given up.
        """
        with self._lock:
            taken = self._taken_by_others(device)
            self._held[device] = {
                key: port for key, port in held.items() if port not in taken and self._holds(port)
            }

    def assign(self, device: str, wanted: Mapping[PortKey, int]) -> dict[PortKey, int]:
        """The ports of `device` for exactly what it wants now; others it held are given up."""
        with self._lock:
            taken = self._taken_by_others(device)
            held = self._held.get(device, {})
            ports = assign_ports(
                wanted,
                held,
                lambda port: port not in taken and self._unused(port) and self._holds(port),
            )
            self._held[device] = ports
            self._give_up()
            return dict(ports)

    def close(self) -> None:
        """Gives up every port."""
        with self._lock:
            self._held.clear()
            self._give_up()

    def _holds(self, port: int) -> bool:
        """Reserves the port, if it is not reserved already; whether it is now."""
        if port not in self._reserved:
            holder = self._reserve(port)
            if holder is None:
                return False
            self._reserved[port] = holder
        return True

    def _give_up(self) -> None:
        held = {port for ports in self._held.values() for port in ports.values()}
        for port in set(self._reserved) - held:
            self._reserved.pop(port).close()

    def _taken_by_others(self, device: str) -> set[int]:
        return {
            port
            for other, ports in self._held.items()
            if other != device
            for port in ports.values()
        }
