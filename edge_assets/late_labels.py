"""True values that came after the answers: with which batches, and for which inputs."""

from typing import Any

import dagster as dg

from edge_assets.chain import Chain
from edge_assets.frames import get_frame
from edge_assets.lineage import contents, newest
from resources.artifact_store import ArtifactStore


def learned_batches(store: ArtifactStore, *documents: str) -> set[str]:
    """The digests of the deliveries that lie behind documents, as of an artifact or a release."""
    return {content for digest in documents for content in contents(store, digest).values()}


def late_labels(
    instance: dg.DagsterInstance, chain: Chain, store: ArtifactStore, learned: set[str]
) -> tuple[dict[str, Any], list[str]]:
    """Labels by the hash of their inputs, and the documents of the batches that they came with.

    Not of the deliveries in `learned`: who has seen the answer knows it. What a later batch says
    counts.
    """
    from edge_assets.core.comparison_sides import labels_of

    config = chain.config
    labels: dict[str, Any] = {}
    used = []
    for batch in instance.get_dynamic_partitions(chain.batches.name or ""):
        digest = newest(instance, chain.key("raw_batch"), batch)
        document = store.get_document(digest) if digest else {}
        if digest is None or document["content"] in learned:
            continue
        kept = get_frame(store, document["kept"])
        labels |= labels_of(kept, config.data, config.prediction)
        used.append(digest)
    return labels, used
