"""The performance sensor: has the released model judged again when answers or labels are new."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg

from edge_assets.chain import Chain

_WATCHED = ("captures", "raw_batch", "release")


def build(chain: Chain) -> dg.SensorDefinition:
    """The sensor `<model>_performance`."""
    report = chain.key("performance_report")

    @dg.sensor(
        name=f"{chain.name}_performance",
        target=dg.AssetSelection.assets(report),
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Has the released model judged on live traffic: at once after a new batch or release, "
            "since labels come with batches; after new captures alone not more often than "
            "performance.interval_seconds."
        ),
    )
    def performance(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        newest = {name: _newest(context.instance, chain.key(name)) for name in _WATCHED}
        if newest["release"] is None:
            return dg.SkipReason("nothing is released yet, so there is no model to judge")
        if newest["captures"] is None:
            return dg.SkipReason("no window of captures was collected yet")
        state = json.loads(context.cursor) if context.cursor else {}
        now = datetime.now(UTC)
        why = _why_not(newest, state, chain.config.performance.interval_seconds, now)
        if why:
            return dg.SkipReason(why)
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=":".join([chain.name, *(f"{newest[name]}" for name in _WATCHED)]),
                    asset_selection=[report],
                    tags={"trigger": "performance", "edge-model": chain.name},
                )
            ],
            cursor=json.dumps({"seen": newest, "asked": now.isoformat()}),
        )

    return performance


def _newest(instance: dg.DagsterInstance, key: dg.AssetKey) -> int | None:
    """The storage id of the newest materialization, whichever the partition."""
    records = instance.fetch_materializations(dg.AssetRecordsFilter(key), limit=1).records
    return records[0].storage_id if records else None


def _why_not(
    newest: Mapping[str, int | None], state: Mapping[str, object], interval: float, now: datetime
) -> str:
    """Why no report is due; empty when one is. `state` is what the last request remembered."""
    seen = state.get("seen")
    if not isinstance(seen, dict):
        return ""
    new = [name for name in _WATCHED if newest[name] != seen.get(name)]
    if not new:
        return "nothing is new since the last report was asked for"
    asked = datetime.fromisoformat(str(state["asked"]))
    left = (asked + timedelta(seconds=interval) - now).total_seconds()
    if new == ["captures"] and left > 0:
        return f"only captures are new; the next report is due in {left:.0f} s"
    return ""
