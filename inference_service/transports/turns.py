"""Whose turn it is with a slow model, for a transport of threads."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from inference_service.errors import CannotBeInTime

QUICK_SECONDS = 1e-3
"""A question quicker than this takes no turn: it would cost more than it is worth."""


def cores() -> int:
    """How many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


class Turns:
    """Lets `workers` slow questions run at once, and refuses at once who would be too late.

    More at once than there are cores would make every answer late, instead of some.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._free = threading.Semaphore(workers)
        self._lock = threading.Lock()
        self._queued = 0.0

    @contextmanager
    def turn(self, seconds: float, left: float | None, waits: Callable[[], bool]) -> Iterator[None]:
        """Waits for a turn of about `seconds`.

        `left` is how many seconds the deadline leaves, None for no deadline, and `waits` tells
        whether the client still waits. Raises CannotBeInTime instead of beginning in vain.
        """
        if left is not None and left > threading.TIMEOUT_MAX:
            left = None  # as some versions of grpcio say "no deadline"
        if left is not None and left < seconds:
            raise CannotBeInTime("the answer would come after the deadline")
        if seconds < QUICK_SECONDS:
            yield
            return
        with self._lock:
            before = self._queued
            if left is not None and left < seconds + before / self._workers:
                raise CannotBeInTime(
                    "the answer would come after the deadline",
                    why=f"{before:.3g} s of other work wait before it",
                    remedy="ask again later, or with a longer deadline",
                )
            self._queued += seconds
        try:
            if not self._free.acquire(timeout=left):
                raise CannotBeInTime("the deadline passed before the question was begun")
            try:
                if not waits():
                    raise CannotBeInTime("nobody waits for the answer")
                yield
            finally:
                self._free.release()
        finally:
            with self._lock:
                self._queued -= seconds
