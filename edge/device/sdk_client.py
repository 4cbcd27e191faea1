"""`$edgeAgent`'s connection to the hub: the unmodified azure-iot-device SDK behind a small seam."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from azure.iot.device import IoTHubModuleClient

from protos.errors import Unavailable

_KEEP_ALIVE_SECONDS = 20
_log = logging.getLogger(__name__)


class TwinClient(Protocol):
    """One connection of one agent. Every call raises Unavailable when the hub is not there."""

    def connect(self, changed: Callable[[], None]) -> None:
        """Connects; `changed` is called on every change of desired properties or connection."""
        ...

    def connected(self) -> bool:
        """Whether the connection stands."""
        ...

    def twin(self) -> Mapping[str, Any]:
        """The whole twin: `desired` and `reported`, each with its `$version`."""
        ...

    def report(self, patch: Mapping[str, Any]) -> None:
        """Merges `patch` into the reported properties."""
        ...

    def close(self) -> None:
        """Disconnects for good. Never raises."""
        ...


class SdkTwinClient:
    """A TwinClient over MQTT. `connection_string` holds the key of `$edgeAgent`; `ca_pem` is text.

    The SDK's own reconnecting is switched off: after any fault the caller makes a new client, with
    a key it has just asked for. One way back from every fault is easier to trust than two.
    """

    def __init__(self, connection_string: str, ca_pem: str) -> None:
        self._client = IoTHubModuleClient.create_from_connection_string(
            connection_string,
            server_verification_cert=ca_pem or None,
            keep_alive=_KEEP_ALIVE_SECONDS,
            auto_connect=False,
            connection_retry=False,
        )

    def connect(self, changed: Callable[[], None]) -> None:
        """Connects and subscribes to desired properties."""

        def signal(*_: object) -> None:
            # A patch is only a signal: the whole twin is fetched, so nothing has to be merged.
            changed()

        def subscribe() -> None:
            self._client.connect()
            self._client.on_connection_state_change = signal
            self._client.on_twin_desired_properties_patch_received = signal

        self._guard("connect", subscribe)

    def connected(self) -> bool:
        """Whether the MQTT connection stands."""
        return bool(self._client.connected)

    def twin(self) -> Mapping[str, Any]:
        """The whole twin."""
        twin: Mapping[str, Any] = self._guard("get twin", self._client.get_twin)
        return twin

    def report(self, patch: Mapping[str, Any]) -> None:
        """Patches the reported properties; returns when the hub has acknowledged."""
        self._guard("report", lambda: self._client.patch_twin_reported_properties(dict(patch)))

    def close(self) -> None:
        """Shuts the client down."""
        try:
            self._client.shutdown()
        except Exception as error:
            _log.debug("shutting the client down: %s", error)

    @staticmethod
    def _guard(what: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:
            # The SDK raises its own tree, OSError and ValueError alike; its causes name no secret.
            why = str(error.__cause__ or error) or type(error).__name__
            raise Unavailable(f"the hub does not answer: {what}", why=why) from error
