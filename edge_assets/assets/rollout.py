"""`rollout`: the way of a release through the rings of the fleet."""

from collections.abc import Iterator

import dagster as dg

from edge_assets.chain import Chain, propagate
from edge_assets.core.approval import judge_rollout_request
from edge_assets.core.fleet import DeviceObservation
from edge_assets.core.rollout import DeviceVerdict, Release
from edge_assets.lineage import newest, refuse_closed_gates, result
from edge_assets.release_manifest import manifest_of, release_of
from edge_assets.rollout_controller import Outcome, Pace, converge
from protos.errors import RolloutFailed
from resources.platform import Platform


class RolloutConfig(dg.Config):
    """Which release goes out: the newest, or an earlier one by the digest of its document."""

    release: str = ""


def _table(verdicts: tuple[DeviceVerdict, ...], fleet: list[DeviceObservation]) -> dg.MetadataValue:
    """At most 50 devices, since the UI shows every row of a table at once."""
    smoke = {device.device_id: device.smoke or {} for device in fleet}
    records = [
        dg.TableRecord(
            {
                "device": verdict.device,
                "ring": verdict.ring,
                "state": verdict.state,
                "p95 ms": str((smoke[verdict.device].get("latency_ms") or {}).get("p95", "")),
                "reason": verdict.reason,
            }
        )
        for verdict in verdicts[:50]
    ]
    return dg.MetadataValue.table(records)


def build(chain: Chain) -> dg.AssetsDefinition:
    """The asset `<model>/rollout`."""

    @chain.asset(
        "rollout",
        {"azure"},
        (
            "Brings the approved release to the fleet, ring by ring: one layered deployment, its "
            "target widened when a ring's gate opens, the ring rolled back when it closes. Refused "
            "when the newest image is not the approved one."
        ),
        deps=["release"],
        automation=propagate(),
        checks=[
            chain.check(
                "rollout", "ring_gates", "Every ring has its share of proven devices, in order."
            )
        ],
    )
    def rollout(
        context: dg.AssetExecutionContext,
        config: RolloutConfig,
        platform: dg.ResourceParam[Platform],
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
        store, settings = platform.artifacts, platform.settings
        digest = config.release or newest(context.instance, chain.key("release"))
        document = store.get_document(digest) if digest else None
        image_document = newest(context.instance, chain.key("container_image"))
        newest_image = store.get_document(image_document)["image"] if image_document else None
        document = judge_rollout_request(document, newest_image, chosen=bool(config.release))
        refuse_closed_gates(document, "the rollout")
        digest = store.put_document(document)

        release = release_of(chain, settings.registry, digest, document)
        try:
            outcome = converge(
                platform.hub,
                release,
                manifest_of(chain, settings.registry, digest, document),
                settings.rings(chain.config.rollout.rings),
                pace=Pace(settings.rollout_poll_seconds),
                report=context.log.info,
            )
        except RolloutFailed as closed:
            yield chain.checked("rollout", "ring_gates", False, {"reason": closed.why})
            raise
        fleet = platform.hub.observe(chain.name)
        context.instance.add_dynamic_partitions(
            chain.devices.name or "", [verdict.device for verdict in outcome.verdicts]
        )
        yield chain.checked("rollout", "ring_gates", True, {"reason": outcome.decisions[-1]})
        yield _result(chain, platform, digest, release, outcome, fleet)

    return rollout


def _result(
    chain: Chain,
    platform: Platform,
    digest: str,
    release: Release,
    outcome: Outcome,
    fleet: list[DeviceObservation],
) -> dg.MaterializeResult:
    from edge_assets.plots import rollout_progress

    rings = [ring.name for ring in chain.config.rollout.rings]
    document = {
        "kind": "rollout",
        "model": chain.name,
        "inputs": {"release": digest},
        "configuration": release.configuration,
        "proven": {
            ring: sorted(
                v.device for v in outcome.verdicts if v.ring == ring and v.state == "proven"
            )
            for ring in rings
        },
    }
    metadata = {
        "configuration": release.configuration,
        "devices proven": sum(v.state == "proven" for v in outcome.verdicts),
        "devices": _table(outcome.verdicts, fleet),
        "progress": dg.MetadataValue.md(rollout_progress(outcome.verdicts, rings)),
        "decisions": dg.MetadataValue.md("\n".join(f"1. {reason}" for reason in outcome.decisions)),
        "seconds": outcome.seconds,
    }
    return result(platform.artifacts, document, metadata)
