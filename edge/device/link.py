"""The link of one device to the hub: brings what is desired, takes what is to be reported."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from edge.device.config import AgentConfig
from edge.device.reported import merge_patch
from edge.device.sdk_client import TwinClient
from protos.errors import EdgeAssetsError

_LONGEST_WAIT_SECONDS = 15.0
_log = logging.getLogger(__name__)


class HubLink:
    """Keeps one device connected, from a thread of its own.

    `client` makes a fresh, unconnected client; `desired` is called with the desired properties
    whenever the twin was read: after each change, after each new connection, and at every
    heartbeat, which also tells the hub that the device is alive. Only differences to what the hub
    already knows are reported.
    """

    def __init__(
        self,
        device_id: str,
        client: Callable[[], TwinClient],
        desired: Callable[[Mapping[str, Any]], None],
        config: AgentConfig,
    ) -> None:
        self._device, self._make, self._desired, self._config = device_id, client, desired, config
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._changed = threading.Event()
        self._lock = threading.Lock()
        self._document: Mapping[str, Any] | None = None
        self._known: Mapping[str, Any] = {}
        self._client: TwinClient | None = None
        self._thread = threading.Thread(target=self._run, name=f"link-{device_id}", daemon=True)

    def start(self) -> None:
        """Begins to connect, and returns at once."""
        self._thread.start()

    def publish(self, document: Mapping[str, Any]) -> None:
        """Hands over the whole document to report; the newest wins."""
        with self._lock:
            if document == self._document:
                return
            self._document = document
        self._wake.set()

    def connected(self) -> bool:
        """Whether the device is connected now."""
        client = self._client
        return client is not None and client.connected()

    def close(self, timeout: float) -> None:
        """Reports what is still to be reported, disconnects; gives up after `timeout` seconds."""
        self._stop.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                self._converse()
                failures = 0
                pause = self._config.heartbeat_seconds
            except EdgeAssetsError as error:
                self._drop()
                pause = min(self._config.retry_seconds * 2.0**failures, _LONGEST_WAIT_SECONDS)
                failures = min(failures + 1, 16)
                _log.warning("%s: %s; trying again in %g s", self._device, error, pause)
                self._stop.wait(pause)
                continue
            if not self._wake.wait(pause):
                self._changed.set()  # a heartbeat: read the twin again
            self._wake.clear()
        self._say_goodbye()

    def _converse(self) -> None:
        client = self._client
        if client is None or not client.connected():
            self._drop()
            client = self._make()
            self._client = client
            client.connect(self._signal)
            self._changed.set()
            _log.info("%s: connected", self._device)
        if self._changed.is_set():
            self._changed.clear()
            twin = client.twin()
            self._known = twin.get("reported", {})
            self._desired(twin.get("desired", {}))
        self._report(client)

    def _report(self, client: TwinClient) -> None:
        with self._lock:
            document = self._document
        if document is None:
            return
        if patch := merge_patch(self._known, document):
            client.report(patch)
            self._known = document

    def _say_goodbye(self) -> None:
        client = self._client
        if client is not None and client.connected():
            try:
                self._report(client)
            except EdgeAssetsError as error:
                _log.info("%s: the last report was lost: %s", self._device, error)
        self._drop()

    def _signal(self) -> None:
        self._changed.set()
        self._wake.set()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
