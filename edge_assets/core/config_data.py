"""The sections of `model.yaml` about data: what comes in, what is predicted, who makes it."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from edge_assets.core.config_base import (
    FunctionPath,
    Identifier,
    MisplacedError,
    Section,
    Share,
    Text,
)

PROBABILITIES = "probabilities"
"""The output of every classifier that holds one probability for each class, in their order."""

Datatype = Literal["BOOL", "UINT8", "INT32", "INT64", "FP32", "FP64", "BYTES"]
INTEGERS = ("UINT8", "INT32", "INT64")
NUMBERS = (*INTEGERS, "FP32", "FP64")
UNKNOWABLE = ("FP32", "FP64", "BYTES")
"""Datatypes with a value that means unknown: NaN, or an empty text."""


class Output(Section):
    """An output of the ONNX artifact; `shape` is that of one row, -1 for any size."""

    name: Identifier
    datatype: Datatype
    shape: tuple[int, ...] = (1,)
    about: str = ""


class Prediction(Section):
    """When a prediction is asked for, and what is predicted.

    A regression answers the target as FP32. A classification answers the class under the target's
    name, and `probabilities` with one value for each of `classes`, in their order. `extra` names
    what the artifact answers beside that.
    """

    asked_for: Text
    target: Identifier
    kind: Literal["regression", "classification"] = "regression"
    unit: str = ""
    classes: tuple[int, ...] | tuple[str, ...] = ()
    extra: tuple[Output, ...] = ()

    @model_validator(mode="after")
    def _classes_fit(self) -> Self:
        if (self.kind == "classification") != bool(self.classes):
            raise ValueError("classes are named for a classification, and only for that")
        if self.classes and (len(self.classes) < 2 or len(set(self.classes)) != len(self.classes)):
            raise ValueError("a classification needs two classes or more, each once")
        return self

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Everything that the artifact answers, in order; the target comes first."""
        if self.kind == "regression":
            return (Output(name=self.target, datatype="FP32", about=self.unit), *self.extra)
        label: Datatype = "INT64" if isinstance(self.classes[0], int) else "BYTES"
        return (
            Output(name=self.target, datatype=label),
            Output(name=PROBABILITIES, datatype="FP32", shape=(len(self.classes),)),
            *self.extra,
        )


class Entrypoints(Section):
    """The functions beside `model.yaml`, as `module:function`.

    Where the module is not there, the factory does the step by itself: it reads the columns as they
    are declared, measures what is usual, and converts what its flavour can. `train` has no such
    default, but for the flavour `onnx`, which trains nothing.
    """

    prepare: FunctionPath = "prepare:prepare"
    train: FunctionPath = "train:train"
    predict: FunctionPath = "train:predict"
    restore: FunctionPath = "train:restore"
    evaluate: FunctionPath = "evaluate:evaluate"
    to_onnx: FunctionPath = "to_onnx:to_onnx"
    sample: FunctionPath = "sample:sample"


class Column(Section):
    """One column of the dataset and input of the model; `datatype` is an Open Inference word.

    `aliases` are other names of it in raw files. Values outside of minimum, maximum, `categories`
    or `max_length` (characters) are set aside in training and refused on the device. `shape` is
    that of one row, -1 for any size: only images have more than one value.
    """

    name: Identifier
    datatype: Datatype
    aliases: tuple[str, ...] = ()
    shape: tuple[int, ...] = (1,)
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[int, ...] | tuple[str, ...] = ()
    max_length: int | None = Field(default=None, ge=1)
    nullable: bool = False
    about: str = ""

    @model_validator(mode="after")
    def _bounds_fit(self) -> Self:
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is above maximum {self.maximum}")
        bounded = self.minimum is not None or self.maximum is not None
        if bounded and self.datatype not in NUMBERS:
            raise ValueError(f"minimum and maximum are for numbers, not for {self.datatype}")
        if self.max_length is not None and self.datatype != "BYTES":
            raise ValueError(f"max_length is for texts, not for {self.datatype}")
        wanted = str if self.datatype == "BYTES" else int
        if self.categories and (
            self.datatype not in ("BYTES", *INTEGERS) or not isinstance(self.categories[0], wanted)
        ):
            raise ValueError(f"categories are texts of BYTES or integers, not of {self.datatype}")
        if self.nullable and self.datatype not in UNKNOWABLE:
            raise ValueError(f"{self.datatype} has no value that means unknown")
        return self


class Images(Section):
    """How images become rows: a delivery is a folder, and in it one folder for each class.

    An image with more pixels than `max_pixels` is set aside before it is decoded. One whose longer
    side is above `max_side` is scaled down to it; both numbers are of pixels.
    """

    max_side: int = Field(default=1024, ge=1)
    max_pixels: int = Field(default=50_000_000, ge=1)


class Data(Section):
    """Where raw data comes from and what must be true of it.

    `required` holds groups of column names: a delivery needs a column of each. By default these are
    the columns and their aliases, with the target. `features` are the columns that the model sees,
    by default all. `where` holds columns and the value that a row of this model has there; rows
    with another one are those of other models that take from the same `landing` folder.
    """

    source: Text
    kind: Literal["table", "images"] = "table"
    landing: Identifier
    formats: tuple[Literal["csv", "parquet"], ...] = ("csv", "parquet")
    where: Mapping[Text, int | float | str] = {}
    required: tuple[tuple[str, ...], ...] = ()
    max_set_aside_share: Share = 0.25
    min_rows: int = Field(default=1, ge=1)
    columns: tuple[Column, ...] = Field(min_length=1)
    target_aliases: tuple[str, ...] = ()
    leaking: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    images: Images = Images()

    @model_validator(mode="after")
    def _no_doubles(self) -> Self:
        for word, names in (
            ("columns", [c.name for c in self.columns]),
            ("features", list(self.features)),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{word} named twice: {', '.join(twice)}")
        return self

    @field_validator("where", mode="before")
    @classmethod
    def _texts_or_numbers(cls, where: Any) -> Any:
        """YAML reads NO as false and 2026-01-01 as a date, which no cell of a table says."""
        for name, value in where.items() if isinstance(where, Mapping) else ():
            if isinstance(value, bool) or not isinstance(value, int | float | str):
                text = f"{value} is no text and no number: write it in quotes, as in the data"
                raise MisplacedError(text, str(name))
            if isinstance(value, str) and not value.strip():
                raise MisplacedError("no row has an empty value: write that of its rows", str(name))
        return where

    @model_validator(mode="after")
    def _images_fit(self) -> Self:
        if self.kind == "images" and self.where:
            text = "only of tables are rows chosen: deliver images into a landing of their own"
            raise MisplacedError(text, "where")
        pictures = [column for column in self.columns if len(column.shape) > 1]
        if self.kind == "images" and (len(self.columns) != 1 or len(pictures) != 1):
            raise ValueError("images have one column, of the shape [height, width, channels]")
        if self.kind == "table" and pictures:
            raise ValueError(f"column {pictures[0].name} of a table has one value a row")
        return self

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the model's inputs, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def seen(self) -> tuple[str, ...]:
        """The names of what the model learns from."""
        return self.features or self.inputs


class Sample(Section):
    """Made-up data: how many rows the demo delivers, and the shifts that `sample` knows.

    The first shift is what the demo lets happen to the world; each must be learnable again.
    """

    rows: int = Field(default=3000, ge=1)
    shifts: tuple[Identifier, ...] = ()
