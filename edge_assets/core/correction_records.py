"""One routed message of corrections, checked: from a JSON line of the hub to labelled rows.

The line is that of `capture_records`; the body holds a list of corrections as the register sends
them. Nothing of it is trusted but what the hub itself wrote: who sent it and when it came.
"""

import base64
import binascii
import json
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, NoReturn, TypeVar, cast

import pydantic
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from edge_assets.core.capture_records import Bounds, MalformedError
from edge_assets.core.config_data import Column
from edge_assets.core.config_schema import ModelConfig
from edge_assets.core.preparing import target_column
from protos.digests import digest_json

KIND = "corrections"

Value = bool | int | float | str | None
Row = tuple[Value, ...]
"""The model's inputs in their order, and behind them the right label."""

_Id = Annotated[str, Field(min_length=1, max_length=512)]
_Values = dict[str, Any]
_EXACT = 2**53 - 1
"""Tables are read in double precision, which cannot tell larger integers from their neighbours."""


@dataclass(frozen=True)
class Message:
    """A message of kind `corrections`: the sending device, when the hub took it, the raw list."""

    device: str
    enqueued: datetime
    records: list[Any]


class Correction(BaseModel):
    """A correction as it is sent; the digest is empty when the model did not tell it."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    correction_id: _Id
    time: AwareDatetime = Field(strict=False)
    model: _Id
    model_digest: str = Field(pattern=r"^(sha256:[0-9a-f]{64})?$")
    inputs: _Values
    label: _Values
    said: _Values
    reason: str


@dataclass(frozen=True)
class Labelled:
    """What a correction says: `row`, the right label of the inputs.

    `time` is by the device's own clock; `content` is the digest of all of it.
    """

    id: str
    time: datetime
    row: Row
    content: str


class _System(BaseModel):
    device: _Id = Field(alias="connectionDeviceId")


class _Envelope(BaseModel):
    enqueued: str = Field(alias="EnqueuedTimeUtc")
    system: _System = Field(alias="SystemProperties")
    body: list[Any] | str = Field(alias="Body")


def read_message(line: bytes, model: str, bounds: Bounds) -> Message | None:
    """The message of a line; None when it is none of corrections of the model.

    Raises MalformedError.
    """
    if len(line) > bounds.line_bytes:
        raise MalformedError(f"the line has {len(line)} bytes, {bounds.line_bytes} are accepted")
    content = _json(line)
    if not isinstance(content, Mapping):
        raise MalformedError("the line is no JSON object")
    told = content.get("Properties")
    if not isinstance(told, Mapping) or (told.get("kind"), told.get("model")) != (KIND, model):
        return None
    envelope = _checked(_Envelope, content)
    body: Any = envelope.body
    if isinstance(body, str):
        try:
            body = _json(base64.b64decode(body, validate=True))
        except binascii.Error:
            raise MalformedError("the body is neither JSON nor base64") from None
    if not isinstance(body, list):
        raise MalformedError("the body is no list of corrections")
    try:
        at = datetime.fromisoformat(envelope.enqueued)
        enqueued = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise MalformedError("EnqueuedTimeUtc is no time") from None
    return Message(envelope.system.device, enqueued, body)


def read_correction(value: object, config: ModelConfig, bounds: Bounds) -> Labelled:
    """The correction in `value`. Raises MalformedError."""
    told = _checked(Correction, value)
    if told.model != config.name:
        raise MalformedError("its model is not that of its message")
    target = target_column(config.prediction)
    classes = config.prediction.classes
    columns = [*config.data.columns, target.model_copy(update={"categories": classes})]
    for given, names in ((told.inputs, config.data.inputs), (told.label, (target.name,))):
        if set(given) != set(names):
            raise MalformedError(f"it does not name just {', '.join(names)}")
    both = {**told.inputs, **told.label}
    row = tuple(_fitting(both[column.name], column, bounds) for column in columns)
    try:
        content = digest_json(value)
    except ValueError:  # half of a surrogate pair
        raise MalformedError("it holds text that UTF-8 has no word for") from None
    return Labelled(told.correction_id, told.time, row, content)


def _fitting(value: object, column: Column, bounds: Bounds) -> Value:
    """The value when it may stand in the column: else it would be set aside in the batch."""
    name = column.name
    if isinstance(value, str):
        value = value.strip()
        if len(value) > min(bounds.text, column.max_length or bounds.text):
            raise MalformedError(f"{name} is too long")
        if any(unicodedata.category(letter) == "Cc" for letter in value):
            raise MalformedError(f"{name} holds control characters")
    if value is None or value == "":
        if not column.nullable:
            raise MalformedError(f"{name} is missing")
        return None
    if column.datatype in ("BYTES", "BOOL"):
        wanted = str if column.datatype == "BYTES" else bool
        if not isinstance(value, wanted):
            raise MalformedError(f"{name} is not of {column.datatype}")
    else:
        whole = column.datatype not in ("FP32", "FP64")
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise MalformedError(f"{name} is not of {column.datatype}")
        if not abs(value) <= (_EXACT if whole else sys.float_info.max):  # nor infinite
            raise MalformedError(f"{name} is too large")
        low, high = column.minimum, column.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            raise MalformedError(f"{name} is out of its bounds")
    if column.categories and value not in column.categories:
        raise MalformedError(f"{name} is none of {list(column.categories)}")
    return cast(Value, value)


def _json(text: bytes) -> Any:
    """JSON as the standard has it: without the words NaN and Infinity, that Python would take."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        raise MalformedError("it is not JSON in UTF-8") from None


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


_Checked = TypeVar("_Checked", bound=BaseModel)


def _checked(kind: type[_Checked], value: object) -> _Checked:
    try:
        return kind.model_validate(value)
    except pydantic.ValidationError as error:
        mistake = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in mistake["loc"]) or "the correction"
        raise MalformedError(f"{where}: {mistake['msg']}") from None
