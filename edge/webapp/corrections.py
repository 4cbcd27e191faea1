"""Corrections as labelled data: pure functions from records to a CSV batch and to messages."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from edge.modules.captures.messages import MAX_BODY_BYTES
from edge.modules.hub_client import OutgoingMessage
from edge.webapp.contract import Contract
from protos.digests import digest_json

KIND = "corrections"
"""The property `kind` of a message with corrections."""


@dataclass(frozen=True)
class CorrectionRecord:
    """One correction: the right `label` of `text`, and what which model had said before.

    `id` is unique over all devices; `time` in UTC; `said_confidence` from 0 to 1.
    """

    id: str
    time: datetime
    text: str
    label: int
    reason: str
    said_label: int
    said_confidence: float
    model: str
    model_digest: str

    def document(self, contract: Contract) -> dict[str, Any]:
        """The record as it is sent. Who made the correction stays on the device."""
        return {
            "correction_id": self.id,
            "time": self.time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "model": self.model,
            "model_digest": self.model_digest,
            "inputs": {contract.text: self.text},
            "label": {contract.label: self.label},
            "said": {contract.label: self.said_label, "confidence": self.said_confidence},
            "reason": self.reason,
        }


def last_words(records: Iterable[CorrectionRecord]) -> list[CorrectionRecord]:
    """Of each text the latest correction only, oldest first: a batch never contradicts itself."""
    last: dict[str, CorrectionRecord] = {}
    for record in sorted(records, key=lambda r: (r.time, r.id)):
        last.pop(record.text, None)
        last[record.text] = record
    return list(last.values())


def to_csv(records: Iterable[CorrectionRecord], contract: Contract) -> str:
    """A delivery for the landing folder: the model's text column and its target, one row each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow([contract.text, contract.label])
    writer.writerows([record.text, record.label] for record in last_words(records))
    return text.getvalue()


def batch_name(ids: Sequence[str], made: datetime) -> str:
    """`corrections-<time in UTC>-<12 hex digits of what is in it>`: unique over all devices."""
    digest = digest_json(sorted(ids)).removeprefix("sha256:")[:12]
    return f"{KIND}-{made.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest}"


def to_messages(
    name: str,
    records: Iterable[CorrectionRecord],
    contract: Contract,
    max_body_bytes: int = MAX_BODY_BYTES,
) -> list[OutgoingMessage]:
    """The batch `name` as messages, one model a message, each body a JSON array of records.

    Message ids depend on the batch alone, so that what is sent twice can be recognised. A record
    has at most a few kilobytes, so each fits.
    """
    messages: list[OutgoingMessage] = []
    lines: list[bytes] = []
    size, current = 2, ""

    def finish() -> None:
        body = b"[" + b",".join(lines) + b"]"
        properties = {"kind": KIND, "model": current}
        messages.append(OutgoingMessage(f"{name}-{len(messages)}", body, properties))

    for record in last_words(records):
        line = json.dumps(record.document(contract), separators=(",", ":")).encode()
        if lines and (record.model != current or size + len(line) + 1 > max_body_bytes):
            finish()
            lines, size = [], 2
        lines.append(line)
        size += len(line) + 1
        current = record.model
    if lines:
        finish()
    return messages
