"""Where lineage is written and read: documents in the artifact store, named by Dagster's event log.

Each asset of the chain stores one *document*: what it is, the digests of what it was made from, the
digests of what it made, and the verdicts of its gates. The document's digest is in the metadata of
the materialization, so the event log says which document is the newest, and from any document the
whole chain can be followed back without the event log.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from protos.digests import digest_json
from protos.errors import GateClosed, NotFound
from resources.artifact_store import ArtifactStore

DOCUMENT = "document"
"""The metadata entry that holds the digest of an asset's document."""


def newest(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None = None
) -> str | None:
    """The digest of the document of the newest materialization, None when there is none."""
    if partition is None:
        event = instance.get_latest_materialization_event(key)
        found = event.asset_materialization if event else None
    else:
        records = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=key, asset_partitions=[partition]), limit=1
        ).records
        found = records[0].asset_materialization if records else None
    if found is None or DOCUMENT not in found.metadata:
        return None
    return str(found.metadata[DOCUMENT].value)


def required(instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None = None) -> str:
    """As `newest`; raises NotFound when the asset was never materialized."""
    digest = newest(instance, key, partition)
    if digest is None:
        name = key.to_user_string() + (f"[{partition}]" if partition else "")
        raise NotFound(f"{name} has never been materialized", remedy=f"materialize {name} first")
    return digest


def gate(passed: bool, reason: str) -> dict[str, Any]:
    """A gate's verdict as documents hold it."""
    return {"passed": bool(passed), "reason": reason}


def refuse_closed_gates(document: Mapping[str, Any], asker: str) -> None:
    """Raises GateClosed when any gate of the document is closed.

    A blocking check stops what runs behind it in the same run; this stops what a person or another
    run starts later on its own.
    """
    for name, verdict in document.get("gates", {}).items():
        if not verdict["passed"]:
            raise GateClosed(
                f"{asker} is refused: the gate '{name}' of its {document['kind']} is closed",
                why=verdict["reason"],
                remedy="mend the cause and materialize the chain again from there",
            )


def result(
    store: ArtifactStore,
    document: Mapping[str, Any],
    metadata: Mapping[str, Any],
    *,
    identity: Mapping[str, Any] | str | None = None,
    checks: list[dg.AssetCheckResult] | None = None,
) -> dg.MaterializeResult[None]:
    """Stores the document and wraps it up for Dagster.

    The data version is `identity`, or its digest where it is a document, by default that of the
    document itself: an asset that was made again with the same outcome does not make what lies
    downstream stale.
    """
    digest = store.put_document(document)
    version = digest if identity is None else identity
    if not isinstance(version, str):
        version = digest_json(dict(version))
    return dg.MaterializeResult(
        metadata={**metadata, DOCUMENT: digest},  # what a person looks for first comes first
        data_version=dg.DataVersion(version),
        check_results=checks or [],
    )


def follow(store: ArtifactStore, digest: str) -> list[tuple[str, dict[str, Any]]]:
    """The chain behind a document, newest first: (digest, document) pairs down to the raw batches.

    A document names what it was made from under `inputs`: {name: digest of a document, or a list of
    such digests}. Each document comes once.
    """
    chain: list[tuple[str, dict[str, Any]]] = []
    waiting, seen = [digest], set()
    while waiting:
        current = waiting.pop(0)
        if current in seen:
            continue
        seen.add(current)
        document = store.get_document(current)
        chain.append((current, document))
        for made_from in document.get("inputs", {}).values():
            waiting += made_from if isinstance(made_from, list) else [made_from]
    return chain
