"""Runs a module or code in this interpreter, and ends when the process that started it ends.

    python host_child.py <pid of the starter> -m MODULE | -c CODE  [arguments]

For systems without a parent-death signal. Standard library only; started by its path.
"""

import os
import runpy
import signal
import sys
import threading
import time

_LOOK_SECONDS = 0.5
_GRACE_SECONDS = 5.0


def watch(parent: int) -> None:
    """Ends this process, gracefully if it can, once it has another parent than `parent`."""
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os._exit(1)


def main(arguments: list[str]) -> None:
    """Runs what the arguments say, as `python` itself would."""
    parent, flag, what, *rest = arguments
    sys.path.pop(0)  # this file's own folder
    threading.Thread(target=watch, args=(int(parent),), daemon=True).start()
    sys.argv = [what, *rest]
    if flag == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        exec(what, {"__name__": "__main__"})  # noqa: S102 - `python -c` does the same


if __name__ == "__main__":
    main(sys.argv[1:])
