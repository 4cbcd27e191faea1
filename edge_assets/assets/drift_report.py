"""`drift_report[window]`: whether a window of captures looks like what the model learned from."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from edge_assets.chain import Chain
from edge_assets.frames import get_frame
from edge_assets.lineage import follow, required, result
from resources.artifact_store import ArtifactStore
from resources.platform import Platform

if TYPE_CHECKING:
    import pandas as pd

    from edge_assets.core.drift import DriftPolicy, DriftVerdict


def policy_of(chain: Chain) -> "DriftPolicy":
    """The drift policy of the model's `model.yaml`."""
    from edge_assets.core.drift import DriftPolicy
    from edge_assets.core.drift_columns import Duration

    drift = chain.config.drift
    return DriftPolicy(
        columns=drift.columns,
        categorical=drift.categorical,
        clocks=drift.clocks,
        durations=tuple(Duration(d.name, d.start, d.end) for d in drift.durations),
        texts=drift.texts,
        images=drift.images,
        min_rows=drift.min_rows,
        false_alarm_rate=drift.false_alarm_rate,
        min_effect=drift.min_effect,
    )


def build(chain: Chain) -> dg.AssetsDefinition:
    """The asset `<model>/drift_report`."""

    @chain.asset(
        "drift_report",
        {"evidently"},
        (
            "A window of captures against the rows that the released model learned from: drift, no "
            "drift or too little data, with effect sizes, sample sizes and the false-alarm rate."
        ),
        deps=["captures"],
        partitions=chain.windows,
        checks=[
            dg.AssetCheckSpec(
                "drift",
                asset=chain.key("drift_report"),
                blocking=False,
                description="Devices see what the model learned from. A warning, not a stop.",
            )
        ],
    )
    def drift_report(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult:
        from edge_assets.core.captures import inputs_of
        from edge_assets.core.drift import judge_drift
        from edge_assets.drift_page import drift_page

        store, window = platform.artifacts, context.partition_key
        captures = required(context.instance, chain.key("captures"), window)
        release = required(context.instance, chain.key("release"))
        dataset = next(made for _, made in follow(store, release) if made["kind"] == "dataset")
        inputs = list(chain.config.data.inputs)
        reference = _reference(store, dataset)[inputs]
        seen = inputs_of(get_frame(store, store.get_document(captures)["rows"]))
        verdict = judge_drift(reference, seen, policy_of(chain))
        page = store.put_bytes(drift_page(reference, seen, policy_of(chain), verdict))
        document = {
            "kind": "drift_report",
            "model": chain.name,
            "window": window,
            "inputs": {"captures": captures, "release": release},
            **verdict.to_json(),
            "page": page,
        }
        check = dg.AssetCheckResult(
            passed=verdict.word != "drift",
            severity=dg.AssetCheckSeverity.WARN,
            check_name="drift",
            asset_key=chain.key("drift_report"),
            metadata={"verdict": verdict.word, "reason": verdict.reason},
        )
        path = store.get_file(page, platform.work / "reports" / f"{chain.name}-{window}.html")
        metadata = {**_metadata(verdict), "report": dg.MetadataValue.path(path)}
        return result(store, document, metadata, checks=[check])

    return drift_report


def _reference(store: ArtifactStore, dataset: dict[str, Any]) -> "pd.DataFrame":
    """What the released model was made and judged with: rows to train and rows held out.

    Both are drawn from one world; where equal rows keep to one side, either side alone is not.
    """
    import pandas as pd

    parts = [get_frame(store, dataset[part]) for part in ("train", "holdout")]
    return pd.concat(parts, ignore_index=True)


def _metadata(verdict: "DriftVerdict") -> dict[str, Any]:
    from edge_assets.plots import feature_drift

    rows = [
        dg.TableRecord(
            {
                "column": column.column,
                "effect": round(column.effect, 4),
                "threshold": round(column.threshold, 4),
                "measure": column.measure,
                "drifted": column.drifted or column.nulls_drifted,
            }
        )
        for column in verdict.columns
    ]
    return {
        "verdict": verdict.word,
        "reason": verdict.reason,
        "columns": dg.MetadataValue.table(rows) if rows else "none compared",
        "largest effect": max((column.effect for column in verdict.columns), default=0.0),
        "rows in the window": verdict.window_rows,
        "rows in the reference": verdict.reference_rows,
        "false-alarm rate": verdict.false_alarm_rate,
        "least rows": verdict.min_rows,
        **(
            {"feature drift": dg.MetadataValue.md(feature_drift(verdict))}
            if verdict.columns
            else {}
        ),
    }
