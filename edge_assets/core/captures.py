"""Routed telemetry becomes one tidy table of predictions, each row once.

Delivery is at least once: a record counts once for its device and request id. What cannot be read
is set aside with its file, line and reason; nothing is dropped without being counted.

The table has one row a predicted row. Columns: `device`, `enqueued` (when the hub took the
message), `time` (by the device's own clock, which may be wrong), `model`, `model_digest`,
`request_id`, `row` (its place in the request, from 0), then `input.<name>` and `output.<name>`:
with their side before the name, no column of a model can shadow another.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from edge_assets.core.capture_records import KIND, Record, read_record
from edge_assets.core.messages import (
    Account,
    Bounds,
    MalformedError,
    Message,
    Place,
    SetAside,
    read_messages,
)

IDENTITY = ("device", "enqueued", "time", "model", "model_digest", "request_id", "row")
INPUT, OUTPUT = "input.", "output."


@dataclass(frozen=True)
class Captures:
    """The table and the account of what did not come into it.

    Every record of the lines is either in the table or in exactly one of the counts.
    """

    frame: pd.DataFrame
    records: int
    duplicates: int
    """Delivered again, with the same content."""
    malformed: int
    """Lines and records set aside; `set_aside` holds the first of them, with reasons."""
    other: int
    """Messages of another kind, and records of another model."""
    outside: int
    """Messages enqueued outside of the window."""
    over_limit: int
    """Records beyond the limits of rows and of image bytes; the telemetry files still have them."""
    set_aside: tuple[SetAside, ...] = ()


@dataclass(frozen=True)
class _Taken:
    """A record that may come into the table, and where it was found."""

    place: Place
    device: str
    enqueued: datetime
    record: Record


@dataclass
class _Collector(Account):
    model: str | None = None
    taken: list[_Taken] = field(default_factory=list)
    seen: dict[tuple[str, str], str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    rows: int = 0
    image_bytes: int = 0

    def take(self, place: Place, message: Message, value: object) -> None:
        record = read_record(value, self.bounds)
        if self.model is not None and record.model != self.model:
            self.counts["other"] += 1
            return
        key = (message.device, record.request_id)
        known = self.seen.get(key)
        if known is not None and known != record.content:
            raise MalformedError("its request_id was used before for other content")
        if known is not None:
            self.counts["duplicates"] += 1
        elif (
            self.rows + record.rows > self.bounds.rows
            or self.image_bytes + record.image_bytes > self.bounds.image_bytes
        ):
            self.counts["over_limit"] += 1
        elif len(self.names | _sides(record).keys()) > 2 * self.bounds.columns:
            raise MalformedError("with it the table would have too many columns")
        else:
            self.names |= _sides(record).keys()
            self.seen[key] = record.content
            self.rows += record.rows
            self.image_bytes += record.image_bytes
            self.taken.append(_Taken(place, message.device, message.enqueued, record))

    def settle(self) -> None:
        """Sets aside the records whose columns are of another kind than in most rows.

        One device that sends text for a number must not make the column unusable for all.
        """
        votes: dict[str, Counter[str]] = {}
        for taken in self.taken:
            for name, kind in taken.record.kinds.items():
                votes.setdefault(name, Counter())[kind] += taken.record.rows
        usual = {name: count.most_common(1)[0][0] for name, count in votes.items()}
        kept = []
        for taken in self.taken:
            odd = [name for name, kind in taken.record.kinds.items() if kind != usual[name]]
            if odd:
                reason = f"{odd[0]} is {taken.record.kinds[odd[0]]}, elsewhere {usual[odd[0]]}"
                self.refuse(taken.place, reason)
            else:
                kept.append(taken)
        self.taken = kept

    def frame(self) -> pd.DataFrame:
        sides = {name: None for taken in self.taken for name in _sides(taken.record)}
        ordered = sorted(sides, key=lambda name: (name.startswith(OUTPUT), name))
        columns: dict[str, list[Any]] = {name: [] for name in (*IDENTITY, *ordered)}
        for taken in self.taken:
            record, rows = taken.record, taken.record.rows
            values = _sides(record)
            values["row"] = list(range(rows))
            same = {
                "device": taken.device,
                "enqueued": taken.enqueued,
                "time": record.time,
                "model": record.model,
                "model_digest": record.model_digest,
                "request_id": record.request_id,
            }
            values |= {name: [value] * rows for name, value in same.items()}
            for name, column in columns.items():
                column.extend(values.get(name) or [None] * rows)
        frame = pd.DataFrame({name: pd.Series(column) for name, column in columns.items()})
        for name in ("enqueued", "time"):
            frame[name] = frame[name].astype("datetime64[us, UTC]")
        return frame.astype({"row": "int64"})


def _sides(record: Record) -> dict[str, list[Any]]:
    return {
        **{INPUT + name: values for name, values in record.inputs.items()},
        **{OUTPUT + name: values for name, values in record.outputs.items()},
    }


def parse_captures(
    lines: Iterable[tuple[str, bytes]],
    *,
    model: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    bounds: Bounds | None = None,
) -> Captures:
    """The captures in `lines`, pairs of (file, line) in the order of delivery.

    `model` keeps the records of one edge model only; `start` and `end` (UTC) keep the messages
    that the hub took in [start, end). Memory is bounded by `bounds.rows`. Raises nothing for bad
    content: that is set aside.
    """
    collector = _Collector(bounds or Bounds(), model=model)
    for line, message in read_messages(lines, KIND, collector, start=start, end=end):
        for number, value in enumerate(message.records):
            place = Place(line.file, line.line, number)
            try:
                collector.take(place, message, value)
            except MalformedError as error:
                collector.refuse(place, str(error))
    collector.settle()
    counts = collector.counts
    return Captures(
        collector.frame(),
        records=len(collector.taken),
        duplicates=counts["duplicates"],
        malformed=counts["malformed"],
        other=counts["other"],
        outside=counts["outside"],
        over_limit=counts["over_limit"],
        set_aside=tuple(collector.set_aside),
    )


def inputs_of(frame: pd.DataFrame) -> pd.DataFrame:
    """The inputs as the model knows them: `input.<name>` columns, named `<name>`."""
    return _side(frame, INPUT)


def outputs_of(frame: pd.DataFrame) -> pd.DataFrame:
    """The outputs as the model gave them: `output.<name>` columns, named `<name>`."""
    return _side(frame, OUTPUT)


def _side(frame: pd.DataFrame, prefix: str) -> pd.DataFrame:
    names = [str(name) for name in frame.columns if str(name).startswith(prefix)]
    return frame[names].rename(columns={name: name.removeprefix(prefix) for name in names})
