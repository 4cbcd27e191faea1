"""Threads for the reference transport: the least that grpcio asks of an executor."""

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any

log = logging.getLogger(__name__)


class Task:
    """One step that a thread is to take; stands where grpcio expects a Future."""

    __slots__ = ("_arguments", "_callbacks", "_done", "_step")

    def __init__(self, step: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._step = step
        self._arguments = arguments
        self._done = False
        self._callbacks: list[Callable[[Any], Any]] = []

    def add_done_callback(self, callback: Callable[[Any], Any]) -> None:
        """Calls `callback` once the step was taken, or now if it was."""
        self._callbacks.append(callback)
        if self._done:
            self._tell()

    def run(self) -> None:
        """Takes the step."""
        try:
            self._step(*self._arguments)
        except Exception:  # grpcio answers its own; a thread must outlive whatever else comes
            log.exception("a call failed")
        self._done = True
        self._tell()

    def _tell(self) -> None:
        while self._callbacks:
            try:
                callback = self._callbacks.pop()  # atomic: whoever takes it calls it
            except IndexError:
                return
            callback(self)


class ThreadPool(Executor):
    """At most `threads` threads that take steps in the order of asking.

    The standard pool makes a Future with a condition for each step; without it a call costs a tenth
    less. As there, a thread is started only when none is idle: few threads are warm threads.
    """

    def __init__(self, threads: int) -> None:
        self._steps: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._most = threads
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._idle = 0
        """Threads that wait, less the steps that wait for them."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Has a thread call `fn`; what it gives, or raises, is not kept."""
        task = Task(partial(fn, **kwargs) if kwargs else fn, args)
        with self._lock:
            self._idle -= 1
            if self._idle < 0 and len(self._threads) < self._most:
                self._idle += 1
                name = f"call-{len(self._threads)}"
                thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._threads.append(thread)
                thread.start()
        self._steps.put(task)
        return task

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the threads after what was submitted before; `cancel_futures` is not heeded."""
        for _ in self._threads:
            self._steps.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _run(self) -> None:
        while (task := self._steps.get()) is not None:
            task.run()
            with self._lock:
                self._idle += 1
