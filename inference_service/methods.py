"""What the service answers, as a table that every transport serves: bytes in, bytes out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Message = bytes | bytearray
Outcome = bytes | Exception


@dataclass(slots=True)  # not frozen: one is made for each run, and freezing costs it thrice
class Batch:
    """Questions that are answered together, by one run of one model.

    `places` tells which of the messages handed to `Inference.plan` they are. `run` never raises
    and gives one outcome a place: the answer, or the error that `status.status_of` knows.
    `expected_seconds` is how long it takes by experience: a transport decides by it whether to
    run it where it stands or in a thread, and whether a deadline can still be met.
    """

    places: Sequence[int]
    expected_seconds: float
    run: Callable[[], Sequence[Outcome]]


@dataclass(frozen=True, slots=True)
class Quick:
    """A method whose answer costs microseconds; it answers even when the service is at its limit.

    `answer` raises an EdgeAssetsError to refuse.
    """

    answer: Callable[[bytes], bytes]
    streaming: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Inference:
    """A method that asks a model. `plan` puts messages that fit together into batches.

    With `streaming` each message of the stream has one answer, in order, and `as_message` turns
    an error into an answer, so that the stream goes on.
    """

    plan: Callable[[Sequence[Message]], Sequence[Batch]]
    streaming: bool = False
    as_message: Callable[[bytes, Exception], bytes] | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """A method that answers one message with a stream: whatever is told until the client ends.

    `subscribe(message, tell)` calls `tell` once at once and then from any thread; what it returns
    ends the subscription.
    """

    subscribe: Callable[[bytes, Callable[[bytes], None]], Callable[[], None]]


Method = Quick | Inference | Watch
FindMethod = Callable[[str], Method | None]
"""By path: `/inference.GRPCInferenceService/ModelInfer`."""
