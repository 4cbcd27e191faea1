"""A hub in memory, and captured questions of the model `taxi`."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from edge.modules.hub_client import MethodHandler, OutgoingMessage
from protos.errors import Unavailable

CHAMPION = "sha256:" + "c" * 64


class FakeClient:
    """Keeps what is sent; away while `away` is set."""

    def __init__(self) -> None:
        self.sent: list[OutgoingMessage] = []
        self.reported: dict[str, Any] = {}
        self.away = False
        self.closed = False

    async def connect(
        self,
        on_desired: Callable[[Mapping[str, Any]], None] | None = None,
        methods: Mapping[str, MethodHandler] | None = None,
    ) -> None:
        self._answer()

    async def desired_properties(self) -> Mapping[str, Any]:
        return {}

    async def report(self, patch: Mapping[str, Any]) -> None:
        self._answer()
        self.reported.update(patch)

    async def send(self, message: OutgoingMessage) -> None:
        self._answer()
        await asyncio.sleep(0)
        self.sent.append(message)

    async def close(self) -> None:
        self.closed = True

    def _answer(self) -> None:
        if self.away:
            raise Unavailable("the hub is away")

    @property
    def pairs(self) -> list[dict[str, Any]]:
        return [pair for message in self.sent for pair in json.loads(message.body)]

    def lost(self, cause: str) -> int:
        return sum(int(message.properties.get(cause, 0)) for message in self.sent)


def captured(name: str, *distances: float | None, **changes: Any) -> bytes:
    """A line of captures, as `inference_service.capture.as_line` writes it."""
    record = {
        "request_id": name,
        "time": "2026-01-01T12:00:00.000000Z",
        "model": "taxi",
        "model_digest": CHAMPION,
        "rows": len(distances),
        "inputs": {"distance": list(distances), "passengers": [1] * len(distances)},
        "outputs": {"fare": [None if d is None else 3 + 2.5 * d for d in distances]},
    }
    return json.dumps({**record, **changes}).encode()
