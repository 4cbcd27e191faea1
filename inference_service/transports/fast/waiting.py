"""Waiting for the next request: asleep, or awake for a moment when it is about to come."""

import time
from collections.abc import Callable, Sequence

Events = Sequence[tuple[int, int]]
"""Descriptors and what happened to them, as epoll tells."""


class Waiter:
    """Waits with `poll` (seconds; 0 only looks).

    Going to sleep and being woken costs a core more than a short question does, and the client
    waits for it. So after a wait shorter than `spin` seconds, the next one begins awake, for at
    most `spin`. The first that lasts longer ends that: a quiet service sleeps, and what is spent in
    vain is at most one `spin` for each burst of requests.
    """

    def __init__(self, poll: Callable[[float], Events], spin: float) -> None:
        self._poll = poll
        self._spin = spin
        self._soon = False

    def wait(self, seconds: float) -> Events:
        """What happened, after at most about `seconds`; often nothing."""
        poll, clock = self._poll, time.monotonic
        started = clock()
        if self._soon:
            end = started + self._spin
            while clock() < end:
                if events := poll(0):
                    return events
            self._soon = False
            return poll(seconds)
        events = poll(seconds)
        self._soon = clock() - started < self._spin
        return events
