"""Scores raw rows on this machine with the engine of the device: same code, same bytes.

Not `onnx_session`: that asks onnxruntime; this asks what a device runs, `inference_service`, with
its options and its bounds on values.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assets.edge_model import EdgeModel
from edge_assets.lineage import follow
from protos.errors import ConfigurationError, NotFound
from resources.artifact_store import ArtifactStore

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from inference_service.description import ModelDescription
    from inference_service.tensors import Array


class Scorer:
    """The artifact of one `onnx_model` document, opened as a device opens it."""

    def __init__(self, model: EdgeModel, store: ArtifactStore, artifact: str) -> None:
        """`artifact` is the digest of the document.

        Raises NotFound or IntegrityError when its bytes are not there or damaged,
        ConfigurationError when `model.yaml` now declares other inputs or outputs.
        """
        from inference_service.description import parse_description
        from inference_service.engine import OnnxEngine

        self._model = model
        files = store.get_document(artifact)["files"]
        self._description = parse_description(store.get_bytes(files["model.json"]))
        _refuse_others(model, self._description)
        self._engine = OnnxEngine(store.get_bytes(files["model.onnx"]), self._description)
        self._labels = _labels(model, store, artifact)

    @property
    def digest(self) -> str:
        """The digest of the ONNX artifact that answers."""
        return self._engine.digest

    def score(self, raw: "pd.DataFrame") -> "pd.DataFrame":
        """The scores of raw rows (index from 0), as `core.scoring.align`."""
        import numpy as np

        from edge_assets.core.image_data import LABEL, PATH
        from edge_assets.core.preparing import plain
        from edge_assets.core.scoring import align, prepare_to_score

        config = self._model.config
        images = config.data.kind == "images"
        own = {plain(name) for name in (config.prediction.target, *config.data.target_aliases)}
        names = [str(name) for name in raw.columns if plain(str(name)) in own]
        mine, strange = self._own(raw)
        usable = prepare_to_score(
            mine,
            self._model.prepare,
            LABEL if images else config.prediction.target,
            [LABEL] if images else names,
            self._labels,
        )
        reasons = {**usable.reasons, **strange}
        places: list[Any] = []
        parts: dict[str, list[Any]] = {spec.name: [] for spec in self._description.outputs}
        if len(usable.kept):
            index = usable.kept.index.to_numpy(dtype=np.int64)
            for chosen, outputs, refused in self._ask(usable.kept):
                reasons |= {int(index[place]): reason for place, reason in refused.items()}
                if not len(chosen):
                    continue
                places.append(index[chosen])
                for name, array in zip(parts, outputs, strict=True):
                    parts[name].append(array)
        found = np.concatenate(places) if places else np.zeros(0, dtype=np.int64)
        empty = {spec.name: np.zeros((0, 1)) for spec in self._description.outputs}
        answers = {
            name: np.concatenate(arrays) if len(found) else empty[name]
            for name, arrays in parts.items()
        }
        beside = raw[[PATH]] if images else None
        return align(len(raw), found, answers, reasons, config.prediction, beside)

    def _own(self, raw: "pd.DataFrame") -> "tuple[pd.DataFrame, dict[int, str]]":
        """Rows that may be asked about, and why not the others: they are another model's.

        A row that does not say whose it is may be asked about: who asks knows.
        """
        from edge_assets.core.where import told

        where = self._model.config.data.where
        if not where:
            return raw, {}
        taken = self._model.take(raw)
        mine = raw.index.isin(taken.own.index) | raw.index.isin(taken.unknown.index)
        reason = f"another model's row: this one is for {told(where)}"
        return raw[mine], dict.fromkeys(raw.index[~mine].tolist(), reason)

    def _ask(
        self, rows: "pd.DataFrame"
    ) -> "Iterator[tuple[np.ndarray[Any, Any], list[Array], dict[int, str]]]":
        """Positions that were answered, their outputs, and those that were not, with reasons."""
        import numpy as np

        from edge_assets.onnx_session import feeds
        from inference_service.errors import InvalidRequest, ModelFailed

        outputs = [spec.name for spec in self._description.outputs]
        for chosen, feed in feeds(self._model.config, rows):
            try:
                yield chosen, self._run(feed, outputs), {}
                continue
            except (InvalidRequest, ModelFailed):
                pass  # which rows it is shows only when each is asked alone
            good: list[int] = []
            answers: list[list[Array]] = []
            refused: dict[int, str] = {}
            for place, row in enumerate(chosen):
                try:
                    single = {name: array[place : place + 1] for name, array in feed.items()}
                    answers.append(self._run(single, outputs))
                    good.append(row)
                except (InvalidRequest, ModelFailed) as error:
                    refused[int(row)] = f"refused by the service: {error.what}"
            joined = [np.concatenate(arrays) for arrays in zip(*answers, strict=True)]
            yield np.array(good, dtype=np.int64), joined, refused

    def _run(self, feed: Mapping[str, "Array"], outputs: list[str]) -> "list[Array]":
        """Raises InvalidRequest for values out of bounds, as the service; ModelFailed."""
        from inference_service.tensors import check_values

        for spec in self._description.inputs:
            check_values(feed[spec.name].ravel(), spec)
        return self._engine.run(feed, outputs)


def artifact_of(store: ArtifactStore, release: str) -> str:
    """The digest of the `onnx_model` document behind a release's. Raises NotFound."""
    for digest, document in follow(store, release):
        if document["kind"] == "onnx_model":
            return digest
    raise NotFound("there is no ONNX artifact behind this release")


def restore(store: ArtifactStore, files: Mapping[str, str], folder: Path, name: str) -> Path:
    """The stored delivery `name` again, below `folder`: a file, or a folder of files.

    `files` are digests by path, as the document of a raw batch holds them.
    """
    path = folder / name
    for part, digest in files.items():
        store.get_file(digest, path if list(files) == [name] else path / part)
    return path


def _labels(model: EdgeModel, store: ArtifactStore, artifact: str) -> list[Any]:
    """Labels of rows that the artifact learned from, or the classes of model.yaml."""
    from edge_assets.core.scoring import usual_labels
    from edge_assets.frames import get_frame

    prediction = model.config.prediction
    if prediction.classes:
        return list(prediction.classes)
    for _, document in follow(store, artifact):
        if document["kind"] == "dataset":
            return usual_labels(get_frame(store, document["train"])[prediction.target])
    return [1.0]


def _refuse_others(model: EdgeModel, description: "ModelDescription") -> None:
    config = model.config

    def told(specs: Iterable[Any]) -> dict[str, str]:
        return {spec.name: spec.datatype for spec in specs}

    sides = (
        ("inputs", told(description.inputs), told(config.data.columns)),
        ("outputs", told(description.outputs), told(config.prediction.outputs)),
    )
    for word, made, declared in sides:
        odd = sorted(
            name for name in made.keys() | declared if made.get(name) != declared.get(name)
        )
        if odd:
            raise ConfigurationError(
                f"this artifact of {config.name} has other {word} than model.yaml",
                why=f"{odd[0]}: the artifact has {made.get(odd[0], 'none')}, model.yaml "
                f"{declared.get(odd[0], 'none')}",
                remedy="score with the model folder that it was made from (--model-folder), or "
                "train a new candidate and use --candidate",
            )
