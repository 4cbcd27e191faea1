"""A candidate against the champion, which is the model of the last release: on the same rows."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from edge_assets.assets.dataset import BATCH
from edge_assets.chain import Chain
from edge_assets.frames import get_frame
from edge_assets.lineage import contents, follow, newest
from resources.artifact_store import ArtifactStore

if TYPE_CHECKING:
    import pandas as pd

    from edge_assets.core.measuring import Outputs


@dataclass(frozen=True)
class Candidate:
    """A trained model, the rows held out from it, and what it answers on them."""

    model: Any
    holdout: "pd.DataFrame"
    outputs: "Outputs"


def compare_with_champion(
    instance: dg.DagsterInstance,
    chain: Chain,
    store: ArtifactStore,
    identity: dict[str, Any],
    candidate: Candidate,
) -> tuple[str | None, dict[str, Any]]:
    """The digest of the champion's ONNX artifact (None without one), and the verdict as plain data.

    `identity` is what identifies the candidate in its document. Rows of batches that the champion
    learned from are frozen, whatever the batches are called here. A champion that was handed on
    brings those that it was judged on.
    """
    import numpy as np
    import pandas as pd

    from edge_assets.core.champion import judge_champion
    from edge_assets.onnx_session import run

    release = newest(instance, chain.key("release"))
    if release is None:
        return None, {"passed": True, "reason": "there is no champion yet: the floors decide"}
    documents = [document for _, document in follow(store, release)]
    trained = next(made for made in documents if made["kind"] == "trained_model")
    digest = documents[0]["model_digest"]
    if {name: trained[name] for name in identity} == identity:
        return digest, {"passed": True, "reason": "it is the champion: same data, parameters, code"}
    batches = contents(store, identity["inputs"]["dataset"])
    learned = set(contents(store, release).values())
    seen = [name for name, content in batches.items() if content in learned]
    rows, ours = candidate.holdout, chain.model.errors(candidate.outputs, candidate.holdout)
    new = ~rows[BATCH].isin(seen).to_numpy()
    brought = _brought(store, release, documents, batches.values())
    if brought is not None and len(brought):
        outputs = chain.model.predict(candidate.model, brought)
        ours = np.concatenate([ours, chain.model.errors(outputs, brought)])
        new = np.concatenate([new, np.zeros(len(brought), dtype=bool)])
        rows = pd.concat([rows, brought], ignore_index=True)
    champion = run(chain.config, store.get_bytes(digest), rows)
    verdict = judge_champion(
        ours,
        chain.model.errors(champion, rows),
        new,
        **chain.config.champion.model_dump(exclude={"error"}),
    )
    return digest, asdict(verdict)


def _brought(
    store: ArtifactStore, release: str, documents: list[dict[str, Any]], here: Collection[str]
) -> "pd.DataFrame | None":
    """The held-out rows of a champion that was handed on, but for those of batches that are `here`.

    Held out by the same hash as here, neither model has learned from them; and without them nothing
    would show what the champion knew. Of a champion made here there are none: its batches are here,
    or were withdrawn.
    """
    if "handed_on" not in documents[0]["inputs"]:
        return None
    dataset = next(made for made in documents if made["kind"] == "dataset")
    there = contents(store, release)
    absent = [name for name, content in there.items() if content not in here]
    rows = get_frame(store, dataset["holdout"])
    return rows[rows[BATCH].isin(absent)]
