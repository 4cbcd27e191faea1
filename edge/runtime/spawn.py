"""Starts child processes that end when this process ends.

Linux sends a child its parent-death signal when the *thread* that started it ends. So all
children are started by one thread that lives as long as the process.
"""

import os
import queue
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path

from protos.errors import Unavailable

Popen = subprocess.Popen[bytes]
_START_SECONDS = 30.0

_lock = threading.Lock()
_owner = 0
_todo: queue.SimpleQueue[tuple[Callable[[], Popen], Future[Popen]]] = queue.SimpleQueue()


def spawn(argv: list[str], *, env: Mapping[str, str], log: Path, cwd: Path | None = None) -> Popen:
    """Starts `argv` with exactly `env`, its output appended to `log`, in its own process group.

    Raises Unavailable when the program cannot be started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)

    def start() -> Popen:
        with log.open("ab") as output:
            return subprocess.Popen(
                argv,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=cwd,
            )

    future: Future[Popen] = Future()
    _thread()
    _todo.put((start, future))
    try:
        return future.result(timeout=_START_SECONDS)
    except (OSError, TimeoutError) as error:
        raise Unavailable(f"{Path(argv[0]).name} cannot be started", why=str(error)) from error


def dying_with_parent(argv: list[str], death: signal.Signals, *, privileges: bool) -> list[str]:
    """`argv`, started so that the kernel sends it `death` when this process ends.

    Uses setpriv of util-linux; without it `argv` is returned as it is. Unless `privileges`, the
    program can never gain any (no_new_privs).
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return argv
    flags = [] if privileges else ["--no-new-privs"]
    return [setpriv, f"--pdeathsig={death.name.removeprefix('SIG')}", *flags, "--", *argv]


def _thread() -> None:
    """Makes sure that the starting thread runs, also after a fork."""
    global _owner, _todo
    with _lock:
        if _owner != os.getpid():
            _todo = queue.SimpleQueue()
            threading.Thread(target=_serve, args=(_todo,), name="spawn", daemon=True).start()
            _owner = os.getpid()


def _serve(todo: queue.SimpleQueue[tuple[Callable[[], Popen], Future[Popen]]]) -> None:
    while True:
        start, future = todo.get()
        try:
            future.set_result(start())
        except BaseException as error:  # the caller gets it, whatever it is
            future.set_exception(error)
