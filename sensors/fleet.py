"""The fleet sensor: the facts of devices become events of `deployment[device]`."""

import json
import re

import dagster as dg

from edge_assets.assets.deployment import deployment_event
from edge_assets.chain import Chain
from edge_assets.lineage import newest
from protos.digests import digest_json, short
from protos.errors import EdgeAssetsError
from resources.platform import Platform

EVENTS_A_TICK = 1000
"""Ticks are bounded; devices beyond this come with the next one."""


def build(chain: Chain) -> dg.SensorDefinition:
    """The sensor `<model>_fleet`."""

    @dg.sensor(
        name=f"{chain.name}_fleet",
        minimum_interval_seconds=15,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Asks the hub what every device runs and records each change: a proven device "
            "materializes its deployment, one that is not proven is observed with the reason."
        ),
    )
    def fleet(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SensorResult | dg.SkipReason:
        release = newest(context.instance, chain.key("release"))
        if release is None:
            return dg.SkipReason("nothing is released yet, so no device can prove anything")
        try:
            devices = platform.hub.observe(chain.name)
        except EdgeAssetsError as error:
            return dg.SkipReason(str(error))
        known: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
        events: list[dg.AssetMaterialization | dg.AssetObservation] = []
        now = dict(known)
        for device in devices:
            event = deployment_event(chain, platform, release, device)
            proven = isinstance(event, dg.AssetMaterialization)
            # Numbers in a reason (seconds, counts) change with every tick: no change of state.
            reason = re.sub(r"[0-9.]+", "", str(event.metadata["reason"].value))
            state = short(digest_json([release, proven, reason]))
            if known.get(device.device_id) != state and len(events) < EVENTS_A_TICK:
                events.append(event)
                now[device.device_id] = state
        if not events:
            return dg.SkipReason(f"no change on {len(devices)} devices")
        keys = set(context.instance.get_dynamic_partitions(chain.devices.name or ""))
        new = [e.partition for e in events if e.partition and e.partition not in keys]
        return dg.SensorResult(
            asset_events=events,
            cursor=json.dumps(now),
            dynamic_partitions_requests=[chain.devices.build_add_request(new)] if new else [],
        )

    return fleet
