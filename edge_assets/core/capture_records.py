"""One capture record, checked: what a device was asked in one request, and what it answered."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from edge_assets.core.messages import Bounds, MalformedError, mapping_of, text_of, time_of
from protos.digests import digest_json, is_digest

KIND = "capture"
"""Of the messages that hold such records."""


@dataclass(frozen=True)
class Record:
    """One answered request of a device; every column has one value (or list of values) a row.

    The value of an image is a PNG file, as in the rows that models learn from.
    """

    request_id: str
    time: datetime
    model: str
    model_digest: str
    rows: int
    inputs: Mapping[str, list[Any]]
    outputs: Mapping[str, list[Any]]
    kinds: Mapping[str, str]
    """Of each `input.<name>` and `output.<name>`: `number`, `text`, `truth` or `image`, with the
    width where a row has several values; columns of nulls only are not in it."""
    content: str
    """Digest of all of it: tells a second delivery from a second use of the same id."""

    @property
    def image_bytes(self) -> int:
        """Bytes of the images in it, whose sizes, unlike numbers, are not bounded by the rows."""
        return sum(
            len(value)
            for name, values in self.inputs.items()
            if self.kinds.get(f"input.{name}") == "image"
            for value in values
        )


def read_record(value: object, bounds: Bounds) -> Record:
    """The record in `value`. Raises MalformedError."""
    record = mapping_of(value, "the record")
    rows = record.get("rows")
    if (
        isinstance(rows, bool)
        or not isinstance(rows, int)
        or not 0 < rows <= bounds.rows_per_record
    ):
        raise MalformedError(f"rows must be between 1 and {bounds.rows_per_record}")
    digest = text_of(record, "model_digest", bounds)
    if not is_digest(digest):
        raise MalformedError("model_digest is no sha256 digest")
    kinds: dict[str, str] = {}
    inputs = _columns(record, "input", rows, bounds, kinds)
    outputs = _columns(record, "output", rows, bounds, kinds)
    inputs = {**inputs, **_images(record, rows, kinds)}
    try:
        content = digest_json(record)
    except ValueError:  # an infinity, or half of a surrogate pair
        raise MalformedError("it holds numbers or text that JSON has no word for") from None
    return Record(
        request_id=text_of(record, "request_id", bounds),
        time=time_of(record, "time"),
        model=text_of(record, "model", bounds),
        model_digest=digest,
        rows=rows,
        inputs=inputs,
        outputs=outputs,
        kinds=kinds,
        content=content,
    )


def _columns(
    record: Mapping[str, Any], side: str, rows: int, bounds: Bounds, kinds: dict[str, str]
) -> Mapping[str, list[Any]]:
    """The columns of one side, their values by row; adds to `kinds`."""
    columns = mapping_of(record.get(f"{side}s"), f"{side}s")
    if not columns or len(columns) > bounds.columns:
        raise MalformedError(f"{side}s must have between 1 and {bounds.columns} columns")
    made = {}
    for name, flat in columns.items():
        full = f"{side}.{name}"
        if not isinstance(flat, list) or not flat or len(flat) % rows:
            raise MalformedError(f"{full} has no whole number of values a row")
        width = len(flat) // rows
        kind = _kind(full, flat, bounds)
        if kind:
            kinds[full] = kind if width == 1 else f"{kind}[{width}]"
        made[name] = (
            flat if width == 1 else [flat[i : i + width] for i in range(0, len(flat), width)]
        )
    return made


def _images(record: Mapping[str, Any], rows: int, kinds: dict[str, str]) -> dict[str, list[Any]]:
    """The inputs that are images [rows, height, width, 1 or 3] of bytes, as PNG; adds to `kinds`.

    The values of a line are flat; what they form tells its entry `shapes`.
    """
    made: dict[str, list[Any]] = {}
    flat = mapping_of(record.get("inputs"), "inputs")
    for name, shape in mapping_of(record.get("shapes", {}), "shapes").items():
        values = flat.get(name)
        if (
            not isinstance(values, list)
            or not isinstance(shape, list)
            or not all(type(size) is int and size > 0 for size in shape)
            or shape[:1] != [rows]
            or math.prod(shape) != len(values)
        ):
            raise MalformedError(f"shapes does not fit the values of input.{name}")
        if len(shape) == 4 and shape[3] in (1, 3) and all(map(_is_byte, values)):
            import numpy as np

            from edge_assets.core.images import png_of

            pixels = np.array(values, dtype=np.uint8).reshape(shape)
            made[name] = [png_of(image) for image in pixels]
            kinds[f"input.{name}"] = "image"
    return made


def _is_byte(value: object) -> bool:
    return type(value) is int and 0 <= value <= 255


def _kind(name: str, values: list[Any], bounds: Bounds) -> str:
    """The one kind of the values; empty when all are null."""
    found = set()
    for value in values:
        if value is None:
            continue
        if isinstance(value, bool):
            found.add("truth")
        elif isinstance(value, str) and len(value) <= bounds.text:
            found.add("text")
        elif isinstance(value, float) or (isinstance(value, int) and -(2**63) <= value < 2**63):
            found.add("number")
        else:
            raise MalformedError(f"{name} holds something else than numbers, texts or truth values")
    if len(found) > 1:
        raise MalformedError(f"{name} mixes {' and '.join(sorted(found))}")
    return found.pop() if found else ""
