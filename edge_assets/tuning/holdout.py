"""Real rows of an edge model, with what is right of them: its holdout, which it never learned."""

from typing import TYPE_CHECKING

from edge_assets.core.config_schema import ModelConfig
from edge_assets.lineage import follow
from inference_service.tune.subject import Subject
from resources.artifact_store import ArtifactStore

if TYPE_CHECKING:
    import pandas as pd

ROWS = 500
"""At most: each candidate answers all of them in each round."""


def with_holdout(
    subject: Subject, config: ModelConfig, store: ArtifactStore, artifact: str
) -> Subject:
    """`subject` with rows of the holdout behind `artifact`, the digest of an `onnx_model` document.

    They are spread evenly, always the same ones. As it is where there is no dataset behind it.
    """
    from edge_assets.frames import get_frame

    for _, document in follow(store, artifact):
        if document["kind"] == "dataset":
            return _with_rows(subject, config, get_frame(store, document["holdout"]))
    return subject


def _with_rows(subject: Subject, config: ModelConfig, rows: "pd.DataFrame") -> Subject:
    import numpy as np

    from edge_assets.onnx_session import feeds
    from inference_service.datatypes import DATATYPES

    count = min(ROWS, len(rows))
    chosen = rows.iloc[[place * len(rows) // count for place in range(count)]]
    target = config.prediction.target
    (spec,) = [spec for spec in subject.description.outputs if spec.name == target]
    dtype = DATATYPES[spec.datatype].dtype
    right = chosen[target].to_numpy(dtype=object if dtype is None else dtype).reshape(-1, 1)
    asked, truth = [], []
    for places, feed in feeds(config, chosen):
        for at, place in enumerate(places):
            asked.append({name: np.asarray(array[at : at + 1]) for name, array in feed.items()})
            truth.append({target: right[place : place + 1]})
    return subject.with_rows(asked, truth, "the holdout")
