"""What the assets ask of an edge model: its own functions, or what stands in for them.

Plain Python, no Dagster: the same calls serve assets, `edgectl`, tests and a notebook.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assets.core.config import load_model_config
from edge_assets.core.config_schema import ModelConfig
from edge_assets.core.functions import find_function, load_function
from edge_assets.core.sources import sources_of
from edge_assets.features.registry import require_features
from edge_assets.flavours import Flavour, flavour_of
from protos.digests import digest_file, digest_json
from protos.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from edge_assets.core.measuring import Outputs
    from edge_assets.core.prepared import Prepared
    from edge_assets.core.where import Taken


_BESIDE = {"__pycache__", "tests"}
"""Folders whose content does not make a model another one."""
_PREPARING = ("preparing.py", "schema.py", "images.py", "image_columns.py")
"""Of `core`: the code that prepares the rows of a model without `prepare`."""
_NOT_PREPARED: Any = {
    **dict.fromkeys(("source", "landing", "formats", "required", "features", "leaking"), True),
    **dict.fromkeys(("max_set_aside_share", "min_rows"), True),
    "columns": {"__all__": {"about"}},
}
"""What of `data` says nothing about the rows that are kept."""
_PREDICTED_AS = {"target", "kind", "classes"}


@dataclass(frozen=True)
class EdgeModel:
    """One edge model: what `model.yaml` says, and the functions in its folder."""

    config: ModelConfig
    folder: Path

    @classmethod
    def load(cls, folder: Path) -> "EdgeModel":
        """The edge model in `folder`.

        Raises ConfigurationError, also when the shared features are of another version.
        """
        config = load_model_config(folder / "model.yaml")
        if config.features is not None:
            require_features(config.features, config.name)
        return cls(config, folder)

    @cached_property
    def flavour(self) -> Flavour:
        """How its models are stored, asked and converted. Raises ConfigurationError."""
        return flavour_of(self.config.flavour)

    def function(self, step: str) -> Callable[..., Any]:
        """Its own function for a step. Raises ConfigurationError where it has none."""
        return load_function(self.folder, getattr(self.config.entrypoints, step))

    def own(self, step: str) -> Callable[..., Any] | None:
        """As `function`, None where it has none."""
        return find_function(self.folder, getattr(self.config.entrypoints, step))

    def import_code(self) -> None:
        """Imports all its functions. Raises ConfigurationError where one is missing or cannot be.

        Not done when the code location is loaded: what they stand on takes seconds to import.
        """
        for step in type(self.config.entrypoints).model_fields:
            self.own(step)
        if self.config.flavour != "onnx":
            self.function("train")

    def code(self) -> str:
        """The digest of its functions and shared features: other code makes another model."""
        found = sorted(self.folder.rglob("*.py"))
        files = [path for path in found if not _BESIDE & set(path.relative_to(self.folder).parts)]
        made = {path.relative_to(self.folder).as_posix(): digest_file(path) for path in files}
        if self.config.features is not None:
            module = require_features(self.config.features, self.config.name)
            made[f"features/{module.name}"] = module.code()
        return digest_json(made)

    def preparation(self) -> str:
        """The digest of what `prepare` depends on: its code, and the columns that it promises.

        Batches that were prepared by another one are no rows of the same dataset.
        """
        config, core, not_prepared = self.config, Path(__file__).parent / "core", {**_NOT_PREPARED}
        files = sources_of(self.folder, config.entrypoints.prepare.partition(":")[0])
        files = files or {name: core / name for name in _PREPARING}
        if config.data.where:
            files = {**files, "where.py": core / "where.py"}
        else:  # nothing is chosen, as it was before there was such a key
            not_prepared["where"] = True
        return digest_json(
            {
                "code": {name: digest_file(path) for name, path in files.items()},
                "data": config.data.model_dump(mode="json", exclude=not_prepared),
                "prediction": config.prediction.model_dump(mode="json", include=_PREDICTED_AS),
            }
        )

    def take(self, raw: "pd.DataFrame") -> "Taken":
        """Of a delivery the rows that are its own, by `data.where`: `prepare` gets no others."""
        from edge_assets.core.where import take

        return take(raw, self.config.data)

    def prepare(self, raw: "pd.DataFrame") -> "Prepared":
        """The rows of the dataset, and those set aside with their reasons; every row once.

        Raises UnfitError when its own `prepare` loses rows, or gives columns that do not fit;
        ConfigurationError when it gives no two tables.
        """
        from edge_assets.core.preparing import prepare_table
        from edge_assets.core.schema import UnfitError, check_schema

        config = self.config
        own = self.own("prepare")
        if own is not None:
            prepared = _two_tables(own(raw), config.name)
        elif config.data.kind == "images":
            from edge_assets.core.images import prepare_images

            prepared = prepare_images(raw, config.data, config.prediction)
        else:
            prepared = prepare_table(raw, config.data, config.prediction)
        if len(prepared.kept) + len(prepared.set_aside) != len(raw):
            raise UnfitError(
                f"prepare of {config.name} lost rows",
                why=f"{len(raw)} came, {len(prepared.kept)} were kept and "
                f"{len(prepared.set_aside)} set aside",
                remedy="give every row back once: kept, or set aside with its reason",
            )
        return check_schema(prepared, config.data, config.prediction)

    def train(self, rows: "pd.DataFrame") -> Any:
        """A model fitted to prepared rows, with the parameters under `training`.

        Raises ConfigurationError when it gives none.
        """
        config = self.config
        if config.flavour == "onnx":
            return (self.folder / "model.onnx").read_bytes()
        _ = self.flavour  # one that is not installed is told as such, not by what fails in train
        offered = {
            "features": config.data.seen,
            "target": config.prediction.target,
            "classes": config.prediction.classes,
        }
        trained = _call(self.function("train"), rows, offered, config.training)
        if trained is None:
            raise ConfigurationError(
                f"train of {config.name} returns nothing", remedy="let it return the fitted model"
            )
        return trained

    def predict(self, model: Any, rows: "pd.DataFrame") -> "Outputs":
        """Every declared output by name, [rows, ...]. A lone array is the target's."""
        import numpy as np

        outputs = self.config.prediction.outputs
        if not len(rows):  # estimators refuse to be asked nothing
            return {output.name: np.empty((0, *map(abs, output.shape))) for output in outputs}
        own = self.own("predict")
        made = own(model, rows) if own else self.flavour.predict(model, rows, self.config)
        if not isinstance(made, Mapping):
            made = {outputs[0].name: made}
        missing = [output.name for output in outputs if output.name not in made]
        if missing:
            raise ConfigurationError(
                f"predict of {self.config.name} gives no {missing[0]}",
                why=f"it gives {', '.join(made)}",
                remedy="give every output that prediction in model.yaml declares",
            )
        return {
            output.name: np.asarray(made[output.name]).reshape(len(rows), *output.shape)
            for output in outputs
        }

    def evaluate(
        self, model: Any, rows: "pd.DataFrame", outputs: "Outputs | None" = None
    ) -> dict[str, float]:
        """Its metrics on prepared rows, by name; `outputs`, where it was asked already."""
        config = self.config
        own = self.own("evaluate")
        if own is not None:
            found = own(model, rows, target=config.prediction.target)
            return {str(name): float(value) for name, value in found.items()}
        return self.measure(self.predict(model, rows) if outputs is None else outputs, rows)

    def measure(self, outputs: "Outputs", rows: "pd.DataFrame") -> dict[str, float]:
        """The usual metrics of predictions."""
        from edge_assets.core.config_data import PROBABILITIES
        from edge_assets.core.measuring import classification_metrics, regression_metrics

        prediction = self.config.prediction
        actual = rows[prediction.target].to_numpy()
        if prediction.kind == "regression":
            return regression_metrics(actual, outputs[prediction.target])
        return classification_metrics(
            actual, outputs[prediction.target], outputs[PROBABILITIES], prediction.classes
        )

    def errors(self, outputs: "Outputs", rows: "pd.DataFrame") -> "NDArray[np.float64]":
        """The error of each row, shape [rows], by which champion and candidate are compared."""
        from edge_assets.core.champion import row_errors
        from edge_assets.core.config_data import PROBABILITIES
        from edge_assets.core.measuring import errors_of_classes

        prediction, kind = self.config.prediction, self.config.champion.error
        actual, told = rows[prediction.target].to_numpy(), outputs[prediction.target]
        if kind == "absolute" or kind == "squared":
            return row_errors(actual, told, kind)
        return errors_of_classes(actual, told, outputs[PROBABILITIES], prediction.classes, kind)

    def to_onnx(self, model: Any) -> bytes:
        """The ONNX artifact: columns in, outputs out."""
        own = self.own("to_onnx")
        made = self.flavour.to_onnx(model, self.config) if own is None else own(model)
        if not isinstance(made, bytes):
            made = made.SerializeToString(deterministic=True)
        return bytes(made)

    def dump(self, model: Any) -> bytes:
        """The trained model as bytes."""
        return self.flavour.dump(model)

    def load_trained(self, data: bytes) -> Any:
        """The trained model again; nothing is unpickled."""
        return self.flavour.load(data, self.own("restore"))

    def sample(self, rows: int, seed: int, shift: str) -> Any:
        """Made-up raw data: a table, or files by their path in the delivery.

        Raises ConfigurationError when it has none, or does not know the shift.
        """
        known = ("none", *self.config.sample.shifts)
        if shift not in known:
            raise ConfigurationError(
                f"{self.config.name} knows no shift {shift!r}",
                why=f"known: {', '.join(known)}",
                remedy="name one of these",
            )
        return self.function("sample")(rows, seed, shift)

    def sample_rows(self, rows: int, seed: int, shift: str) -> "pd.DataFrame":
        """Made-up raw rows, as they are read from a delivery. Raises as `sample`."""
        made = self.sample(rows, seed, shift)
        if self.config.data.kind == "images":
            from edge_assets.core.image_data import rows_of

            return rows_of(made)
        table: pd.DataFrame = made
        return table


def _two_tables(made: Any, name: str) -> "Prepared":
    import pandas as pd

    from edge_assets.core.prepared import REASON, Prepared

    both = isinstance(made, tuple | list) and len(made) == 2
    if not both or not all(isinstance(part, pd.DataFrame) for part in made):
        shown = ", ".join(type(part).__name__ for part in made) if isinstance(made, tuple) else ""
        raise ConfigurationError(
            f"prepare of {name} must return (kept, set_aside)",
            why=f"it returns {f'({shown})' if shown else type(made).__name__}",
            remedy=f"return two tables: good rows, and the others with the column {REASON}",
        )
    if len(made[1]) and REASON not in made[1].columns:
        raise ConfigurationError(
            f"prepare of {name} sets rows aside without the column {REASON}",
            why=f"set_aside has {', '.join(map(str, made[1].columns))}",
            remedy="say in it why each of them cannot be used",
        )
    return Prepared(*made)


def _call(
    function: Callable[..., Any], rows: Any, offered: Mapping[str, Any], given: Mapping[str, Any]
) -> Any:
    """Calls with what is given, and of what is offered with what the function takes."""
    parameters = inspect.signature(function).parameters
    anything = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    taken = {name: value for name, value in offered.items() if anything or name in parameters}
    strangers = [name for name in given if not anything and name not in parameters]
    if strangers:
        raise ConfigurationError(
            f"training.{strangers[0]} in model.yaml is no parameter of {function.__name__}",
            why=f"it takes {', '.join(parameters)}",
            remedy="correct the name, or give the function such a parameter",
        )
    return function(rows, **taken, **given)
