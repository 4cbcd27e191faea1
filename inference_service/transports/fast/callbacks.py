"""What a connection tells of its streams, to whoever answers the calls on them."""

from typing import TYPE_CHECKING, Protocol

from inference_service.transports.fast.stream import Stream

if TYPE_CHECKING:
    from inference_service.transports.fast.connection import Connection


class Calls(Protocol):
    """What a connection tells of its streams; gRPC is behind it."""

    unsent: int
    """Octets that one connection may have waiting for its peer to read, at this moment."""

    def opened(self, connection: "Connection", stream: Stream) -> None:
        """The head of a call came."""

    def called(
        self, connection: "Connection", stream: Stream, data: bytes, start: int, end: int
    ) -> bool:
        """A call came whole, its data from `start` to `end`; False to have it told in parts."""

    def received(
        self, connection: "Connection", stream: Stream, data: memoryview, last: bool
    ) -> None:
        """Data came; with `last`, the client is done with sending."""

    def reset(self, connection: "Connection", stream: Stream) -> None:
        """The stream is over before its call was: by the client, or by a rule it broke."""

    def resumed(self, connection: "Connection", stream: Stream) -> None:
        """The peer has read enough for a stream of `connection.paused` to go on."""
