"""What a device says of two models that were asked the same, and how an input is known again.

A message of kind `comparison` holds a JSON list of pairs:

    {"request_id", "time", "model", "rows", "champion_digest", "candidate_digest",
     "inputs": [a hash for each row],
     "champion": {output: flat values}, "candidate": {output: flat values},
     "champion_ms": number or null, "candidate_ms": number}

The inputs themselves are not in it: they are in the captures, under the same request id. Their
hash is, so that a label which comes weeks later finds the prediction it belongs to.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

KIND = "comparison"
"""The message property `kind` of pairs."""
COUNTS = ("dropped", "late", "failed", "refused", "unfit", "unsent")
"""Message properties: questions without a pair, since the message before."""
_HEX = 32


def input_hashes(inputs: Mapping[str, Sequence[Any]], rows: int) -> list[str]:
    """A hash of the inputs of each row, 32 hex digits; `inputs` are flat values by name.

    The order of the names does not matter, nor whether a whole number is an integer, the sign of
    zero, or how unknown is written (None, NaN). Raises ValueError when an input has no whole number
    of values a row.
    """
    for name, values in inputs.items():
        if rows < 1 or not len(values) or len(values) % rows:
            raise ValueError(f"input {name} has {len(values)} values for {rows} rows")
    names = sorted(inputs)
    columns = [[_plain(value) for value in inputs[name]] for name in names]
    widths = [len(column) // rows for column in columns]
    hashes = []
    for row in range(rows):
        parts = [
            column[row * width : (row + 1) * width]
            for column, width in zip(columns, widths, strict=True)
        ]
        text = json.dumps([names, parts], ensure_ascii=True, separators=(",", ":"))
        hashes.append(hashlib.sha256(text.encode()).hexdigest()[:_HEX])
    return hashes


def _plain(value: Any) -> Any:
    """Numbers as floating point (whole ones beyond 2**53 as they are), unknown as None."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and abs(value) > 2**53:
        return value
    number = float(value) + 0.0  # -0.0 becomes 0.0
    return number if math.isfinite(number) else None
