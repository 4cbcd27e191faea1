"""What the services of the hub share: documents, limits, the clock, and the events of a change."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from edge.local_hub.documents import Documents
from edge.local_hub.limits import Limits
from edge.local_hub.values import Doc

NEVER = "0001-01-01T00:00:00Z"
"""How IoT Hub writes a time that has not come."""


@dataclass(frozen=True)
class DesiredChanged:
    """Desired properties changed: a client that is connected gets `patch`."""

    device: str
    module: str
    patch: Doc
    version: int


@dataclass(frozen=True)
class IdentityGone:
    """An identity was removed or disabled: its connection must end."""

    device: str
    module: str


Event = DesiredChanged | IdentityGone


def utc_now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


@dataclass
class State:
    """Documents and all that is needed to change them. `host` is the hub's name, `host:port`."""

    documents: Documents
    limits: Limits
    host: str
    clock: Callable[[], datetime] = utc_now
    events: list[Event] = field(default_factory=list)

    def now(self) -> str:
        """The time as IoT Hub writes it: UTC, seven digits of a second."""
        return f"{self.clock():%Y-%m-%dT%H:%M:%S.%f}0Z"
