"""One correction, checked: the label that a technician gave, as a row that a model can learn."""

import sys
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, cast

import pydantic
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from edge_assets.core.config_data import Column
from edge_assets.core.config_schema import ModelConfig
from edge_assets.core.messages import Bounds, MalformedError
from edge_assets.core.preparing import target_column
from protos.digests import digest_json

KIND = "corrections"
"""Of the messages that hold such records."""

Value = bool | int | float | str | None
Row = tuple[Value, ...]
"""The model's inputs in their order, and behind them the right label."""

_Id = Annotated[str, Field(min_length=1, max_length=512)]
_Values = dict[str, Any]
_EXACT = 2**53 - 1
"""Tables are read in double precision, which cannot tell larger integers from their neighbours."""


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


def read_correction(value: object, config: ModelConfig, bounds: Bounds) -> Labelled:
    """The correction in `value`. Raises MalformedError."""
    try:
        told = Correction.model_validate(value)
    except pydantic.ValidationError as error:
        mistake = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in mistake["loc"]) or "the correction"
        raise MalformedError(f"{where}: {mistake['msg']}") from None
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
