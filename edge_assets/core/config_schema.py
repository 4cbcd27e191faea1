"""`model.yaml` as frozen, checked data: everything that is decided about one edge model.

Unknown keys are refused, so that a misspelt threshold cannot silently become its default.
`ModelConfig.model_json_schema()` is the published schema.
"""

from collections.abc import Iterator, Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from edge_assets.core.config_base import (
    Identifier,
    MisplacedError,
    Scalar,
    Seconds,
    Section,
    Share,
    Text,
)
from edge_assets.core.config_data import Column as Column
from edge_assets.core.config_data import Data, Entrypoints, Prediction, Sample
from edge_assets.core.near import meant

Flavour = Literal["sklearn", "torch", "keras", "lightgbm", "xgboost", "onnx"]


class FeatureSet(Section):
    """Features that the model shares with others: a package of `edge_assets.features`.

    When the code is of another `version` than is asked for here, nothing is loaded.
    """

    module: Identifier
    version: Text


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
    """When a candidate replaces the champion. Gains and losses are shares of its error.

    The error of a row: `absolute` or `squared` of a number, `wrong` (0 or 1) or `brier` of a class:
    the squared distance of its probabilities from the truth (Brier 1950), from 0 to 2.
    `tolerated_on_frozen` is no share but an error: a loss below it is accepted where shares of an
    error near 0 say little.
    """

    error: Literal["absolute", "squared", "wrong", "brier"] = "absolute"
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0)
    min_gain: float = Field(default=0.0, lt=1.0)
    max_loss_on_frozen: float = Field(default=0.05, ge=0.0)
    tolerated_on_frozen: float = Field(default=0.0, ge=0.0)
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
    since 1970) by hour and weekday only, because time itself always goes on; `texts` by their
    length and their words; `images` by brightness, contrast and size.
    """

    columns: tuple[Identifier, ...] = ()
    categorical: tuple[Identifier, ...] = ()
    clocks: tuple[Identifier, ...] = ()
    durations: tuple[DerivedDuration, ...] = ()
    texts: tuple[Identifier, ...] = ()
    images: tuple[Identifier, ...] = ()

    window_seconds: float = Field(gt=0.0)
    min_rows: int = Field(ge=1)
    false_alarm_rate: float = Field(gt=0.0, lt=1.0)
    min_effect: float = Field(ge=0.0)
    cooldown_seconds: Seconds

    def watched(self) -> Iterator[tuple[str, tuple[int | str, ...]]]:
        """Each column of data that is named, and where."""
        for word in ("columns", "clocks", "texts", "images"):
            for number, name in enumerate(getattr(self, word)):
                yield name, (word, number)
        for number, duration in enumerate(self.durations):
            yield duration.start, ("durations", number, "start")
            yield duration.end, ("durations", number, "end")


class Performance(Section):
    """When the released model counts as worse on live traffic, by labels that come late.

    Its error there is compared with that on its own holdout; of a row it is `champion.error`.
    `max_loss` is a share of the error on the holdout. `tolerated` is no share but an error: growth
    below it is accepted where shares of an error near 0 say little.
    """

    days: float = Field(default=30.0, gt=0.0, le=3650.0)
    windows: int = Field(default=1000, ge=1)
    min_rows: int = Field(default=100, ge=1)
    max_loss: float = Field(default=0.1, ge=0.0)
    tolerated: float = Field(default=0.0, ge=0.0)
    confidence: float = Field(default=0.99, gt=0.5, lt=1.0)
    resamples: int = Field(default=2000, ge=200, le=100_000)
    seed: int = Field(default=42, ge=0)
    interval_seconds: Seconds = 3600.0

    @model_validator(mode="after")
    def _can_be_shown(self) -> Self:
        if (1 - self.confidence) * self.resamples < 1:
            raise ValueError(
                f"{self.resamples} resamples cannot show a confidence of {self.confidence}"
            )
        return self


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


class Module(Section):
    """A module that is rolled out with the model: a web application beside it, of its own image.

    On devices it is called `<model>_<name>`; `port` is where it listens. `env` holds no secrets.
    """

    name: Identifier
    app: Literal["edge.webapp"]
    port: int = Field(ge=1, le=65535)
    env: Mapping[str, str] = {}


class SmokeTest(Section):
    """How often each device asks itself the golden questions."""

    interval_seconds: float = Field(gt=0.0)


class ModelConfig(Section):
    """Everything that is decided about one edge model."""

    name: Identifier
    description: Text
    owner: Text
    flavour: Flavour = "sklearn"
    prediction: Prediction
    entrypoints: Entrypoints = Entrypoints()
    data: Data
    features: FeatureSet | None = None
    holdout: Holdout
    training: Mapping[str, Scalar] = {}
    floors: Mapping[str, Floor] = Field(min_length=1)
    champion: ChampionRule = ChampionRule()
    parity: Parity
    budget: Budget
    drift: Drift
    performance: Performance = Performance()
    rollout: Rollout
    device: Device
    smoke_test: SmokeTest
    modules: tuple[Module, ...] = ()
    sample: Sample = Sample()
    datasheet: Mapping[str, Text] = {}
    runtime: Runtime | None = None

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        inputs = self.data.inputs
        if self.prediction.target in inputs:
            text = f"the target {self.prediction.target} is among the columns of data"
            raise MisplacedError(text, "prediction", "target")
        if self.prediction.target in self.data.where:
            text = "the target cannot choose the rows: of a single answer there is nothing to learn"
            raise MisplacedError(text, "data", "where", self.prediction.target)
        names = [output.name for output in self.prediction.outputs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            text = f"an output is named twice: {', '.join(twice)}"
            raise MisplacedError(text, "prediction", "extra")
        watched = list(self.drift.watched())
        if not watched:
            text = "nothing is watched: name columns of data under drift"
            raise MisplacedError(text, "drift")
        for name, place in watched:
            if name not in inputs:
                text = f"drift watches {name}, no column{meant(name, inputs)}"
                raise MisplacedError(f"{text}: name columns of data", "drift", *place)
        return self

    @model_validator(mode="after")
    def _modules_fit(self) -> Self:
        ports = [self.device.port, *(module.port for module in self.modules)]
        names = [module.name for module in self.modules]
        if len(set(ports)) != len(ports) or len(set(names)) != len(names):
            raise MisplacedError("modules need names and ports of their own", "modules")
        return self

    @model_validator(mode="after")
    def _error_fits(self) -> Self:
        of_classes = self.champion.error in ("wrong", "brier")
        if of_classes != (self.prediction.kind == "classification"):
            text = f"champion.error {self.champion.error} does not fit a {self.prediction.kind}"
            raise MisplacedError(text, "champion", "error")
        return self
