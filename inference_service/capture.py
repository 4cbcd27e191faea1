"""Capture: what was asked and answered, kept on the device without holding up an answer."""

import json
import logging
import math
import queue
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from inference_service.config import CaptureConfig
from inference_service.segments import SegmentWriter
from inference_service.tensors import Array

log = logging.getLogger(__name__)

QUEUE_LENGTH = 4096
QUEUE_BYTES = 16 << 20
BURST_SECONDS = 5.0
REFILL_SECONDS = 0.05
GATHER_SECONDS = 0.05
"""How long the writer gathers before it writes: to be woken for each costs more than writing it."""
MAX_LINE_BYTES = 160 << 10  # a captured request travels in one message to the hub, 256 KB at most


@dataclass(frozen=True)
class CapturedRequest:
    """One answered request; the arrays are as the model saw and gave them."""

    request_id: str
    time: datetime
    model: str
    model_digest: str
    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]

    @property
    def size(self) -> int:
        """Bytes of the arrays, about what the request holds in memory."""
        return sum(array.nbytes for array in (*self.inputs.values(), *self.outputs.values()))

    @property
    def least_line(self) -> int:
        """Bytes that its line has at least: a digit and a comma for each value."""
        return 2 * sum(array.size for array in (*self.inputs.values(), *self.outputs.values()))


def as_line(request: CapturedRequest) -> bytes:
    """`request` as one JSON line. NaN and infinities, for which JSON has no word, become null.

    `shapes` holds those of inputs with more than one size a row, such as images: [rows, ...]. They
    are in no other line.
    """
    first = next(iter(request.inputs.values()))
    record: dict[str, Any] = {
        "request_id": request.request_id,
        "time": request.time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "model": request.model,
        "model_digest": request.model_digest,
        "rows": int(first.shape[0]) if first.ndim else 1,
        "inputs": {name: _flat(array) for name, array in request.inputs.items()},
        "outputs": {name: _flat(array) for name, array in request.outputs.items()},
    }
    shapes = {name: array.shape for name, array in request.inputs.items() if array.ndim > 2}
    if shapes:
        record["shapes"] = shapes
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _flat(array: Array) -> list[Any]:
    values: list[Any] = array.ravel().tolist()
    if array.dtype.kind == "f":
        return [value if math.isfinite(value) else None for value in values]
    return values


class Capture:
    """A bounded queue and the one thread that writes it to segments.

    `offer` costs a few microseconds and never waits: when the queue is full (4096 requests or
    16 MiB) the request is answered all the same, its capture is dropped and counted.
    """

    def __init__(self, config: CaptureConfig) -> None:
        self._sample = config.sample
        self._rate = config.max_rate
        self._burst = config.max_rate * BURST_SECONDS
        self._allowance = self._burst
        self._refilled = time.monotonic()
        # not one by one: a handful at a time wakes the writer once
        self._refill_seconds = max(REFILL_SECONDS, 1.0 / config.max_rate)
        self._skipped = 0
        self._writer = SegmentWriter(config.folder, config.max_bytes, config.segment_seconds)
        self._queue: queue.SimpleQueue[CapturedRequest | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._waiting_bytes = 0
        self._captured = 0
        self._dropped = 0
        self._too_large = 0
        self._warned = 0.0
        self._told_of_size = False
        self._thread = threading.Thread(target=self._write_all, name="capture", daemon=True)
        self._thread.start()

    def take(self, count: int) -> int:
        """How many of `count` answered requests are to be offered, by sample and rate.

        Bursts of five seconds' allowance are taken whole; what is above the rate for longer is
        skipped and counted, so that capture costs no answer its time however many there are.
        """
        if self._sample < 1.0:
            count = sum(random.random() < self._sample for _ in range(count))
        if not count:
            return 0
        now = time.monotonic()
        if self._allowance < 1.0 and now - self._refilled < self._refill_seconds:
            self._skipped += count  # without the lock: a count that two threads spoil is no harm
            return 0
        with self._lock:
            if self._allowance < count and now - self._refilled >= self._refill_seconds:
                refill = (now - self._refilled) * self._rate
                self._refilled = now
                self._allowance = min(self._burst, self._allowance + refill)
            taken = min(count, int(self._allowance))
            self._allowance -= taken
            self._skipped += count - taken
        return taken

    def offer(self, request: CapturedRequest) -> None:
        """Keeps `request` if there is room."""
        if request.least_line > MAX_LINE_BYTES:  # not worth its memory, nor the time of the writer
            self._leave_out()
            return
        size = request.size
        with self._lock:
            if self._queue.qsize() >= QUEUE_LENGTH or self._waiting_bytes + size > QUEUE_BYTES:
                self._dropped += 1
                return
            self._waiting_bytes += size
        self._queue.put(request)

    def counters(self) -> Mapping[str, int]:
        """`written` requests, and `dropped` ones: queue full, or no room on disk.

        `too_large` ones do not fit into one message to the hub, `skipped` ones came faster than the
        rate. `dropped_segments` counts sealed segments that
        made room for newer ones.
        """
        return {
            "written": self._captured,
            "dropped": self._dropped,
            "too_large": self._too_large,
            "skipped": self._skipped,
            "dropped_segments": self._writer.dropped_segments,
        }

    def close(self, timeout_seconds: float) -> None:
        """Writes what waits and seals the open segment, for at most `timeout_seconds`."""
        self._closing.set()
        self._queue.put(None)
        self._thread.join(timeout_seconds)

    def _write_all(self) -> None:
        while True:
            try:
                request = self._queue.get(timeout=self._writer.seconds_to_seal(time.monotonic()))
            except queue.Empty:
                self._guarded(self._writer.seal)
                continue
            if request is None:
                self._guarded(self._writer.seal)
                return
            with self._lock:
                self._waiting_bytes -= request.size
            self._guarded(partial(self._write, request))
            if self._queue.empty():
                self._closing.wait(GATHER_SECONDS)

    def _write(self, request: CapturedRequest) -> None:
        line = as_line(request)
        if len(line) > MAX_LINE_BYTES:
            self._leave_out()
        elif self._writer.write(line, time.monotonic()):
            self._captured += 1
        else:
            self._drop()

    def _drop(self) -> None:
        with self._lock:
            self._dropped += 1

    def _leave_out(self) -> None:
        with self._lock:
            self._too_large += 1
            first, self._told_of_size = not self._told_of_size, True
        if first:
            log.warning(
                "a question is too large to be captured (%d bytes as text at most): it, and those "
                "like it, are answered and counted as capture_too_large",
                MAX_LINE_BYTES,
            )

    def _guarded(self, step: Callable[[], None]) -> None:
        """Runs `step`; a full or broken disk costs captures, never the thread or an answer."""
        try:
            step()
        except OSError as error:
            self._drop()
            if time.monotonic() - self._warned > 60.0 or not self._warned:
                self._warned = time.monotonic()
                log.warning("capture is failing (%s): answers go on, captures are lost", error)
