"""Routed telemetry of kind `comparison` becomes one table of pairs, each row once.

Nothing of a message is trusted but what the hub wrote: who sent it and when it came. What cannot be
read is counted; what the devices themselves had to let go, they tell with their messages.

The table has one row a predicted row. Columns: `device`, `enqueued`, `request_id`, `row` (from 0),
`input` (hash of the row's inputs), `champion_digest`, `candidate_digest`, `champion_ms`,
`candidate_ms` (NaN where not measured), then `champion.<output>` and `candidate.<output>`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Self

import pandas as pd
import pydantic
from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge_assets.core.messages import Account, Place, read_messages
from protos.comparison import COUNTS, KIND

CHAMPION, CANDIDATE = "champion.", "candidate."
MAX_ROWS = 200_000

_Name = Annotated[str, Field(min_length=1, max_length=512)]
_Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
_Time = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Value = bool | int | Annotated[float, Field(allow_inf_nan=False)] | str | None
_Outputs = Annotated[dict[_Name, list[_Value]], Field(min_length=1, max_length=64)]


class Pair(BaseModel):
    """One request that both models answered; outputs are flat."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    request_id: _Name
    model: _Name
    rows: int = Field(ge=1, le=10_000)
    champion_digest: _Digest
    candidate_digest: _Digest
    inputs: list[Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]]
    champion: _Outputs
    candidate: _Outputs
    champion_ms: _Time | None = None
    candidate_ms: _Time | None = None

    @model_validator(mode="after")
    def _rows_fit(self) -> Self:
        sides = (*self.champion.values(), *self.candidate.values())
        if len(self.inputs) != self.rows or any(not v or len(v) % self.rows for v in sides):
            raise ValueError("it has no whole number of values a row")
        return self


@dataclass(frozen=True)
class Pairs:
    """The table, and the account of what did not come into it."""

    frame: pd.DataFrame
    requests: int
    duplicates: int
    malformed: int
    other: int
    """Pairs of another model; messages of another kind are not counted."""
    over_limit: int
    lost: Mapping[str, int]
    """What the devices let go, by cause (`protos.comparison.COUNTS`)."""


@dataclass
class _Collector(Account):
    model: str = ""
    columns: dict[str, list[Any]] = field(default_factory=dict)
    rows: int = 0
    requests: set[tuple[str, str]] = field(default_factory=set)
    messages: set[tuple[str, str]] = field(default_factory=set)
    pairs_of_others: int = 0

    def take(self, device: str, enqueued: datetime, value: Any) -> None:
        pair = Pair.model_validate(value)
        if pair.model != self.model:
            self.pairs_of_others += 1
        elif (device, pair.request_id) in self.requests:
            self.counts["duplicates"] += 1
        elif self.rows + pair.rows > MAX_ROWS:
            self.counts["over_limit"] += 1
        else:
            self.requests.add((device, pair.request_id))
            self._add(device, enqueued, pair)

    def _add(self, device: str, enqueued: datetime, pair: Pair) -> None:
        rows = pair.rows
        same = {
            "device": device,
            "enqueued": enqueued,
            "request_id": pair.request_id,
            "champion_digest": pair.champion_digest,
            "candidate_digest": pair.candidate_digest,
            "champion_ms": pair.champion_ms,
            "candidate_ms": pair.candidate_ms,
        }
        made: dict[str, list[Any]] = {name: [value] * rows for name, value in same.items()}
        made["row"], made["input"] = list(range(rows)), list(pair.inputs)
        for side, outputs in ((CHAMPION, pair.champion), (CANDIDATE, pair.candidate)):
            for name, flat in outputs.items():
                width = len(flat) // rows
                made[side + name] = (
                    flat if width == 1 else [flat[n * width :][:width] for n in range(rows)]
                )
        for name in made.keys() - self.columns.keys():
            self.columns[name] = [None] * self.rows
        for name, column in self.columns.items():
            column.extend(made.get(name) or [None] * rows)
        self.rows += rows

    def frame(self) -> pd.DataFrame:
        first = ("device", "enqueued", "request_id", "row", "input")
        second = ("champion_digest", "candidate_digest", "champion_ms", "candidate_ms")
        known = (*first, *second, *sorted(self.columns.keys() - {*first, *second}))
        frame = pd.DataFrame({n: pd.Series(self.columns.get(n, []), dtype=object) for n in known})
        return frame.astype(
            {
                "row": "int64",
                "enqueued": "datetime64[us, UTC]",
                "champion_ms": "float64",
                "candidate_ms": "float64",
            }
        )


def parse_pairs(
    lines: Iterable[tuple[str, bytes]], *, model: str, start: datetime, end: datetime
) -> Pairs:
    """The pairs in `lines`, (file, line), that the hub took in [start, end).

    Raises nothing for bad content: that is counted.
    """
    collector = _Collector(model=model)
    lost: Counter[str] = Counter()
    # most messages are captures: not worth reading
    told = ((file, line) for file, line in lines if KIND.encode() in line)
    for place, message in read_messages(told, KIND, collector, start=start, end=end):
        again = (message.device, message.id)
        if message.properties.get("model") == model and not (
            message.id and again in collector.messages
        ):
            collector.messages.add(again)
            lost.update({name: _number(message.properties.get(name)) for name in COUNTS})
        for number, value in enumerate(message.records):
            try:
                collector.take(message.device, message.enqueued, value)
            except pydantic.ValidationError as error:
                reason = str(error.errors(include_url=False, include_input=False)[0]["msg"])
                collector.refuse(Place(place.file, place.line, number), reason)
    counts = collector.counts
    return Pairs(
        collector.frame(),
        requests=len(collector.requests),
        duplicates=counts["duplicates"],
        malformed=counts["malformed"],
        other=collector.pairs_of_others,
        over_limit=counts["over_limit"],
        lost={name: lost[name] for name in COUNTS},
    )


def _number(text: object) -> int:
    """A count of a device; anything else is none."""
    return int(text) if isinstance(text, str) and text.isdecimal() and len(text) < 12 else 0
