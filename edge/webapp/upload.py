"""Sends corrections to the hub: in batches, each at least once, marked when the hub has all of it.

Whoever reads them counts corrections with one `correction_id` once.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from edge.modules.hub_client import ModuleClient, OutgoingMessage
from edge.modules.runner import sleep_unless, until_done
from protos.errors import EdgeAssetsError, Unavailable

log = logging.getLogger(__name__)


class Outbox(Protocol):
    """Where batches wait; its methods block, and are called on threads."""

    def next_batch(self) -> tuple[str, list[OutgoingMessage]] | None:
        """The oldest batch that the hub does not have yet; None when there is none."""

    def sent(self, name: str) -> None:
        """The hub has all of it."""


class CorrectionsUpload:
    """Uploads until it is stopped; a hub that is away is tried again."""

    def __init__(self, outbox: Outbox, client: ModuleClient, upload_seconds: float) -> None:
        self._outbox, self._client, self._seconds = outbox, client, upload_seconds

    async def run(self, stop: asyncio.Event) -> None:
        """Connects, and looks for new corrections every `upload_seconds`."""
        try:
            if not await until_done(self._client.connect, stop):
                return
            while not stop.is_set():
                try:
                    await self.upload(stop)
                except Unavailable as error:
                    log.warning("corrections stay for now: %s", error)
                except Exception:  # a database that fails once must not end it
                    log.exception("corrections could not be read")
                await sleep_unless(stop, self._seconds)
        finally:
            await self._client.close()

    async def upload(self, stop: asyncio.Event) -> int:
        """Sends every batch that waits; how many messages went. Raises Unavailable."""
        count = 0
        while not stop.is_set() and (batch := await asyncio.to_thread(self._outbox.next_batch)):
            name, messages = batch
            for message in messages:
                await self._client.send(message)
                count += 1
            await asyncio.to_thread(self._outbox.sent, name)
            log.info("%s is sent, messages: %d", name, len(messages))
        return count


def is_module(environ: Mapping[str, str]) -> bool:
    """Whether the environment says which module of which device this is."""
    return bool(environ.get("EdgeHubConnectionString") or environ.get("IOTEDGE_WORKLOADURI"))


def run_until(
    stop: Callable[[], bool], work: Callable[[asyncio.Event], Coroutine[Any, Any, None]]
) -> None:
    """Runs `work` on an event loop of this thread until `stop()`."""

    async def watched() -> None:
        event = asyncio.Event()
        task = asyncio.ensure_future(work(event))
        while not stop() and not task.done():
            await asyncio.sleep(0.2)
        event.set()
        await task

    try:
        asyncio.run(watched())
    except EdgeAssetsError as error:
        log.error("corrections are not uploaded: %s", error)
