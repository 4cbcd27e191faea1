"""What every module does around its work: connect, work until SIGTERM, disconnect."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Awaitable, Callable

from protos.errors import EdgeAssetsError, Unavailable

log = logging.getLogger(__name__)

_FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 30.0
_STOP_SECONDS = 5.0


async def sleep_unless(stop: asyncio.Event, seconds: float) -> bool:
    """Waits `seconds`, or until `stop` is set; whether it is set."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return stop.is_set()


async def until_done(
    step: Callable[[], Awaitable[None]],
    stop: asyncio.Event,
    first_wait_seconds: float = _FIRST_WAIT_SECONDS,
) -> bool:
    """Tries `step` until the hub does it, waiting twice as long each time, 30 s at most.

    False if `stop` came first. Only Unavailable (and DeadlineExceeded) is tried again.
    """
    wait = first_wait_seconds
    while not stop.is_set():
        try:
            await step()
        except Unavailable as error:
            log.warning("%s; trying again in %g s", error, wait)
            await sleep_unless(stop, wait)
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
        else:
            return True
    return False


def run_module(work: Callable[[asyncio.Event], Awaitable[None]]) -> int:
    """Runs `work` until it ends or SIGTERM sets its event; returns the exit code.

    After SIGTERM `work` has five seconds to end by itself, then it is cancelled.
    """
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("azure").setLevel(logging.WARNING)

    async def guarded() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await _until_stopped(work, stop)

    try:
        asyncio.run(guarded())
    except EdgeAssetsError as error:
        log.error("%s", error)
        return error.exit_code
    finally:
        sys.stderr.flush()
    return 0


async def _until_stopped(
    work: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event
) -> None:
    working = asyncio.ensure_future(work(stop))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    await asyncio.wait({working}, timeout=_STOP_SECONDS)
    if not working.done():
        working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
