"""Where lineage is written and read: documents in the artifact store, named by Dagster's event log.

Each asset of the chain stores one *document*: what it is, the digests of what it was made from, the
digests of what it made, and the verdicts of its gates. The document's digest is in the metadata of
the materialization, so the event log says which document is the newest, and from any document the
whole chain can be followed back without the event log.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import dagster as dg

from protos.digests import digest_json
from protos.errors import GateClosed, NotFound
from resources.artifact_store import ArtifactStore

DOCUMENT = "document"
"""The metadata entry that holds the digest of an asset's document."""
HANDED_ON = "release elsewhere"
"""That of an image which was not made here: the digest of the release that brought it."""


class Documents(Protocol):
    """Where documents are read: the artifact store, or a release on its way to one."""

    def get_document(self, digest: str) -> dict[str, Any]:
        """The document with this digest. Raises NotFound, IntegrityError."""
        ...


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
    return _noted(found, DOCUMENT)


def handed_on(instance: dg.DagsterInstance, key: dg.AssetKey) -> str | None:
    """The digest of the release elsewhere that brought the newest image; None if it was made here.

    `key` is that of `container_image`.
    """
    event = instance.get_latest_materialization_event(key)
    return _noted(event.asset_materialization if event else None, HANDED_ON)


def _noted(found: dg.AssetMaterialization | None, name: str) -> str | None:
    return str(found.metadata[name].value) if found and name in found.metadata else None


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


def follow(store: Documents, digest: str) -> list[tuple[str, dict[str, Any]]]:
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


def contents(store: Documents, digest: str) -> dict[str, str]:
    """The raw batches behind a document: name -> digest of the bytes that were delivered.

    Whether two models learned from the same batch is a question of its bytes: another environment
    may have given its name to others.
    """
    found = (document for _, document in follow(store, digest))
    return {made["batch"]: made["content"] for made in found if made["kind"] == "raw_batch"}
