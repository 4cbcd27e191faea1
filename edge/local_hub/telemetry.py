"""Device-to-cloud messages, routed to files as IoT Hub's JSON storage routing does.

Files are `<telemetry>/<hub>/0/YYYY/MM/DD/HH/mm/<sequence>.json`, JSON lines, one message each:
`{"EnqueuedTimeUtc", "Properties", "SystemProperties", "Body"}`. A file is written under a name that
ends with `.open` and renamed at most a second later; once it has its name it never changes. A
message is durable (written and synced) before `append` returns; many messages share one sync.
"""

import asyncio
import base64
import json
import logging
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from edge.local_hub.mqtt.topics import Telemetry
from edge.local_hub.values import Doc, read_json

logger = logging.getLogger(__name__)

_OPEN_SECONDS = 0.8
_SEGMENT_BYTES = 16 * 1024 * 1024
_SYSTEM_NAMES = {
    "ct": "contentType",
    "ce": "contentEncoding",
    "mid": "messageId",
    "cid": "correlationId",
    "uid": "userId",
    "on": "outputName",
}


def message_line(
    device: str, module: str, message: Telemetry, payload: bytes, enqueued: datetime
) -> bytes:
    """One message as a JSON line. The body is JSON if its content type and encoding say so."""
    system: Doc = {"connectionDeviceId": device}
    if module:
        system["connectionModuleId"] = module
    for short, name in _SYSTEM_NAMES.items():
        if short in message.system:
            system[name] = message.system[short]
    time = f"{enqueued:%Y-%m-%dT%H:%M:%S.%f}0Z"
    system["enqueuedTime"] = time
    record = {
        "EnqueuedTimeUtc": time,
        "Properties": message.custom,
        "SystemProperties": system,
        "Body": _body(message.system, payload),
    }
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def _body(system: dict[str, str], payload: bytes) -> object:
    is_json = system.get("ct", "").lower().split(";")[0].strip() == "application/json"
    if is_json and system.get("ce", "").lower() == "utf-8":
        try:
            value: object = read_json(payload)
            return value
        except ValueError:
            logger.warning("a message says it is JSON and is not; its body is kept as base64")
    return base64.b64encode(payload).decode()


class TelemetryWriter:
    """Appends messages to segment files. Use `run` as a task; `stop` seals what is open."""

    def __init__(self, root: Path, hub: str, clock: Callable[[], datetime]) -> None:
        self._root, self._clock = root / hub / "0", clock
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._wake = asyncio.Event()
        self._stopping = False
        self._file: BinaryIO | None = None
        self._path = Path()
        self._opened_at = 0.0
        self._size = 0
        self._sequence = 0
        self._root.mkdir(parents=True, exist_ok=True)
        _recover(self._root)

    async def append(self, device: str, module: str, message: Telemetry, payload: bytes) -> None:
        """Returns when the message is durable; raises OSError if it cannot be stored."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line = message_line(device, module, message, payload, self._clock())
        self._waiting.append((line, done))
        self._wake.set()
        await done

    async def run(self) -> None:
        """Writes batch after batch until `stop`."""
        loop = asyncio.get_running_loop()
        while not (self._stopping and not self._waiting):
            try:
                async with asyncio.timeout(self._seconds_left(loop.time())):
                    await self._wake.wait()
            except TimeoutError:
                await asyncio.to_thread(self._seal)
                continue
            self._wake.clear()
            batch, self._waiting = self._waiting, []
            if batch:
                await self._write(batch, loop.time())
        await asyncio.to_thread(self._seal)

    def stop(self) -> None:
        """Lets `run` write what waits, seal the file and return."""
        self._stopping = True
        self._wake.set()

    def _seconds_left(self, now: float) -> float | None:
        return None if self._file is None else max(0.0, self._opened_at + _OPEN_SECONDS - now)

    async def _write(self, batch: list[tuple[bytes, asyncio.Future[None]]], now: float) -> None:
        """Writes and syncs a batch off the event loop, then lets its senders be acknowledged."""
        error: OSError | None = None
        try:
            await asyncio.to_thread(self._write_lines, b"".join(line for line, _ in batch), now)
        except OSError as found:
            error = found
        for _, done in batch:
            if done.done():
                continue
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

    def _write_lines(self, lines: bytes, now: float) -> None:
        if self._file is None:
            self._open(now)
        if self._file is not None:
            self._file.write(lines)
            self._file.flush()
            os.fsync(self._file.fileno())
            self._size += len(lines)
        if self._size > _SEGMENT_BYTES or now - self._opened_at > _OPEN_SECONDS:
            self._seal()

    def _open(self, now: float) -> None:
        moment = self._clock()
        folder = self._root / f"{moment:%Y/%m/%d/%H/%M}"
        folder.mkdir(parents=True, exist_ok=True)
        self._sequence += 1
        # The time keeps names of different starts of the hub apart and in order.
        name = f"{moment:%S%f}-{self._sequence:06d}.json"
        self._path = folder / f"{name}.open"
        self._file, self._opened_at, self._size = self._path.open("ab"), now, 0

    def _seal(self) -> None:
        if self._file is None:
            return
        self._file.close()
        self._file = None
        self._path.replace(self._path.with_suffix(""))


def _recover(root: Path) -> None:
    """Seals what a crash left open; an unfinished last line was never acknowledged and goes."""
    for path in root.rglob("*.json.open"):
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if not whole:
            path.unlink()
            continue
        if whole != data:
            with path.open("r+b") as file:
                file.truncate(len(whole))
        path.replace(path.with_suffix(""))
