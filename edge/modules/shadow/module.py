"""The shadow module: when it looks, asks and tells, and what it lets go when it cannot keep up.

Four things are bounded: the questions that wait (count and bytes), how long one may wait, each call
to the candidate, and the pairs that wait for the hub. What is let go is counted by its cause, and
the counts travel with the pairs: a comparison that does not know what is missing is worth little.
"""

import asyncio
import logging
import time
import uuid
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.modules.environment import module_id, number_setting
from edge.modules.hub_client import ModuleClient, OutgoingMessage
from edge.modules.runner import sleep_unless, until_done
from edge.modules.shadow.asking import Asker, UnfitQuestion
from edge.modules.shadow.questions import Question, as_pair, body_of, read_question
from edge.modules.shadow.tail import Tail
from protos.comparison import COUNTS, KIND
from protos.errors import ConfigurationError, Unavailable, VerificationFailed

log = logging.getLogger(__name__)

QUEUE_LENGTH = 1024
QUEUE_BYTES = 8 << 20
OUTBOX_PAIRS = 4096
OUTBOX_BYTES = 8 << 20
MAX_BODY_BYTES = 200 * 1024  # IoT Hub takes 256 KB a message, properties included
_RETRY_SECONDS = 1.0
_SUFFIX = "_shadow"


@dataclass(frozen=True)
class ShadowConfig:
    """Where the champion's captures are, whom to ask, and how long anything may take.

    `target` is host:port of the candidate. Every `time_every`th question is put to the champion at
    `champion` once more, uncaptured, only to be timed under the same conditions (0: never).
    """

    folder: Path
    target: str
    model: str
    champion: str = ""
    time_every: int = 10
    look_seconds: float = 0.5
    send_seconds: float = 5.0
    call_seconds: float = 5.0
    late_seconds: float = 30.0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "ShadowConfig":
        """Reads CAPTURE_DIR, SHADOW_TARGET, SHADOW_CHAMPION, MODEL_NAME, SHADOW_*_SECONDS.

        Without MODEL_NAME the model is what the module id says: `<model>_shadow`. Raises
        ConfigurationError.
        """
        folder, target = environ.get("CAPTURE_DIR", ""), environ.get("SHADOW_TARGET", "")
        if not folder:
            raise ConfigurationError(
                "CAPTURE_DIR is not set",
                why="the shadow must know where the champion's captures are",
                remedy="set it to the folder that the champion's service captures into",
            )
        champion = environ.get("SHADOW_CHAMPION", "")
        for name, value in (("SHADOW_TARGET", target), ("SHADOW_CHAMPION", champion or "-:0")):
            if not value.rpartition(":")[0]:
                raise ConfigurationError(
                    f"{name} is {value!r}",
                    why="the shadow must know whom to ask",
                    remedy="set it to host:port of an inference service",
                )
        own_id = module_id(environ)
        derived = own_id.removesuffix(_SUFFIX) if own_id.endswith(_SUFFIX) else ""
        model = environ.get("MODEL_NAME", "") or derived
        if not model:
            raise ConfigurationError(
                "the shadow does not know which model to ask",
                why=f"the module is not called <model>{_SUFFIX}",
                remedy="set MODEL_NAME",
            )

        def seconds(name: str, default: float) -> float:
            return number_setting(environ, f"SHADOW_{name}_SECONDS", default, 0.05, 86400)

        return cls(
            folder=Path(folder),
            target=target,
            model=model,
            champion=champion,
            time_every=int(number_setting(environ, "SHADOW_TIME_EVERY", cls.time_every, 0, 1e6)),
            look_seconds=seconds("LOOK", cls.look_seconds),
            send_seconds=seconds("SEND", cls.send_seconds),
            call_seconds=seconds("CALL", cls.call_seconds),
            late_seconds=seconds("LATE", cls.late_seconds),
        )


class Shadow:
    """Looks, asks and sends, each in a task of its own, so that a slow hub holds up no question.

    At most once: pairs that wait are lost with the process. A module that starts again reads the
    open segment from its beginning, so a pair may come twice, under the same request id.
    """

    def __init__(self, config: ShadowConfig, client: ModuleClient) -> None:
        self._config = config
        self._client = client
        self._questions: deque[tuple[float, Question]] = deque()
        self._waiting_bytes = 0
        self._outbox: deque[bytes] = deque()
        self._outbox_bytes = 0
        self._new = asyncio.Event()
        self._untold: Counter[str] = Counter()
        self._total: Counter[str] = Counter()
        self._boot = uuid.uuid4().hex[:12]
        self._messages = 0

    def counters(self) -> Mapping[str, int]:
        """`pairs` made, and of each of `protos.comparison.COUNTS` how many, since the start."""
        return {name: self._total[name] for name in ("pairs", *COUNTS)}

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set; what waits then is sent if the hub takes it at once."""
        asker = Asker(self._config.target, self._config.model, self._config.call_seconds)
        champion = (
            Asker(self._config.champion, self._config.model, self._config.call_seconds)
            if self._config.champion and self._config.time_every
            else None
        )
        tasks: list[asyncio.Task[None]] = []
        try:
            if not await until_done(self._client.connect, stop):
                return
            tasks = [
                asyncio.create_task(work)
                for work in (self._look(stop), self._ask(asker, champion, stop), self._tell(stop))
            ]
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            asker.close()
            if champion is not None:
                champion.close()
            await self._client.close()

    def offer(self, line: bytes, now: float) -> None:
        """Queues the question of a line; another model's is passed over, one too many counted."""
        try:
            question = read_question(line)
        except ValueError:
            self._count("unfit")
            return
        if question.model != self._config.model:
            return
        full = self._waiting_bytes + question.size > QUEUE_BYTES
        if full or len(self._questions) >= QUEUE_LENGTH:
            self._count("dropped")
            return
        self._questions.append((now, question))
        self._waiting_bytes += question.size
        self._new.set()

    def keep(self, pair: bytes) -> None:
        """Puts a pair into the outbox; the oldest ones go when the hub has been away too long."""
        if len(pair) + 2 > MAX_BODY_BYTES:
            self._count("unfit")
            return
        self._total["pairs"] += 1
        self._outbox.append(pair)
        self._outbox_bytes += len(pair)
        while len(self._outbox) > OUTBOX_PAIRS or self._outbox_bytes > OUTBOX_BYTES:
            self._outbox_bytes -= len(self._outbox.popleft())
            self._count("unsent")

    async def send(self) -> None:
        """Sends what waits, with the counts of what is missing. Raises Unavailable: it stays."""
        while self._outbox or self._untold:
            pairs: list[bytes] = []
            size = 2
            for pair in self._outbox:
                if pairs and size + len(pair) + 1 > MAX_BODY_BYTES:
                    break
                pairs.append(pair)
                size += len(pair) + 1
            counts = Counter(self._untold)
            self._messages += 1
            await self._client.send(
                OutgoingMessage(
                    message_id=f"{self._boot}-{self._messages}",
                    body=body_of(pairs),
                    properties={
                        "kind": KIND,
                        "model": self._config.model,
                        **{name: str(counts[name]) for name in COUNTS if counts[name]},
                    },
                )
            )
            # While it was on its way others may have been pushed out: remove what was sent only.
            for pair in pairs:
                if self._outbox and self._outbox[0] is pair:
                    self._outbox_bytes -= len(self._outbox.popleft())
            self._untold -= counts

    async def _look(self, stop: asyncio.Event) -> None:
        tail = await asyncio.to_thread(Tail, self._config.folder)
        try:
            while not stop.is_set():
                try:
                    for line in await asyncio.to_thread(tail.read):
                        self.offer(line, time.monotonic())
                except OSError as error:
                    log.warning("captures cannot be read: %s", error.strerror)
                await sleep_unless(stop, self._config.look_seconds)
        finally:
            tail.close()
            self._new.set()  # lets the asking end

    async def _ask(self, asker: Asker, champion: Asker | None, stop: asyncio.Event) -> None:
        asked = 0
        while not stop.is_set():
            if not self._questions:
                self._new.clear()
                await self._new.wait()
                continue
            came, question = self._questions.popleft()
            self._waiting_bytes -= question.size
            if time.monotonic() - came > self._config.late_seconds:
                self._count("late")
                continue
            asked += 1
            turn, left = divmod(asked, max(1, self._config.time_every))
            timed = champion if left == 0 else None
            try:
                self.keep(await asyncio.to_thread(_both, asker, timed, question, turn % 2 == 0))
            except (UnfitQuestion, ValueError):
                self._count("unfit")
            except VerificationFailed:
                self._count("refused")
            except Unavailable as error:
                self._count("failed")
                log.warning("no answer of the candidate: %s", error)
                await sleep_unless(stop, _RETRY_SECONDS)

    async def _tell(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await sleep_unless(stop, self._config.send_seconds)
            try:
                await self.send()
                await self._client.report({"shadow": dict(self.counters())})
            except Unavailable as error:
                log.warning("pairs stay for now: %s", error)

    def _count(self, cause: str) -> None:
        self._untold[cause] += 1
        self._total[cause] += 1


def _both(asker: Asker, champion: Asker | None, question: Question, champion_first: bool) -> bytes:
    """The pair of a question; `champion` is given where it is to be timed too.

    Who is asked first wakes the processor for the other: so they take turns in being first.
    """
    early = _timed(champion, question) if champion_first else None
    answer = asker.ask(question)
    late = None if champion_first else _timed(champion, question)
    return as_pair(question, answer, early if champion_first else late)


def _timed(champion: Asker | None, question: Question) -> float | None:
    """Milliseconds of the champion; None where it cannot be timed, which costs no pair."""
    if champion is None:
        return None
    try:
        again = champion.ask(question)
    except (Unavailable, VerificationFailed):
        log.info("the champion could not be timed")
        return None
    # Swapped for another model meanwhile, it would be timed in the wrong one's name.
    return again.milliseconds if again.digest == question.champion_digest else None
