"""`model.yaml` as frozen, checked data: everything that is decided about one edge model.

Unknown keys are refused, so that a misspelt threshold cannot silently become its default.
`ModelConfig.model_json_schema()` is the published schema.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Seconds = Annotated[float, Field(ge=0.0)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
FunctionPath = Annotated[str, StringConstraints(pattern=r"^\w+(\.\w+)*:\w+$")]
Scalar = bool | int | float | str | None


class Section(BaseModel):
    """Base of every section: frozen, and closed to keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Prediction(Section):
    """When a prediction is asked for and which column is predicted."""

    asked_for: str
    target: Identifier


class Entrypoints(Section):
    """The plain functions of the data scientist, as `module:function`."""

    standardise: FunctionPath
    clean: FunctionPath
    train: FunctionPath
    predict: FunctionPath
    evaluate: FunctionPath
    to_onnx: FunctionPath
    sample: FunctionPath


class Column(Section):
    """One column of the dataset and input of the model; `datatype` is an Open Inference word."""

    name: Identifier
    datatype: Literal["BOOL", "INT32", "INT64", "FP32", "FP64", "BYTES"]
    minimum: float | None = None
    maximum: float | None = None
    about: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is above maximum {self.maximum}")
        return self


class Data(Section):
    """Where raw data comes from and what must be true of it."""

    source: str
    landing: Identifier
    formats: tuple[Literal["csv", "parquet"], ...] = Field(min_length=1)
    required: tuple[tuple[str, ...], ...] = Field(min_length=1)
    max_set_aside_share: Share = 0.25
    min_rows: int = Field(default=1, ge=1)
    columns: tuple[Column, ...] = Field(min_length=1)
    leaking: tuple[str, ...]
    features: tuple[str, ...] = Field(min_length=1)

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

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the model's inputs, in order."""
        return tuple(column.name for column in self.columns)


class Holdout(Section):
    """The share of rows that is never trained on, chosen by the hash of a row's inputs."""

    share: float = Field(gt=0.0, lt=1.0)
    seed: int = Field(ge=0)


class Floor(Section):
    """Bounds of one metric; at least one of the two."""

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _bounds_something(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("a floor needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}: no model can pass")
        return self


class ChampionRule(Section):
    """When a candidate replaces the champion. Gains and losses are shares of its error."""

    error: Literal["absolute", "squared"] = "absolute"
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0)
    min_gain: float = Field(default=0.0, lt=1.0)
    max_loss_on_frozen: float = Field(default=0.05, ge=0.0)
    resamples: int = Field(default=2000, ge=200, le=100_000)
    min_rows: int = Field(default=50, ge=1)
    seed: int = Field(default=42, ge=0)


class Parity(Section):
    """Accepted difference of ONNX artifact and model: absolute + relative * |prediction|."""

    absolute: float = Field(ge=0.0)
    relative: float = Field(ge=0.0)


class Budget(Section):
    """What the device grants: milliseconds a request, bytes of the artifact and of the image."""

    latency_p95_ms: float = Field(gt=0.0)
    model_bytes: int = Field(gt=0)
    image_bytes: int = Field(gt=0)


class DerivedDuration(Section):
    """A column to derive: the seconds from the time in `start` to that in `end`."""

    name: Identifier
    start: Identifier
    end: Identifier


class Drift(Section):
    """What is compared, when captures count as drifted, and how often that may start a training.

    `columns` are compared as they are, those in `categorical` as categories; `clocks` (seconds
    since 1970) by hour and weekday only, because time itself always goes on.
    """

    columns: tuple[Identifier, ...] = Field(min_length=1)
    categorical: tuple[Identifier, ...] = ()
    clocks: tuple[Identifier, ...] = ()
    durations: tuple[DerivedDuration, ...] = ()

    window_seconds: float = Field(gt=0.0)
    min_rows: int = Field(ge=1)
    false_alarm_rate: float = Field(gt=0.0, lt=1.0)
    min_effect: float = Field(ge=0.0)
    cooldown_seconds: Seconds


class Ring(Section):
    """The gate of one ring; shares are of the devices in the ring."""

    name: Identifier
    proven_share: float = Field(gt=0.0, le=1.0)
    max_failed: Share
    min_sample: int = Field(ge=1)
    soak_seconds: Seconds
    deadline_seconds: float = Field(gt=0.0)

    @model_validator(mode="after")
    def _can_end(self) -> Self:
        if self.deadline_seconds <= self.soak_seconds:
            raise ValueError("deadline_seconds must be longer than soak_seconds")
        return self


class Rollout(Section):
    """The rings in their order; a device belongs to one by its tag `ring`."""

    rings: tuple[Ring, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _no_doubles(self) -> Self:
        names = [ring.name for ring in self.rings]
        if len(set(names)) != len(names):
            raise ValueError("a ring is named twice")
        return self


class Device(Section):
    """What the model takes of a device: the TCP port and the memory."""

    port: int = Field(ge=1, le=65535)
    memory_bytes: int = Field(gt=0)


class Runtime(Section):
    """How onnxruntime runs the model on the device, as `edgectl model tune` found it.

    The same keys and defaults as `inference_service.runtime_options.RuntimeOptions`.
    """

    intra_op_threads: int = Field(default=1, ge=1, le=256)
    inter_op_threads: int = Field(default=1, ge=1, le=256)
    spinning: bool = False
    memory_arena: bool = True
    memory_pattern: bool = True
    graph_optimization: Literal["all", "extended", "basic", "disabled"] = "all"
    batching: bool = True


class SmokeTest(Section):
    """How often each device asks itself the golden questions."""

    interval_seconds: float = Field(gt=0.0)


class ModelConfig(Section):
    """Everything that is decided about one edge model."""

    name: Identifier
    description: str = Field(min_length=1)
    owner: str = Field(min_length=1)
    prediction: Prediction
    entrypoints: Entrypoints
    data: Data
    holdout: Holdout
    training: Mapping[str, Scalar]
    floors: Mapping[str, Floor] = Field(min_length=1)
    champion: ChampionRule = ChampionRule()
    parity: Parity
    budget: Budget
    drift: Drift
    rollout: Rollout
    device: Device
    smoke_test: SmokeTest
    runtime: Runtime | None = None

    @model_validator(mode="after")
    def _target_is_no_input(self) -> Self:
        if self.prediction.target in self.data.inputs:
            raise ValueError(f"the target {self.prediction.target} is among the columns of data")
        return self
