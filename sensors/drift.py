"""The drift sensor: a window that drifted asks for one training run, at most once a cool-down."""

import json
from datetime import UTC, datetime

import dagster as dg

from edge_assets.chain import Chain
from edge_assets.core.retraining import Retraining, judge_retraining
from edge_assets.lineage import newest
from resources.platform import Platform

RETRAINED = ("dataset", "trained_model", "onnx_model", "container_image")
"""What a drift run makes, in one run; the approval that follows is a person's."""


def build(chain: Chain) -> dg.SensorDefinition:
    """The sensor `<model>_drift`."""

    @dg.sensor(
        name=f"{chain.name}_drift",
        target=dg.AssetSelection.assets(*(chain.key(asset) for asset in RETRAINED)),
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Reads the newest drift report. When it says drift of the released model, and no run "
            "was asked for within the cool-down, one run from the dataset to the image is asked "
            "for, with the evidence in its tags."
        ),
    )
    def drift(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SensorResult | dg.SkipReason:
        report = newest(context.instance, chain.key("drift_report"))
        release = newest(context.instance, chain.key("release"))
        if report is None or release is None:
            return dg.SkipReason("nothing is released, or no window was judged yet")
        document = platform.artifacts.get_document(report)
        state = json.loads(context.cursor) if context.cursor else {}
        now = datetime.now(UTC)
        asked = datetime.fromisoformat(state["asked"]) if "asked" in state else None
        decision: Retraining = judge_retraining(
            verdict=document["verdict"],
            window=document["window"],
            judged_release=document["inputs"]["release"],
            current_release=release,
            last_window=state.get("window"),
            last_asked=asked,
            cooldown_seconds=chain.config.drift.cooldown_seconds,
            now=now,
        )
        if not decision.retrain:
            return dg.SkipReason(decision.reason)
        worst = document["columns"][0]
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=f"{chain.name}:{document['window']}",
                    asset_selection=[chain.key(asset) for asset in RETRAINED],
                    tags={
                        "trigger": "drift",
                        "edge-model": chain.name,
                        "window": document["window"],
                        "drift-report": report,
                        "drift-column": worst["column"],
                        "drift-effect": f"{worst['effect']:.3f}",
                    },
                )
            ],
            cursor=json.dumps({"window": document["window"], "asked": now.isoformat()}),
        )

    return drift
