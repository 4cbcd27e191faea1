"""What one row of the tables is: what a client sends, and how the rule says it is answered."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from inference_service.transports.fast import frames
from inference_service.transports.fast.frames import Error
from tests.inference_service.fast.wire import Frame, Wire


class Answer(ABC):
    """How the service answers; `text` is how the documentation says it."""

    text: str
    ends: ClassVar[bool] = False
    """Whether the connection ends by it."""

    @abstractmethod
    def check(self, wire: Wire, came: list[Frame]) -> None:
        """Fails unless `came` is this answer."""


@dataclass(frozen=True)
class Goaway(Answer):
    """A connection error: GOAWAY with `code`, then the end."""

    code: Error
    ends: ClassVar[bool] = True

    @property
    def text(self) -> str:  # type: ignore[override]
        return f"connection error {self.code.name}"

    def check(self, wire: Wire, came: list[Frame]) -> None:
        assert wire.connection.closing
        assert came, "nothing was sent"
        assert (came[-1].kind, came[-1].stream) == (frames.GOAWAY, 0)
        assert Error(came[-1].code) is self.code
        assert sum(one.kind == frames.GOAWAY for one in came) == 1


@dataclass(frozen=True)
class Reset(Answer):
    """A stream error: RST_STREAM with `code`; the connection goes on."""

    code: Error
    stream: int = 1

    @property
    def text(self) -> str:  # type: ignore[override]
        return f"stream error {self.code.name}"

    def check(self, wire: Wire, came: list[Frame]) -> None:
        resets = [(one.stream, Error(one.code)) for one in came if one.kind == frames.RST_STREAM]
        assert resets == [(self.stream, self.code)]


@dataclass(frozen=True)
class Answered(Answer):
    """The call on `stream` is answered in full, with `content`."""

    stream: int = 1
    content: bytes = b"hello"
    text = "answered"

    def check(self, wire: Wire, came: list[Frame]) -> None:
        mine = [one for one in came if one.stream == self.stream and one.kind < 2]
        body = b"".join(one.payload for one in mine if one.kind == frames.DATA)
        assert body[5:] == self.content
        assert wire.fields(mine[0])[b":status"] == b"200"
        assert wire.fields(mine[-1]) == {b"grpc-status": b"0"}
        assert mine[-1].flags & frames.END_STREAM
        assert not any(one.kind == frames.RST_STREAM for one in came)


@dataclass(frozen=True)
class Refused(Answer):
    """The call is answered by `status` of gRPC, or of HTTP where it is none of gRPC's."""

    status: int
    stream: int = 1

    @property
    def text(self) -> str:  # type: ignore[override]
        return f"HTTP status {self.status}" if self.status > 99 else f"grpc-status {self.status}"

    def check(self, wire: Wire, came: list[Frame]) -> None:
        heads = [one for one in came if one.kind == frames.HEADERS and one.stream == self.stream]
        found = wire.fields(heads[-1])
        name = b":status" if self.status > 99 else b"grpc-status"
        assert found[name] == b"%d" % self.status
        assert heads[-1].flags & frames.END_STREAM


@dataclass(frozen=True)
class Sent(Answer):
    """Exactly this frame comes back."""

    kind: int
    flags: int
    payload: bytes
    text: str = "answered"

    def check(self, wire: Wire, came: list[Frame]) -> None:
        assert came == [Frame(self.kind, self.flags, 0, self.payload)]


@dataclass(frozen=True)
class Ignored(Answer):
    """Nothing but acknowledgements of SETTINGS comes back, and the connection goes on."""

    text = "ignored"

    def check(self, wire: Wire, came: list[Frame]) -> None:
        acks = (frames.SETTINGS, frames.ACK)
        assert [one for one in came if (one.kind, one.flags) != acks] == []


IGNORED = Ignored()
ANSWERED = Answered()
SETTINGS_ACKED = Sent(frames.SETTINGS, frames.ACK, b"", "acknowledged")


@dataclass(frozen=True)
class Case:
    """One row: `section` of the RFC, `what` is sent, `octets`, and the answer.

    `greeted`: preface and an empty SETTINGS come before, as any client sends them.
    """

    section: str
    what: str
    octets: bytes
    answer: Answer
    greeted: bool = True

    @property
    def id(self) -> str:
        return f"{self.section} {self.what}"
