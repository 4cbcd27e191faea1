"""Sealed segments to messages: a pure function of their bytes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from edge.modules.hub_client import OutgoingMessage

# IoT Hub takes 256 KB a message, properties included; this leaves room for them.
MAX_BODY_BYTES = 200 * 1024


@dataclass
class Split:
    """The messages of one segment, and how many of its lines could not be sent at all."""

    messages: list[OutgoingMessage] = field(default_factory=list)
    unreadable: int = 0
    too_large: int = 0


def split_segment(name: str, data: bytes, max_body_bytes: int = MAX_BODY_BYTES) -> Split:
    """The records of the segment `name` as messages, in order, one model a message.

    Each body is a JSON array of at most `max_body_bytes`. Message ids depend on the segment alone,
    so that what is sent twice can be recognised.
    """
    split = Split()
    batch: list[bytes] = []
    size, current = 2, ""
    for model, line in _records(data, split):
        if len(line) + 2 > max_body_bytes:
            split.too_large += 1
            continue
        if batch and (model != current or size + len(line) + 1 > max_body_bytes):
            split.messages.append(_message(name, len(split.messages), current, batch))
            batch, size = [], 2
        batch.append(line)
        size += len(line) + (len(batch) > 1)
        current = model
    if batch:
        split.messages.append(_message(name, len(split.messages), current, batch))
    return split


def _records(data: bytes, split: Split) -> Iterator[tuple[str, bytes]]:
    for line in data.split(b"\n"):
        line = line.strip()
        if not line:
            continue
        try:
            record = json.loads(line)
            model = record["model"]
        except (ValueError, KeyError, TypeError):
            model = None
        if isinstance(model, str) and model:
            yield model, line
        else:
            split.unreadable += 1


def _message(name: str, number: int, model: str, lines: list[bytes]) -> OutgoingMessage:
    return OutgoingMessage(
        message_id=f"{name}-{number}",
        body=b"[" + b",".join(lines) + b"]",
        properties={"kind": "capture", "model": model},
    )
