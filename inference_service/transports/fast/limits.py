"""What one peer may use, and how much of what brings nothing it may send."""

from dataclasses import dataclass

_KIB, _MIB = 1 << 10, 1 << 20


@dataclass(frozen=True)
class Limits:
    """Bounds of the fast transport; sizes in octets, times in seconds.

    `buffered` bounds what half-received requests of all connections hold together; `unsent` what
    one connection may have waiting for its peer to read: several of the largest answers, because a
    good client may ask at once. `stall` is how long a peer may leave a begun request or a waiting
    answer untouched; `keepalive` how long a connection with open
    calls may be silent before it is asked by PING. `spin` is how long the loop stays awake when the
    last wait was shorter: with one client in a closed loop that gave 1.4 times the answers for the
    same CPU a request.
    """

    message: int = 16 * _MIB
    connections: int = 256
    streams: int = 128
    header_list: int = 16 * _KIB
    header_table: int = 4096
    frame: int = _MIB
    stream_window: int = _MIB
    connection_window: int = 8 * _MIB
    buffered: int = 256 * _MIB
    unsent: int = 64 * _MIB
    preface: float = 10.0
    stall: float = 30.0
    keepalive: float = 60.0
    keepalive_answer: float = 20.0
    spin: float = 100e-6


class Budget:
    """What a connection may still spend on frames that bring nothing.

    Each PING, PRIORITY, GOAWAY, empty DATA or unknown frame costs 1, a stream that must be refused
    or reset 1 more, RST_STREAM 4, SETTINGS 1 and 1 for each of them. WINDOW_UPDATE costs 1 where it
    frees no answer that waits, and else earns 1 for every 256 octets: the client reads, and sends
    updates of streams while the window of the connection is shut, which free nothing by themselves.
    Header blocks that bring no call cost 1 for 256 octets. It refills by time and by work: an
    answered call earns more than a well-behaved client spends on it (C-core's bandwidth pings and
    window updates are below 3 a call).
    """

    START = 2000.0
    A_SECOND = 500.0
    A_CALL = 8.0

    def __init__(self, now: float) -> None:
        self.left = self.START
        self._at = now

    def spend(self, cost: float, now: float) -> bool:
        """Pays `cost`; False if the budget is used up."""
        self.left = min(self.START, self.left + (now - self._at) * self.A_SECOND) - cost
        self._at = now
        return self.left >= 0.0

    def earn(self, what: float) -> None:
        """Adds `what` an answered call, or a peer that reads, earns."""
        self.left += what  # capped when it is spent
