"""`dataset`: all accepted batches as one table, with a holdout whose rows never change sides."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from edge_assets.assets.feature_set import keys_of, put_features, renew_for
from edge_assets.chain import Chain
from edge_assets.features.registry import require_features
from edge_assets.frames import get_frame, put_frame, schema_of
from edge_assets.lineage import gate, newest, refuse_closed_gates, result
from protos.errors import GateClosed, NotFound
from resources.artifact_store import ArtifactStore
from resources.platform import Platform

if TYPE_CHECKING:
    import pandas as pd

BATCH = "batch"
"""The column that says which batch a row came with."""


class Batches(dg.Config):
    """The run configuration of `dataset`."""

    batches: list[str] = Field(
        default=[], description="The batches to take, by name; by default all that were accepted."
    )


def build(chain: Chain) -> dg.AssetsDefinition:
    """The asset `<model>/dataset`."""
    classes = chain.config.prediction.classes
    about = "Each class has rows to learn from, and rows to be judged on."
    every_class = [chain.check("dataset", "every_class", about)] if classes else []

    @chain.asset(
        "dataset",
        {"pandas", "parquet"},
        (
            "The rows that models learn from and are judged on. Whether a row is held out is "
            "decided by a hash of what it says, so it never changes sides, however much is added."
        ),
        deps=["raw_batch", *keys_of(chain)],
        automation=renew_for(keys_of(chain)),
        checks=[
            chain.check(
                "dataset", "leakage", "No row, and no column, gives the answer away to training."
            ),
            chain.check(
                "dataset", "one_preparation", "All batches were prepared by the code of now."
            ),
            *every_class,
        ],
    )
    def dataset(
        context: dg.AssetExecutionContext,
        config: Batches,
        platform: dg.ResourceParam[Platform],
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
        from edge_assets.core.holdout import split
        from edge_assets.core.leakage import find_leakage

        model, store = chain.config, platform.artifacts
        batches = chosen(accepted_batches(context.instance, chain), config.batches)
        documents = {name: store.get_document(digest) for name, digest in batches.items()}
        otherwise = _prepared_otherwise(documents, chain.model.preparation())
        yield chain.checked("dataset", "one_preparation", not otherwise, {"batches": otherwise})
        if otherwise:
            raise GateClosed(
                f"the dataset of {chain.name} is refused: batches were prepared by other code",
                why=f"{', '.join(otherwise)}: prepare, or the columns in model.yaml, changed since",
                remedy=f"materialize their raw_batch again (the sensor {chain.name}_new_data does "
                "so by itself), or withdraw them",
            )
        batches = {name: made for name, made in batches.items() if documents[name]["rows_kept"]}
        if not batches:
            raise NotFound(
                f"no accepted batch holds a row of {chain.name}",
                why="all rows of its batches are those of other models",
                remedy="deliver rows that data.where of its model.yaml asks for",
            )
        documents = {name: documents[name] for name in batches}
        rows = _read(store, documents)
        inputs, target = list(model.data.inputs), model.prediction.target
        parts = split(rows, columns=inputs, share=model.holdout.share, seed=model.holdout.seed)
        findings = find_leakage(
            parts.train,
            parts.holdout,
            features=model.data.seen,
            inputs=inputs,
            target=target,
            forbidden=model.data.leaking,
            key_columns=inputs,
            classes=model.prediction.classes,
        )
        reason = "; ".join(f"{f.subject}: {f.detail}" for f in findings) or "nothing leaks"
        document: dict[str, Any] = {
            "kind": "dataset",
            "model": chain.name,
            "inputs": {"raw_batch": list(batches.values()), **_features(store, chain)},
            "batches": list(batches),
            "newest_batch": list(batches)[-1],
            "train": put_frame(store, parts.train),
            "holdout": put_frame(store, parts.holdout),
            "rows": {
                "in": sum(made["rows_in"] for made in documents.values()),
                "kept": len(rows),
                "train": len(parts.train),
                "holdout": len(parts.holdout),
            },
            "columns": {str(name): str(dtype) for name, dtype in rows.dtypes.items()},
            "gates": {"leakage": gate(not findings, reason)},
        }
        if classes:
            lacking = _lacking(classes, {"train": parts.train, "holdout": parts.holdout}, target)
            document["gates"]["every_class"] = gate(not lacking, lacking or "every class has rows")
        checks = [
            chain.checked("dataset", name, verdict["passed"], {"reason": verdict["reason"]})
            for name, verdict in document["gates"].items()
        ]
        yield result(store, document, _metadata(chain, document, rows), checks=checks)

    return dataset


def accepted_batches(instance: dg.DagsterInstance, chain: Chain) -> dict[str, str]:
    """Name -> document of every batch that was accepted, in the order in which they arrived.

    A batch is withdrawn by deleting its partition. Raises NotFound when there is none.
    """
    found = {
        batch: digest
        for batch in instance.get_dynamic_partitions(chain.batches.name or "")
        if (digest := newest(instance, chain.key("raw_batch"), batch))
    }
    if not found:
        raise NotFound(
            f"{chain.name} has no accepted batch",
            remedy=f"put data into the landing folder, e.g.: edgectl data sample {chain.name}",
        )
    return found


def _lacking(classes: Sequence[Any], parts: Mapping[str, "pd.DataFrame"], target: str) -> str:
    """Which classes have no rows where; empty when all have some."""
    found = {name: set(rows[target]) for name, rows in parts.items()}
    missing = {name: [c for c in classes if c not in known] for name, known in found.items()}
    return "; ".join(
        f"{name} has no row of {', '.join(map(str, none))}"
        for name, none in missing.items()
        if none
    )


def _features(store: ArtifactStore, chain: Chain) -> dict[str, str]:
    """The shared features that models learn from it, as an input of the dataset's document."""
    wanted = chain.config.features
    if wanted is None:
        return {}
    return {"features": put_features(store, require_features(wanted, chain.name))}


def chosen(accepted: dict[str, str], names: Sequence[str]) -> dict[str, str]:
    """The accepted batches that are asked for, in their order; all where none is named.

    Raises NotFound naming those that were never accepted, or were withdrawn.
    """
    missing = [name for name in names if name not in accepted]
    if missing:
        raise NotFound(
            f"there is no accepted batch {', '.join(missing)}",
            why=f"accepted are: {', '.join(accepted)}",
            remedy="correct `batches` in the run's configuration",
        )
    return {name: digest for name, digest in accepted.items() if not names or name in names}


def _prepared_otherwise(documents: Mapping[str, Mapping[str, Any]], now: str) -> list[str]:
    return [name for name, made in documents.items() if made.get("prepared_by") != now]


def _read(store: ArtifactStore, documents: Mapping[str, Mapping[str, Any]]) -> "pd.DataFrame":
    import pandas as pd

    frames = []
    for name, document in documents.items():
        refuse_closed_gates(document, "the dataset")
        frames.append(get_frame(store, document["kept"]).assign(**{BATCH: name}))
    return pd.concat(frames, ignore_index=True)


def _metadata(chain: Chain, document: dict[str, Any], rows: "pd.DataFrame") -> dict[str, Any]:
    about = {column.name: column.about for column in chain.config.data.columns}
    about[BATCH] = "the batch that the row came with"
    about[chain.config.prediction.target] = "what is predicted"
    return {
        "dagster/row_count": document["rows"]["kept"],
        "rows to train": document["rows"]["train"],
        "rows held out": document["rows"]["holdout"],
        "rows set aside": document["rows"]["in"] - document["rows"]["kept"],
        "batches": len(document["batches"]),
        "newest batch": document["newest_batch"],
        "dagster/column_schema": schema_of(rows, about),
    }
