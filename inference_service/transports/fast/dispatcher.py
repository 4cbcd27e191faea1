"""Which questions are answered together, where they run, and which are refused at once."""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from inference_service.errors import CannotBeInTime, answer_too_large
from inference_service.methods import Batch, Inference, Message, Outcome
from inference_service.observer import Observer
from inference_service.status import Code, status_of
from inference_service.transports.fast.connection import Connection
from inference_service.transports.fast.stream import Stream
from protos.errors import Unavailable

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

log = logging.getLogger(__name__)

INLINE_SECONDS = 1e-3
"""A question quicker than this runs on the loop's own thread: a hand-over to another costs more."""


Ask = tuple[Connection, Stream, Inference, Message, list[Outcome | None] | None]
"""One question; last its place among the answers of a stream, None for a unary call.

A plain tuple: one is made for every question, and a named one takes eight times as long.
"""


class Dispatcher:
    """Collects what one turn of the loop brought and runs it as the fewest batches.

    `workers` threads take batches of slow models. At most `limit` calls wait there or hold a
    stream open; more are refused, as is an answer of more than `largest` octets. `wake` tells the
    loop that answers of a thread are there.
    """

    def __init__(
        self,
        workers: int,
        limit: int,
        largest: int,
        wake: Callable[[], None],
        advance: Callable[[Connection, Stream], None],
        observer: Observer | None,
    ) -> None:
        self.touched: dict[Connection, None] = {}
        self.open = 0
        self._workers = workers
        self._limit = limit
        self._largest = largest
        self._now = time.monotonic
        self._wake = wake
        self._advance = advance
        self._observer = observer
        self._each = observer is not None and observer.each
        self._pending: dict[Inference, list[Ask]] = {}
        self.recheck = False
        """Whether one of these may have no business any more: a deadline, a reset."""
        self._pool: ThreadPoolExecutor | None = None
        self._queued_seconds = 0.0
        self._done: deque[tuple[list[Ask], Batch, list[Outcome]]] = deque()

    def admit(self, count: int = 1) -> None:
        """Takes `count` places. Raises Unavailable when there are not as many."""
        if self.open + count > self._limit:
            raise self._at_limit()
        self.open += count

    def release(self, count: int = 1) -> None:
        """Gives places back."""
        self.open -= count

    def ask(self, ask: Ask) -> None:
        """Puts a question to those of this turn."""
        _, stream, method, _, _ = ask
        if stream.deadline is not None:
            self.recheck = True
        asks = self._pending.get(method)
        if asks is None:
            self._pending[method] = [ask]
        else:
            asks.append(ask)

    def touch(self, connection: Connection) -> None:
        """Has the loop send what the connection collected."""
        self.touched[connection] = None

    def run(self) -> None:
        """Answers what this turn brought, and what threads have finished."""
        while self._done:
            asks, batch, outcomes = self._done.popleft()
            self._queued_seconds -= batch.expected_seconds
            self.release(_places(asks))
            self._answer(asks, outcomes)
        while self._pending:
            method, asks = self._pending.popitem()
            live = asks
            if self.recheck or self.open >= self._limit:
                live = [ask for ask in asks if self._may_run(ask)]
                if not live:
                    continue
            for batch in method.plan([message for _, _, _, message, _ in live]):
                chosen = [live[place] for place in batch.places]
                if batch.expected_seconds <= INLINE_SECONDS * len(chosen):
                    self._answer(chosen, batch.run())
                else:
                    self._hand_over(batch, chosen)
        self.recheck = False

    def deliver(self, connection: Connection, stream: Stream, message: bytes) -> None:
        """The answer of a unary call."""
        connection.sender.answer(stream, message)
        if not stream.outgoing:
            connection.finish(stream)
        self.touched[connection] = None
        if self._observer is not None:
            self._count(stream, Code.OK, message)

    def end(self, connection: Connection, stream: Stream, code: Code, text: str) -> None:
        """The end of a call, after the messages that are on their way."""
        if stream.answered or stream.closed:
            return
        connection.sender.finish(stream, code, text)
        if not stream.outgoing:
            connection.finish(stream)
        self.touched[connection] = None
        cancel, stream.cancel = stream.cancel, None
        if cancel is not None:
            cancel()
        self._count(stream, code)

    def close(self) -> None:
        """Starts nothing more in threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _at_limit(self) -> Unavailable:
        return Unavailable(
            "the service is at its limit",
            why=f"{self._limit} requests and streams are open",
            remedy="ask again later, or raise INFERENCE_MAX_CONCURRENT",
        )

    def _may_run(self, ask: Ask) -> bool:
        """Not if the client gave up, all places are taken, or its deadline has passed."""
        _, stream, _, _, slot = ask
        if stream.closed or stream.answered:
            return False
        if self.open >= self._limit and slot is None:
            self._refuse(ask, self._at_limit())
            return False
        if stream.deadline is None or stream.deadline > self._now():
            return True
        self._refuse(ask, CannotBeInTime("the deadline passed before the question was begun"))
        return False

    def _hand_over(self, batch: Batch, asks: list[Ask]) -> None:
        """Gives a slow batch to a thread, unless it cannot be in time or there is no place."""
        wait = batch.expected_seconds + self._queued_seconds / self._workers
        streams = [stream for _, stream, _, _, _ in asks]
        deadlines = [stream.deadline for stream in streams if stream.deadline is not None]
        try:
            if len(deadlines) == len(asks) and max(deadlines) < self._now() + wait:
                raise CannotBeInTime(
                    "the answer would come after the deadline",
                    why=f"{self._queued_seconds:.3g} s of other work wait before it",
                    remedy="ask again later, or with a longer deadline",
                )
            self.admit(_places(asks))
        except Unavailable as error:
            for ask in asks:
                self._refuse(ask, error)
            return
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor  # not where every model is quick

            self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="model")
        self._queued_seconds += batch.expected_seconds
        self._pool.submit(self._work, batch, asks)

    def _work(self, batch: Batch, asks: list[Ask]) -> None:
        outcomes: list[Outcome]
        if all(stream.closed or stream.answered for _, stream, _, _, _ in asks):
            outcomes = [CannotBeInTime("nobody waits for the answer")] * len(asks)
        else:
            outcomes = list(batch.run())
        self._done.append((asks, batch, outcomes))
        self._wake()

    def _answer(self, asks: list[Ask], outcomes: Sequence[Outcome]) -> None:
        delivered = 0
        largest, each, touched = self._largest, self._each, self.touched
        for ask, outcome in zip(asks, outcomes, strict=True):
            connection, stream, _, _, slot = ask
            if stream.closed or stream.answered:
                continue
            if slot is None and type(outcome) is bytes and len(outcome) <= largest:
                if each:
                    self.deliver(connection, stream, outcome)
                    continue
                connection.sender.answer(stream, outcome)
                if not stream.outgoing:
                    connection.finish(stream)
                touched[connection] = None
                delivered += 1
                continue
            if not isinstance(outcome, Exception) and len(outcome) > self._largest:
                outcome = answer_too_large(len(outcome), self._largest)
            if slot is not None:
                self._fill(ask, slot, outcome)
            elif isinstance(outcome, Exception):
                self.end(connection, stream, *status_of(outcome))
            else:
                self.deliver(connection, stream, outcome)

        if delivered and self._observer is not None:  # what came together is told together
            stream = asks[0][1]
            seconds = self._now() - stream.started
            self._observer.observed(stream.head.path, seconds, delivered)

    def _refuse(self, ask: Ask, error: Exception) -> None:
        self._answer([ask], [error])

    def _fill(self, ask: Ask, slot: list[Outcome | None], outcome: Outcome) -> None:
        """Puts an answer in its place and sends those that are next in turn."""
        connection, stream, method, message, _ = ask
        if isinstance(outcome, Exception) and method.as_message is not None:
            outcome = method.as_message(bytes(message), outcome)
        slot[0] = outcome
        slots = stream.slots
        while slots and slots[0][0] is not None:
            answer = slots.popleft()[0]
            if isinstance(answer, Exception):
                self.end(connection, stream, *status_of(answer))
                return
            connection.sender.message(stream, answer)
        self.touched[connection] = None
        self._advance(connection, stream)

    def _count(self, stream: Stream, code: Code, answer: bytes | None = None) -> None:
        if self._observer is not None:
            head, seconds = stream.head, self._now() - stream.started
            self._observer.observe(head.path, code, seconds, head.traceparent, answer)


def _places(asks: Sequence[Ask]) -> int:
    """How many places they take: those of a stream have the place of their stream."""
    return sum(slot is None for _, _, _, _, slot in asks)
