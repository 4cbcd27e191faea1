"""Children that are started in order, watched, started again when they die, and ended in reverse.

Knows nothing of hubs or Dagster: what runs and when it is ready is told by the caller.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from edgectl.child import Child, ChildSpec
from edgectl.leftovers import note
from protos.errors import DeadlineExceeded, EdgeAssetsError, Unavailable

_LOOK_SECONDS = 0.2
_ALL_STOPPED_SECONDS = 12.0  # the rest of the 15 promised ones is for what must be killed


@dataclass(frozen=True)
class Readiness:
    """When a child is ready: `probe` says True. `what` is shown while it is waited for."""

    what: str
    probe: Callable[[], bool]
    deadline_seconds: float


@dataclass(frozen=True)
class ChildStatus:
    """What is known of one child. `state` is starting, running or restarting."""

    name: str
    state: str
    pid: int | None
    deaths: int
    log: Path


class ProcessTree:
    """A set of children. `say` is told, in one line each, everything worth knowing."""

    def __init__(self, notes: Path, say: Callable[[str], None]) -> None:
        self._notes = notes
        self._say = say
        self._children: dict[str, Child] = {}
        self._ready: set[str] = set()
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._watcher: threading.Thread | None = None

    def start(self, spec: ChildSpec) -> None:
        """Starts a child. Not watched before it was ready once: a first death is an error."""
        with self._lock:
            child = Child(spec)
            child.start()
            self._children[spec.name] = child
            self._note()

    def wait_ready(self, name: str, readiness: Readiness) -> None:
        """Waits until the child is ready, then watches over it.

        Raises Unavailable when it ends before that, DeadlineExceeded when it takes too long.
        """
        child = self._children[name]
        began = time.monotonic()
        limit = readiness.deadline_seconds
        self._say(f"{name}: waiting for {readiness.what} (at most {limit:.0f} s)")
        remedy = f"read {child.spec.log}, then try again"
        while not self._answers(readiness):
            if child.pid is None:
                raise Unavailable(
                    f"{name} ended while it was starting", why=child.last_words(), remedy=remedy
                )
            if time.monotonic() - began > limit:
                raise DeadlineExceeded(
                    f"{name} is not ready after {limit:.0f} s",
                    why=f"{readiness.what} did not come; {child.last_words(1)}",
                    remedy=remedy,
                )
            time.sleep(_LOOK_SECONDS)
        self._say(f"{name}: ready after {time.monotonic() - began:.1f} s")
        with self._lock:
            self._ready.add(name)
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)
            self._watcher.start()

    @staticmethod
    def _answers(readiness: Readiness) -> bool:
        try:
            return readiness.probe()
        except EdgeAssetsError:
            return False  # not yet; what it says belongs to a thing that is still starting

    def status(self) -> list[ChildStatus]:
        """All children in the order of their start."""
        with self._lock:
            return [self._status(child) for child in self._children.values()]

    def _status(self, child: Child) -> ChildStatus:
        name, pid = child.spec.name, child.pid
        ready = "running" if name in self._ready else "starting"
        state = ready if pid is not None else "restarting"
        return ChildStatus(name, state, pid, child.deaths, child.spec.log)

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            with self._lock:
                if self._stopping.is_set():
                    return
                for name in self._ready:
                    self._look_after(self._children[name])

    def _look_after(self, child: Child) -> None:
        try:
            happened = child.supervise()
        except EdgeAssetsError as error:
            happened = str(error)
        if happened:
            self._say(happened)
            self._note()

    def _note(self) -> None:
        note(self._notes, {n: c.pid for n, c in self._children.items() if c.pid is not None})

    def stop(self, order: Iterable[Iterable[str]]) -> None:
        """Ends the children, group after group; those of one group at the same time.

        Children that `order` does not name are ended last. Nothing is left when this returns, at
        most 15 s later.
        """
        self._stopping.set()
        with self._lock:
            named = [[name for name in group if name in self._children] for group in order]
            rest = [n for n in self._children if not any(n in group for group in named)]
            last = time.monotonic() + _ALL_STOPPED_SECONDS
            for group in (*named, rest):
                children = [self._children[name] for name in group]
                for child in children:
                    child.ask_to_stop()
                for child in children:
                    until = time.monotonic() + child.spec.stop_seconds
                    child.stop(min(until, last))
                    self._say(f"{child.spec.name}: stopped")
            self._children.clear()
            self._notes.unlink(missing_ok=True)
        if self._watcher is not None:
            self._watcher.join(5.0)
