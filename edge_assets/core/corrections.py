"""Routed telemetry of kind `corrections` becomes labelled rows: of each input, the last word.

Technicians correct labels in a module beside the model. Delivery is at least once: a correction
counts once for its id. Of two corrections of one input that one counts which came later to the hub,
within one message that which is later by the device's clock. The order of the lines is of no
importance. What cannot be read is set aside with its reason; nothing is dropped uncounted.
"""

import csv
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from edge_assets.core.config_schema import ModelConfig
from edge_assets.core.correction_records import KIND, Row, read_correction
from edge_assets.core.messages import (
    Account,
    Bounds,
    MalformedError,
    Message,
    Place,
    SetAside,
    read_messages,
)
from protos.digests import digest_bytes, short


@dataclass(frozen=True)
class Corrections:
    """The table and the account: every correction is in the table or in one of the counts."""

    frame: pd.DataFrame
    """The model's inputs and its target, sorted by them; each input once."""
    oldest: datetime | None
    """When the hub took the first of those in the table."""
    files: tuple[str, ...]
    """The files that hold what is in the table."""
    marks: tuple[str, ...]
    """Of those in the table, in the order in which they came; see `mark`."""
    superseded: tuple[str, ...]
    """Marks of those that a later word about the same input replaced, in their order."""
    devices: tuple[str, ...]
    duplicates: int
    """Delivered again, or taken before."""
    malformed: int
    """Lines and corrections set aside; `set_aside` holds the first of them, with reasons."""
    other: int
    """Messages of another kind or of another model."""
    outside: int
    """Messages enqueued outside of the window."""
    over_limit: int
    """Corrections beyond the limit of rows; the telemetry files still have them."""
    set_aside: tuple[SetAside, ...] = ()


@dataclass(frozen=True, order=True)
class _Taken:
    """Sorts as one word follows another: by the hub's clock, then by the device's."""

    enqueued: datetime
    time: datetime
    id: str
    content: str
    device: str
    file: str
    row: Row = field(compare=False)


@dataclass
class _Collector(Account):
    config: ModelConfig = field(kw_only=True)
    known: Collection[str] = ()
    taken: dict[str, _Taken] = field(default_factory=dict)

    def take(self, file: str, message: Message, value: object) -> None:
        told = read_correction(value, self.config, self.bounds)
        new = _Taken(
            message.enqueued, told.time, told.id, told.content, message.device, file, told.row
        )
        old = self.taken.get(new.id)
        if mark(new.id) in self.known:
            self.counts["duplicates"] += 1
        elif old is not None:
            self.taken[new.id] = min(old, new)  # the first that came, whichever is read first
            if new.content != old.content:
                raise MalformedError("its correction_id is used for other content as well")
            self.counts["duplicates"] += 1
        elif len(self.taken) < self.bounds.rows:
            self.taken[new.id] = new
        else:
            self.counts["over_limit"] += 1

    def finish(self) -> Corrections:
        in_order = sorted(self.taken.values())
        last = {taken.row[:-1]: taken for taken in in_order}
        kept = [taken for taken in in_order if last[taken.row[:-1]] is taken]
        lost = [taken for taken in in_order if last[taken.row[:-1]] is not taken]
        names = (*self.config.data.inputs, self.config.prediction.target)
        rows = sorted((taken.row for taken in kept), key=_by_value)
        counts = self.counts
        return Corrections(
            pd.DataFrame({name: [row[place] for row in rows] for place, name in enumerate(names)}),
            oldest=kept[0].enqueued if kept else None,
            files=tuple(sorted({taken.file for taken in kept})),
            marks=tuple(mark(taken.id) for taken in kept),
            superseded=tuple(mark(taken.id) for taken in lost),
            devices=tuple(sorted({taken.device for taken in kept})),
            duplicates=counts["duplicates"],
            malformed=counts["malformed"],
            other=counts["other"],
            outside=counts["outside"],
            over_limit=counts["over_limit"],
            set_aside=tuple(self.set_aside),
        )


def parse_corrections(
    lines: Iterable[tuple[str, bytes]],
    config: ModelConfig,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    taken: Collection[str] = (),
    bounds: Bounds | None = None,
) -> Corrections:
    """The corrections of the model in `lines`, pairs of (file, line).

    `start` and `end` (UTC) keep the messages that the hub took in [start, end); `taken` holds the
    marks of corrections that were taken before. Raises nothing for bad content: that is set aside.
    """
    collector = _Collector(bounds or Bounds(), config=config, known=taken)
    found = read_messages(lines, KIND, collector, model=config.name, start=start, end=end)
    for line, message in found:
        for number, value in enumerate(message.records):
            try:
                collector.take(line.file, message, value)
            except MalformedError as error:
                collector.refuse(Place(line.file, line.line, number), str(error))
    return collector.finish()


def mark(correction_id: str) -> str:
    """What is remembered of a correction that was taken: 12 hex digits for its id."""
    return short(digest_bytes(correction_id.encode()))


def to_csv(frame: pd.DataFrame) -> bytes:
    """The table as a delivery for the landing folder, texts in quotes."""
    text: str = frame.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    return text.encode()


def _by_value(row: Row) -> list[tuple[bool, Any]]:
    """Sorts rows by their columns; unknown values come first."""
    return [(value is not None, "" if value is None else value) for value in row]
