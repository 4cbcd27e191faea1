"""Routed telemetry, read: from JSON lines of the hub to messages of one kind, with their records.

A line is `{"EnqueuedTimeUtc", "Properties", "SystemProperties", "Body"}`. The body holds a list of
records, as JSON, or as base64 text when the sender did not declare JSON in UTF-8. Nothing of it is
trusted but what the hub itself wrote: who sent it and when it came. What cannot be read is set
aside with its file, line and reason; nothing is dropped without being counted.
"""

import base64
import binascii
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn


class MalformedError(ValueError):
    """What is wrong with a line or a record, in one clause."""


@dataclass(frozen=True)
class Bounds:
    """What is accepted at most. IoT Hub's messages have 256 KB, base64 makes 342 KB of them."""

    line_bytes: int = 1 << 20
    rows_per_record: int = 10_000
    columns: int = 256
    text: int = 100_000
    rows: int = 200_000
    image_bytes: int = 256 << 20
    reasons: int = 100


@dataclass(frozen=True)
class Message:
    """A message: the sending device, when the hub took it, the raw records."""

    device: str
    enqueued: datetime
    properties: Mapping[str, Any]
    id: str
    """The sender's, empty where it gave none."""
    records: list[Any]


@dataclass(frozen=True)
class Place:
    """A line (from 1) of a file, or one record of it (from 0; -1: the line)."""

    file: str
    line: int
    record: int = -1


@dataclass(frozen=True)
class SetAside:
    """A line (from 1) or one record of it (from 0; -1: the line) that could not be used."""

    file: str
    line: int
    record: int
    reason: str


@dataclass
class Account:
    """What did not come into a table: `counts` by cause, and the first that was set aside."""

    bounds: Bounds = field(default_factory=Bounds)
    counts: Counter[str] = field(default_factory=Counter)
    set_aside: list[SetAside] = field(default_factory=list)

    def refuse(self, place: Place, reason: str) -> None:
        """Counts what is at `place` as malformed."""
        self.counts["malformed"] += 1
        if len(self.set_aside) < self.bounds.reasons:
            self.set_aside.append(SetAside(place.file, place.line, place.record, reason))


def read_messages(
    lines: Iterable[tuple[str, bytes]],
    kind: str,
    account: Account,
    *,
    model: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Iterator[tuple[Place, Message]]:
    """The messages of one kind in `lines`, pairs of (file, line), in their order.

    With `model` those of one edge model only; `start` and `end` (UTC) keep what the hub took in
    [start, end). What is left out stands in the account as `other`, `outside` or `malformed`.
    """
    file, number = "", 0
    for name, line in lines:
        number = number + 1 if name == file else 1
        file = name
        if not line.strip():
            continue
        place = Place(file, number)
        try:
            message = read_message(line, kind, account.bounds, model)
        except MalformedError as error:
            account.refuse(place, str(error))
            continue
        if message is None:
            account.counts["other"] += 1
        elif (start and message.enqueued < start) or (end and message.enqueued >= end):
            account.counts["outside"] += 1
        else:
            yield place, message


def read_message(
    line: bytes, kind: str, bounds: Bounds, model: str | None = None
) -> Message | None:
    """The message of a line; None when it is of another kind or model. Raises MalformedError."""
    if len(line) > bounds.line_bytes:
        raise MalformedError(f"the line has {len(line)} bytes, {bounds.line_bytes} are accepted")
    envelope = mapping_of(strict_json(line), "the line")
    properties = envelope.get("Properties")
    if not isinstance(properties, Mapping) or properties.get("kind") != kind:
        return None
    if model is not None and properties.get("model") != model:
        return None
    system = mapping_of(envelope.get("SystemProperties"), "SystemProperties")
    body = envelope.get("Body")
    if isinstance(body, str):
        try:
            body = strict_json(base64.b64decode(body, validate=True))
        except binascii.Error:
            raise MalformedError("the body is neither JSON nor base64") from None
    if not isinstance(body, list):
        raise MalformedError("the body is no list of records")
    device = text_of(system, "connectionDeviceId", bounds)
    sent = system.get("messageId")
    identity = sent if isinstance(sent, str) else ""
    return Message(device, time_of(envelope, "EnqueuedTimeUtc"), properties, identity, body)


def strict_json(text: bytes) -> Any:
    """JSON as the standard has it: without the words NaN and Infinity, that Python would take.

    Raises MalformedError.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        raise MalformedError("it is not JSON in UTF-8") from None


def mapping_of(value: object, what: str) -> Mapping[str, Any]:
    """`value`, if it is a JSON object. Raises MalformedError."""
    if not isinstance(value, Mapping):
        raise MalformedError(f"{what} is no JSON object")
    return value


def text_of(mapping: Mapping[str, Any], name: str, bounds: Bounds) -> str:
    """The text under `name`: there, printable, not too long. Raises MalformedError."""
    text = mapping.get(name)
    if not isinstance(text, str) or not text or len(text) > bounds.text:
        raise MalformedError(f"{name} is missing or no text")
    if not text.isprintable():
        raise MalformedError(f"{name} holds characters that cannot be printed")
    return text


def time_of(mapping: Mapping[str, Any], name: str) -> datetime:
    """The time under `name`, in UTC. Raises MalformedError."""
    try:
        time = datetime.fromisoformat(str(mapping.get(name)))
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise MalformedError(f"{name} is missing or no time") from None


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)
