"""The captures sensor: closes a window of captures and has it collected and judged."""

import json
from datetime import UTC, datetime, timedelta

import dagster as dg

from edge_assets.chain import Chain
from edge_assets.core.windows import close_window
from edge_assets.lineage import newest
from resources.platform import Platform


def _first_start(released: str | None, now: datetime) -> datetime:
    """Where the first window begins: at the release, at most a day ago."""
    day = now - timedelta(days=1)
    return max(day, datetime.fromisoformat(released)) if released else day


def build(chain: Chain) -> dg.SensorDefinition:
    """The sensor `<model>_captures`."""
    keys = [chain.key("captures"), chain.key("drift_report")]

    @dg.sensor(
        name=f"{chain.name}_captures",
        target=dg.AssetSelection.assets(*keys),
        minimum_interval_seconds=15,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Counts what devices captured since the last window. With enough rows, or after the "
            "window's length, the window is closed, collected and judged for drift."
        ),
    )
    def captures(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SensorResult | dg.SkipReason:
        release = newest(context.instance, chain.key("release"))
        if release is None:
            return dg.SkipReason("nothing is released yet, so no device can capture anything")
        policy = chain.config.drift
        now = datetime.now(UTC).replace(microsecond=0)  # windows end on whole seconds
        lag = timedelta(seconds=platform.settings.telemetry_lag_seconds)
        state = json.loads(context.cursor) if context.cursor else {}
        start = (
            datetime.fromisoformat(state["end"])
            if "end" in state
            else _first_start(platform.artifacts.get_document(release).get("time"), now)
        )
        rows = len(platform.telemetry.captures(chain.name, start, now - lag, lag).frame)
        window, reason = close_window(
            start, now, lag, rows, min_rows=policy.min_rows, seconds=policy.window_seconds
        )
        if window is None:
            return dg.SkipReason(reason)
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=f"{chain.name}:{window.key}",
                    asset_selection=keys,
                    partition_key=window.key,
                    tags={"trigger": "captures", "edge-model": chain.name},
                )
            ],
            dynamic_partitions_requests=[chain.windows.build_add_request([window.key])],
            cursor=json.dumps({"end": window.end.isoformat()}),
        )

    return captures
