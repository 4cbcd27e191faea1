"""`raw_batch[batch]`: one delivery of raw data, judged, cleaned, and known by its content."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from edge_assets.chain import Chain
from edge_assets.core.config_data import Data
from edge_assets.edge_model import EdgeModel
from edge_assets.frames import put_frame
from edge_assets.lineage import newest, result
from protos.errors import NotFound
from resources.artifact_store import ArtifactStore
from resources.platform import Platform

if TYPE_CHECKING:
    import pandas as pd

    from edge_assets.core.prepared import Prepared
    from edge_assets.core.raw_data import Delivery

CONTENT = "content"
"""The metadata entry with the digest of a batch's raw bytes."""
PREPARED_BY = "prepared by"
"""The metadata entry with the digest of the preparation that its rows went through."""


def known_contents(instance: dg.DagsterInstance, chain: Chain, but: str = "") -> dict[str, str]:
    """Digest of the raw bytes -> name, of every batch that was accepted before (except `but`)."""
    known: dict[str, str] = {}
    for batch in instance.get_dynamic_partitions(chain.batches.name or ""):
        if batch == but:
            continue
        records = instance.fetch_materializations(
            dg.AssetRecordsFilter(chain.key("raw_batch"), asset_partitions=[batch]), limit=1
        ).records
        if records and records[0].asset_materialization:
            known[str(records[0].asset_materialization.metadata[CONTENT].value)] = batch
    return known


def prepared_otherwise(instance: dg.DagsterInstance, chain: Chain) -> dict[str, int]:
    """The accepted batches whose rows went through another preparation than now's.

    With each the storage id of its newest materialization, which tells one outcome from the next.
    """
    wanted, found = chain.model.preparation(), {}
    for batch in instance.get_dynamic_partitions(chain.batches.name or ""):
        records = instance.fetch_materializations(
            dg.AssetRecordsFilter(chain.key("raw_batch"), asset_partitions=[batch]), limit=1
        ).records
        made = records[0].asset_materialization if records else None
        if made is not None and (
            PREPARED_BY not in made.metadata or made.metadata[PREPARED_BY].value != wanted
        ):
            found[batch] = records[0].storage_id
    return found


def build(chain: Chain) -> dg.AssetsDefinition:
    """The asset `<model>/raw_batch`, one partition a batch."""

    @chain.asset(
        "raw_batch",
        {"pandas", "parquet"},
        (
            f"One delivery of {chain.config.data.source}, kept by digest. A delivery that cannot "
            "be read, lacks columns or came before is quarantined with its reason; a single bad "
            "row is set aside with its reason and counted."
        ),
        partitions=chain.batches,
        code_version=chain.model.preparation(),
        checks=[
            chain.check("raw_batch", "usable_rows", "Enough rows, and few enough of them bad.")
        ],
    )
    def raw_batch(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
        from edge_assets.core.prepared import REASON
        from edge_assets.core.raw_data import DeliveryRefused
        from edge_assets.deliveries import inspect, read, refuse

        data, batch = chain.config.data, context.partition_key
        store, settings = platform.artifacts, platform.settings
        path = Path(settings.landing) / data.landing / batch
        if not path.exists():
            _restore(context, chain, store, path)
        try:
            known = known_contents(context.instance, chain, but=batch)
            delivery = inspect(chain.config, path, known)
            raw = read(chain.config, path)
            prepared, others = _prepared(chain.model, raw)
        except DeliveryRefused as refused:
            where = refuse(chain.config, path, Path(settings.quarantine), refused)
            if newest(context.instance, chain.key("raw_batch"), batch) is None:
                # It was no batch: a mended delivery may come under the same name.
                context.instance.delete_dynamic_partition(chain.batches.name or "", batch)
            yield chain.checked(
                "raw_batch",
                "usable_rows",
                False,
                {"reason": str(refused), "set aside in": str(where)},
            )
            raise

        rows_in = len(raw) - others
        counts = {"rows in": rows_in, "rows kept": len(prepared.kept), **_of_others(data, others)}
        yield chain.checked("raw_batch", "usable_rows", True, counts)
        set_aside = raw.loc[prepared.set_aside.index].assign(
            **{REASON: prepared.set_aside[REASON] if len(prepared.set_aside) else ""}
        )
        document = {
            "kind": "raw_batch",
            "model": chain.name,
            "batch": batch,
            "content": delivery.digest,
            "prepared_by": chain.model.preparation(),
            "inputs": {},
            "files": {
                part.path: store.put_file(path if path.is_file() else path / part.path)
                for part in delivery.files
            },
            "rows_in": rows_in,
            "rows_kept": len(prepared.kept),
            "set_aside": prepared.reasons,
            "kept": put_frame(store, prepared.kept),
            "set_aside_rows": put_frame(store, set_aside),
            **({"rows_of_others": others} if data.where else {}),
        }
        identity = {name: document[name] for name in ("content", "prepared_by")}
        metadata = {**_metadata(document, delivery), **_of_others(data, others)}
        yield result(store, document, metadata, identity=identity)

    return raw_batch


def _prepared(model: EdgeModel, raw: "pd.DataFrame") -> "tuple[Prepared, int]":
    """The model's own rows, prepared and judged, and how many were those of other models.

    Own rows are judged among themselves: those of others make no bad delivery a good one. Rows that
    say not whose they are count by their share of the delivery, for every model of it alike.
    Without an own row there is nothing to judge, and nothing is kept.

    Raises DeliveryRefused when too many rows were set aside.
    """
    import pandas as pd

    from edge_assets.core.prepared import REASON, Prepared
    from edge_assets.core.preparing import prepare_table
    from edge_assets.core.raw_data import judge_rows

    data, (own, unknown, others) = model.config.data, model.take(raw)
    if len(unknown):
        reasons = Prepared(own, unknown).reasons
        share = data.max_set_aside_share
        known = len(raw) - len(unknown)
        judge_rows(len(raw), known, reasons, max_set_aside_share=share, min_rows=0)
    if data.where and own.empty:
        prepared = prepare_table(own, data, model.config.prediction)
    else:
        prepared = model.prepare(own)
        judge_rows(
            len(own),
            len(prepared.kept),
            prepared.reasons,
            max_set_aside_share=data.max_set_aside_share,
            min_rows=data.min_rows,
        )
    if len(unknown):
        both = [part[[REASON]] for part in (prepared.set_aside, unknown) if len(part)]
        prepared = Prepared(prepared.kept, pd.concat(both).sort_index())
    return prepared, others


def _of_others(data: Data, others: int) -> dict[str, int]:
    """The metadata entry of rows that other models take."""
    return {"rows of others": others} if data.where else {}


def _restore(
    context: dg.AssetExecutionContext, chain: Chain, store: ArtifactStore, path: Path
) -> None:
    """Puts a batch that was accepted before back into the landing folder, from the store."""
    digest = newest(context.instance, chain.key("raw_batch"), context.partition_key)
    if digest is None:
        raise NotFound(
            f"there is no delivery {path}",
            remedy="put it there, or delete this partition if it was a mistake",
        )
    files = store.get_document(digest)["files"]
    for name, content in files.items():
        store.get_file(content, path if len(files) == 1 and name == path.name else path / name)


def _metadata(document: dict[str, Any], delivery: "Delivery") -> dict[str, Any]:
    reasons = [
        dg.TableRecord({"reason": reason, "rows": count})
        for reason, count in document["set_aside"].items()
    ]
    return {
        CONTENT: delivery.digest,
        PREPARED_BY: document["prepared_by"],
        "dagster/row_count": document["rows_kept"],
        "rows in": document["rows_in"],
        "rows set aside": document["rows_in"] - document["rows_kept"],
        "bytes": delivery.bytes,
        **({"set aside because": dg.MetadataValue.table(reasons)} if reasons else {}),
    }
