"""What a comparison means for the hub: the layer of the newest image, and which devices get it.

The labels of the configuration say what is compared: `comparison` is the edge model, and not
`edge-model`, because a rollout takes what is labelled so for its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge.ab_manifests import (
    ShadowManifest,
    chosen_devices,
    comparison_id,
    shadow_deployment,
    split_condition,
)
from edge.manifests import target_condition
from edge_assets.chain import Chain
from edge_assets.core.fleet import DeviceObservation
from edge_assets.release_manifest import image_reference, manifest_of
from protos.errors import ConfigurationError

LABEL = "comparison"


@dataclass(frozen=True)
class Layer:
    """A configuration to be created in the hub."""

    id: str
    content: Mapping[str, Any]
    condition: str
    labels: Mapping[str, str]
    devices: tuple[str, ...]
    """Those that it changes now."""


@dataclass(frozen=True)
class Candidate:
    """The newest image: digest and content of its document, digest of its ONNX artifact."""

    digest: str
    document: Mapping[str, Any]
    model_digest: str


def shadow_layer(
    chain: Chain,
    registry: str,
    candidate: Candidate,
    rings: Sequence[str],
    fleet: Sequence[DeviceObservation],
) -> Layer:
    """The candidate beside the champion, on every device of the rings. Raises ConfigurationError.

    Nobody gets its answers, so no approval is asked for.
    """
    devices = _devices(chain, rings, fleet)
    device = chain.config.device
    image, module_image = _images(chain, registry, candidate)
    content = shadow_deployment(
        chain.name,
        ShadowManifest(
            image=image,
            module_image=module_image,
            model_digest=candidate.model_digest,
            port=device.port,
            memory_bytes=device.memory_bytes,
        ),
    )
    return Layer(
        comparison_id(chain.name, "shadow", candidate.document["image"]),
        content,
        target_condition(chain.name, rings),
        {LABEL: chain.name, "mode": "shadow", "candidate": candidate.model_digest},
        tuple(devices),
    )


def split_layer(
    chain: Chain,
    registry: str,
    candidate: Candidate,
    rings: Sequence[str],
    fleet: Sequence[DeviceObservation],
    *,
    share: float,
    approver: str,
    reason: str,
) -> Layer:
    """The candidate in place of the champion, on a share of the devices of each ring.

    People get its answers, so somebody must say that they may. Raises ConfigurationError.
    """
    if not approver.strip() or not reason.strip():
        raise ConfigurationError(
            "a split needs somebody who answers for it",
            why="the candidate's answers go to whoever asks these devices",
            remedy="say who and why: --by NAME --reason TEXT",
        )
    devices = chosen_devices(_devices(chain, rings, fleet), share, candidate.model_digest)
    # As if it were released: everything that a release brings to devices comes with it.
    release = {**candidate.document, "number": 1, "model_digest": candidate.model_digest}
    content = manifest_of(chain, registry, candidate.digest, release)
    labels = {"mode": "split", "candidate": candidate.model_digest, "by": approver}
    return Layer(
        comparison_id(chain.name, "split", candidate.document["image"]),
        content,
        split_condition(chain.name, rings, devices),
        {LABEL: chain.name, **labels, "reason": reason[:512]},
        tuple(devices),
    )


def _devices(chain: Chain, rings: Sequence[str], fleet: Sequence[DeviceObservation]) -> list[str]:
    known = [ring.name for ring in chain.config.rollout.rings]
    strangers = [ring for ring in rings if ring not in known]
    if strangers:
        raise ConfigurationError(
            f"{chain.name} has no ring {strangers[0]}", remedy=f"rings are: {', '.join(known)}"
        )
    devices = sorted(
        device.device_id
        for device in fleet
        if device.ring in rings and (device.tags.get("models") or {}).get(chain.name) == "on"
    )
    if not devices:
        raise ConfigurationError(
            f"no device of {', '.join(rings)} is meant for {chain.name}",
            remedy="see the fleet: edgectl fleet list",
        )
    return devices


def _images(chain: Chain, registry: str, candidate: Candidate) -> tuple[str, str]:
    document = candidate.document
    return (
        image_reference(registry, chain.name, document["image"]),
        image_reference(registry, f"{chain.name}-smoke-test", document["smoke_test_image"]),
    )
