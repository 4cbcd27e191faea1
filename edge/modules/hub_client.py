"""The seam between a module and the hub: what a module needs of a client, and no more.

The real client is `edge.modules.iot_hub.IotHubModuleClient`, the SDK of Azure IoT unmodified.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

MethodHandler = Callable[[], Awaitable[tuple[int, dict[str, Any]]]]


@dataclass(frozen=True)
class OutgoingMessage:
    """A device-to-cloud message: a JSON body in UTF-8 and custom properties."""

    message_id: str
    body: bytes
    properties: Mapping[str, str] = field(default_factory=dict)


class ModuleClient(Protocol):
    """What a module asks of the hub.

    Every coroutine ends within a deadline, and raises Unavailable or DeadlineExceeded when the hub
    does not do its part. Callbacks run on the event loop that called `connect`.
    """

    async def connect(
        self,
        on_desired: Callable[[Mapping[str, Any]], None] | None = None,
        methods: Mapping[str, MethodHandler] | None = None,
    ) -> None:
        """Connects; from then on patches of desired properties and direct methods come in."""

    async def desired_properties(self) -> Mapping[str, Any]:
        """The desired properties of the module twin."""

    async def report(self, patch: Mapping[str, Any]) -> None:
        """Merges `patch` into the reported properties; returns when the hub has them."""

    async def send(self, message: OutgoingMessage) -> None:
        """Sends `message`; returns when the hub has acknowledged it."""

    async def close(self) -> None:
        """Disconnects; what is not sent by then is not sent."""
