"""`batch_scores[batch]`: the released model's predictions for every raw row of a delivery.

Made on demand and not by automation: a batch comes to be learned from, with labels, and most
batches are never asked about. Scored by automation, each release would score each batch ever
delivered again, which costs more than the chain itself and is looked at by nobody. Who wants the
scores of a batch materializes its partition; who wants those of other rows uses `edgectl score`.

The same batch and release give the same document: nothing in it tells when it was made.
"""

from typing import Any

import dagster as dg

from edge_assets.chain import Chain
from edge_assets.frames import put_frame, schema_of
from edge_assets.lineage import refuse_closed_gates, required, result
from protos.errors import DataRefused
from resources.platform import Platform

_REASONS = 20


def build(chain: Chain) -> dg.AssetsDefinition:
    """The asset `<model>/batch_scores`, one partition a batch."""

    @chain.asset(
        "batch_scores",
        {"onnx", "parquet"},
        (
            "What the newest release predicts for the raw rows of a batch, with the engine of the "
            "device: one row for each raw row, in their order. A row that cannot be scored is "
            "there too, with its reason."
        ),
        deps=["raw_batch", "release"],
        partitions=chain.batches,
    )
    def batch_scores(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult:
        import tempfile
        from pathlib import Path

        from edge_assets.core.scoring import summary
        from edge_assets.deliveries import read
        from edge_assets.scorer import Scorer, artifact_of, restore

        store, batch = platform.artifacts, context.partition_key
        raw_batch = required(context.instance, chain.key("raw_batch"), batch)
        release = required(context.instance, chain.key("release"))
        refuse_closed_gates(store.get_document(release), "scoring")
        delivered = store.get_document(raw_batch)
        scorer = Scorer(chain.model, store, artifact_of(store, release))
        # From the files as they came, and not from the rows that were kept of them.
        with tempfile.TemporaryDirectory(dir=platform.work) as folder:
            raw = read(chain.config, restore(store, delivered["files"], Path(folder), batch))
        scores = scorer.score(raw)
        counted = summary(scores, chain.config.prediction)
        if not counted["scored"]:
            raise DataRefused(
                f"no row of {batch} can be scored",
                why="; ".join(f"{why} ({n} rows)" for why, n in [*counted["reasons"].items()][:3]),
                remedy="look at the batch, or score with the release that it was delivered for",
            )
        document = {
            "kind": "batch_scores",
            "model": chain.name,
            "batch": batch,
            "inputs": {"raw_batch": raw_batch, "release": release},
            "model_digest": scorer.digest,
            "scores": put_frame(store, scores),
            **counted,
        }
        schema = schema_of(scores, {"rejected": "why there is no prediction; empty where there is"})
        return result(store, document, {**_metadata(document), "dagster/column_schema": schema})

    return batch_scores


def _metadata(document: dict[str, Any]) -> dict[str, Any]:
    reasons = [
        dg.TableRecord({"reason": reason, "rows": rows})
        for reason, rows in [*document["reasons"].items()][:_REASONS]
    ]
    classes = [
        dg.TableRecord({"class": label, "rows": rows})
        for label, rows in document.get("classes", {}).items()
    ]
    return {
        "dagster/row_count": document["rows"],
        "rows scored": document["scored"],
        "rows rejected": document["rejected"],
        "model digest": document["model_digest"],
        "scores": document["scores"],
        **({"mean prediction": document["mean"]} if "mean" in document else {}),
        **({"classes": dg.MetadataValue.table(classes)} if classes else {}),
        **({"rejected because": dg.MetadataValue.table(reasons)} if reasons else {}),
    }
