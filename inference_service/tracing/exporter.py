"""The thread that sends spans to a collector, and the bounded queue before it."""

import http.client
import logging
import ssl
import threading
import time
from collections import deque
from collections.abc import Mapping
from urllib.parse import urlsplit

from inference_service.tracing.config import TracingConfig
from inference_service.tracing.otlp import Span, as_json

log = logging.getLogger(__name__)

# What OTLP/HTTP says may be sent again.
_AGAIN = {429, 502, 503, 504}
_TRIES = 3
_PAUSE_SECONDS = 1.0  # doubled with each try
_WARN_SECONDS = 60.0
_MOST_OF_ANSWER = 65536


class Exporter:
    """Takes spans, never waits for them to be sent, and counts those that were lost."""

    def __init__(self, config: TracingConfig) -> None:
        self._config = config
        self._resource = {"service.name": config.service_name, **config.resource}
        self._queue: deque[Span] = deque()
        self._lock = threading.Lock()  # of the three counters
        self._exported = self._dropped = self._failed = 0
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self._warned = 0.0
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def offer(self, span: Span) -> None:
        """Queues `span`, or drops and counts it."""
        waiting = len(self._queue)
        if waiting >= self._config.queue_length or self._stop.is_set():
            self._count(dropped=1)
            return
        self._queue.append(span)
        if waiting + 1 == self._config.batch_length:
            self._wake.set()

    def counters(self) -> Mapping[str, int]:
        """Spans `exported`, `dropped` (the queue was full), and `failed` (nobody took them)."""
        with self._lock:
            return {
                "exported": self._exported,
                "dropped": self._dropped,
                "failed": self._failed,
            }

    def close(self, seconds: float) -> None:
        """Sends what waits, for at most `seconds`; what is not sent then is lost."""
        self._stop.set()
        self._wake.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(self._config.flush_seconds)
            self._wake.clear()
            self._flush()
        self._flush()
        self._hang_up()

    def _flush(self) -> None:
        for _ in range(1 + len(self._queue) // self._config.batch_length):
            length = min(len(self._queue), self._config.batch_length)
            if not length:
                return
            batch = [self._queue.popleft() for _ in range(length)]
            try:
                sent = self._sent(as_json(batch, self._resource))
            except Exception:  # the thread must outlive a bad span
                log.exception("spans could not be exported")
                sent = False
            if sent:
                self._count(exported=length)
            else:
                self._count(failed=length)

    def _sent(self, body: bytes) -> bool:
        pause = _PAUSE_SECONDS
        for attempt in range(_TRIES):
            told = self._post(body)
            if told is not None and 200 <= told < 300:
                return True
            if told is not None and told not in _AGAIN:
                self._warn(f"the collector answers {told}")
                return False
            self._warn("no collector answers" if told is None else f"the collector answers {told}")
            if attempt + 1 == _TRIES or self._stop.wait(pause):
                return False
            pause *= 2
        return False

    def _post(self, body: bytes) -> int | None:
        """The status of the answer, None if there is none."""
        headers = {**self._config.headers, "Content-Type": "application/json"}
        try:
            if self._connection is None:
                self._connection = self._connected()
            self._connection.request("POST", self._path(), body, headers)
            answer = self._connection.getresponse()
            if len(answer.read(_MOST_OF_ANSWER)) == _MOST_OF_ANSWER or answer.will_close:
                self._hang_up()
        except (OSError, http.client.HTTPException, ValueError):
            self._hang_up()
            return None
        return answer.status

    def _connected(self) -> http.client.HTTPConnection:
        parts, timeout = urlsplit(self._config.endpoint), self._config.timeout_seconds
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=self._config.ca)
            return http.client.HTTPSConnection(
                parts.hostname or "", parts.port, timeout=timeout, context=context
            )
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)

    def _path(self) -> str:
        parts = urlsplit(self._config.endpoint)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _warn(self, what: str) -> None:
        now = time.monotonic()
        if not self._warned or now - self._warned > _WARN_SECONDS:
            self._warned = now
            log.warning("traces: %s; requests go on, spans are lost", what)

    def _count(self, *, exported: int = 0, dropped: int = 0, failed: int = 0) -> None:
        with self._lock:
            self._exported += exported
            self._dropped += dropped
            self._failed += failed
