"""What passes through the shadow module: captured questions, pairs of answers, messages."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from protos.comparison import input_hashes
from protos.digests import is_digest
from protos.golden import Values


@dataclass(frozen=True)
class Question:
    """A question that the champion answered, as its service captured it; values are flat."""

    request_id: str
    time: str
    model: str
    champion_digest: str
    rows: int
    inputs: Mapping[str, Values]
    outputs: Mapping[str, Values]
    size: int
    """Bytes of its line."""
    shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Of the inputs that have more than one value in each of two axes or more, such as images."""


@dataclass(frozen=True)
class Answer:
    """What a service answered: its outputs, the digest it serves, and how long it took."""

    outputs: Mapping[str, Values]
    digest: str
    milliseconds: float


def read_question(line: bytes) -> Question:
    """The question of a line of captures. Raises ValueError when it is none."""
    try:
        record = json.loads(line)
        rows = record["rows"]
        question = Question(
            request_id=record["request_id"],
            time=record["time"],
            model=record["model"],
            champion_digest=record["model_digest"],
            rows=rows,
            inputs=record["inputs"],
            outputs=record["outputs"],
            size=len(line),
            shapes=record.get("shapes", {}),
        )
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("the line is no capture") from error
    texts = (question.request_id, question.time, question.model, question.champion_digest)
    sides = (question.inputs, question.outputs)
    if (
        type(rows) is not int
        or rows < 1
        or not all(isinstance(text, str) and text for text in texts)
        or not is_digest(question.champion_digest)
        or not all(isinstance(side, dict) and side for side in sides)
        or not all(isinstance(values, list) for side in sides for values in side.values())
        or not isinstance(question.shapes, dict)
        or not all(_is_shape(shape) for shape in question.shapes.values())
    ):
        raise ValueError("the line is no capture")
    return question


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, list) and all(type(size) is int and size > 0 for size in shape)


def as_pair(question: Question, candidate: Answer, champion_ms: float | None) -> bytes:
    """Both answers as one JSON object (`protos.comparison`), without a newline.

    Raises ValueError when the inputs are no whole rows.
    """
    return json.dumps(
        {
            "request_id": question.request_id,
            "time": question.time,
            "model": question.model,
            "rows": question.rows,
            "champion_digest": question.champion_digest,
            "candidate_digest": candidate.digest,
            "inputs": input_hashes(question.inputs, question.rows),
            "champion": dict(question.outputs),
            "candidate": {name: _plain(values) for name, values in candidate.outputs.items()},
            "champion_ms": champion_ms,
            "candidate_ms": candidate.milliseconds,
        },
        ensure_ascii=False,
        separators=(",", ":"),
        allow_nan=False,
    ).encode()


def body_of(pairs: Sequence[bytes]) -> bytes:
    """The body of a message with these pairs."""
    return b"[" + b",".join(pairs) + b"]"


def _plain(values: Values) -> list[Any]:
    """NaN and infinities, for which JSON has no word, become null: as in captures."""
    return [
        None if isinstance(value, float) and (value != value or value in (_INF, -_INF)) else value
        for value in values
    ]


_INF = float("inf")
