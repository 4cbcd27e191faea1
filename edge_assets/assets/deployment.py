"""`deployment[device]`: what one device runs of the edge model, proven."""

import json
from typing import Any

import dagster as dg

from edge_assets.chain import Chain
from edge_assets.core.deployment import Deployment, judge_deployment
from edge_assets.core.fleet import DeviceObservation
from edge_assets.lineage import DOCUMENT, required, result
from edge_assets.release_manifest import release_of
from protos.errors import NotFound, RolloutFailed
from resources.artifact_store import ArtifactStore
from resources.platform import Platform


def deployment_document(
    chain: Chain, registry: str, store: ArtifactStore, release: str, device: DeviceObservation
) -> tuple[Deployment, dict[str, Any]]:
    """How a device stands against a release, and the document that says so."""
    expected = release_of(chain, registry, release, store.get_document(release))
    deployment = judge_deployment(device, expected)
    document = {
        "kind": "deployment",
        "model": chain.name,
        "device": device.device_id,
        "ring": device.ring,
        "inputs": {"release": release},
        "image": deployment.image,
        "served_digest": deployment.served_digest,
        "proven": deployment.proven,
        "reason": deployment.reason,
    }
    return deployment, document


def deployment_metadata(deployment: Deployment, device: DeviceObservation) -> dict[str, Any]:
    """What the UI shows of one device."""
    smoke = dict(device.smoke or {})
    latency = smoke.get("latency_ms") or {}
    metadata = {
        "ring": device.ring or "none",
        "proven": deployment.proven,
        "reason": deployment.reason,
        "desired image": deployment.desired_image or "none",
        "reported image": deployment.image or "none",
        "served digest": deployment.served_digest or "none",
        "smoke test": dg.MetadataValue.json(json.loads(json.dumps(smoke))),
        "last seen": device.last_seen.isoformat() if device.last_seen else "never",
    }
    if latency.get("p95") is not None:
        metadata["latency p95 (ms)"] = float(f"{latency['p95']:.3g}")
    return metadata


def build(chain: Chain) -> dg.AssetsDefinition:
    """The asset `<model>/deployment`, one partition a device."""

    @chain.asset(
        "deployment",
        {"azure"},
        (
            "What one device runs, proven by its own smoke test: the served digest is the released "
            "one, golden answers are right, latencies within budget. Materializing it asks the hub "
            "now; the fleet sensor does so for every device whose state changed."
        ),
        deps=["rollout"],
        partitions=chain.devices,
    )
    def deployment(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult:
        name = context.partition_key
        fleet = {device.device_id: device for device in platform.hub.observe(chain.name)}
        if name not in fleet:
            raise NotFound(
                f"the hub knows no device {name} that is tagged for {chain.name}",
                remedy="see the fleet with: edgectl fleet list",
            )
        release = required(context.instance, chain.key("release"))
        found, document = deployment_document(
            chain, platform.settings.registry, platform.artifacts, release, fleet[name]
        )
        if not found.proven:
            raise RolloutFailed(
                f"device {name} does not prove the newest release",
                why=found.reason,
                remedy=f"see what it reports with: edgectl fleet show {name}",
            )
        return result(platform.artifacts, document, deployment_metadata(found, fleet[name]))

    return deployment


def deployment_event(
    chain: Chain, platform: Platform, release: str, device: DeviceObservation
) -> dg.AssetMaterialization | dg.AssetObservation:
    """A device's state as an event: proven ones materialize `deployment`, others are observed."""
    found, document = deployment_document(
        chain, platform.settings.registry, platform.artifacts, release, device
    )
    metadata = {
        DOCUMENT: platform.artifacts.put_document(document),
        **deployment_metadata(found, device),
    }
    kind = dg.AssetMaterialization if found.proven else dg.AssetObservation
    return kind(chain.key("deployment"), partition=device.device_id, metadata=metadata)
