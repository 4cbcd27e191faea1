"""The captures module: sends sealed segments, and removes one only when the hub has all of it."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.modules.captures.messages import split_segment
from edge.modules.environment import number_setting
from edge.modules.hub_client import ModuleClient
from edge.modules.runner import sleep_unless, until_done
from protos.errors import ConfigurationError, Unavailable

log = logging.getLogger(__name__)

_SEALED = "captures-*.jsonl"


@dataclass(frozen=True)
class CapturesConfig:
    """The folder shared with the inference service, and how often it is looked at."""

    folder: Path
    upload_seconds: float = 5.0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "CapturesConfig":
        """Reads CAPTURE_DIR and CAPTURE_UPLOAD_SECONDS. Raises ConfigurationError."""
        folder = environ.get("CAPTURE_DIR", "")
        if not folder:
            raise ConfigurationError(
                "CAPTURE_DIR is not set",
                why="the module must know where captures are",
                remedy="set it to the folder that the inference service captures into",
            )
        seconds = number_setting(environ, "CAPTURE_UPLOAD_SECONDS", cls.upload_seconds, 0.05, 86400)
        return cls(Path(folder), seconds)


class Captures:
    """Uploads at least once: a segment goes again if the module or the hub fails before its end.

    Whoever reads captures counts records with one `request_id` once.
    """

    def __init__(self, config: CapturesConfig, client: ModuleClient) -> None:
        self._config = config
        self._client = client

    async def run(self, stop: asyncio.Event) -> None:
        """Uploads until `stop` is set. A hub that is away is tried again with the next look."""
        try:
            if not await until_done(self._client.connect, stop):
                return
            while not stop.is_set():
                try:
                    await self.upload(stop)
                except Unavailable as error:
                    log.warning("captures stay for now: %s", error)
                except OSError as error:
                    log.warning("captures cannot be read: %s", error.strerror)
                await sleep_unless(stop, self._config.upload_seconds)
        finally:
            await self._client.close()

    async def upload(self, stop: asyncio.Event) -> int:
        """Sends every sealed segment, oldest first; how many messages went.

        Raises Unavailable at the first message that the hub did not take: its segment stays.
        """
        sent = 0
        for path in sorted(self._config.folder.glob(_SEALED)):
            if stop.is_set():
                break
            try:
                data = await asyncio.to_thread(path.read_bytes)
            except FileNotFoundError:  # the service made room meanwhile
                continue
            split = split_segment(path.name.removesuffix(".jsonl"), data)
            for message in split.messages:
                await self._client.send(message)
                sent += 1
            if split.unreadable or split.too_large:
                log.warning(
                    "%s: %d unreadable and %d too large records were left out",
                    path.name,
                    split.unreadable,
                    split.too_large,
                )
            path.unlink(missing_ok=True)
        return sent
