"""`release`: a candidate that passed every gate and was approved by a person."""

from collections.abc import Collection
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import dagster as dg

from edge_assets.chain import Chain
from edge_assets.core.approval import Approval, judge_approval
from edge_assets.lineage import follow, handed_on, newest, required, result
from resources.artifact_store import ArtifactStore
from resources.platform import Platform

ON_THE_WAY = ("dataset", "trained_model", "onnx_model")
"""What is made before an image, and has gates of its own."""


class Decision(Enum):
    """What the approver decided."""

    approve = "approve"
    reject = "reject"


class ApprovalConfig(dg.Config):
    """Who decided what about exactly which image, and why.

    Every field is required: the UI asks for them, and automation, which has none, is refused.
    """

    approver: str
    decision: Decision
    reason: str
    image_digest: str


def build(chain: Chain) -> dg.AssetsDefinition:
    """The asset `<model>/release`."""

    @chain.asset(
        "release",
        {"approval"},
        (
            "A candidate that passed every gate and that a person approved by the digest of its "
            "image. Never made by automation: approver, decision, reason and digest are required. "
            "Refused for an image that is the newest release already."
        ),
        deps=["container_image"],
    )
    def release(
        context: dg.AssetExecutionContext,
        config: ApprovalConfig,
        platform: dg.ResourceParam[Platform],
    ) -> dg.MaterializeResult:
        store = platform.artifacts
        image_document = required(context.instance, chain.key("container_image"))
        documents = follow(store, image_document)
        approval = Approval(
            config.approver, config.decision is Decision.approve, config.reason, config.image_digest
        )
        previous = newest(context.instance, chain.key("release"))
        released = store.get_document(previous) if previous else None
        newer = _newer(context.instance, chain, store, {digest for digest, _ in documents})
        judge_approval(approval, [document for _, document in documents], released, newer)

        image = documents[0][1]
        onnx = next(document for _, document in documents if document["kind"] == "onnx_model")
        number = released["number"] + 1 if released else 1
        elsewhere = handed_on(context.instance, chain.key("container_image"))
        document = {
            "kind": "release",
            "model": chain.name,
            "number": number,
            "inputs": {
                "container_image": image_document,
                **({"handed_on": elsewhere} if elsewhere else {}),
            },
            "previous": previous,
            "image": image["image"],
            "smoke_test_image": image["smoke_test_image"],
            "modules": image.get("modules", []),
            "model_digest": onnx["onnx"],
            "approver": config.approver,
            "reason": config.reason,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "gates": {
                f"{made['kind']}/{name}": verdict
                for _, made in documents
                for name, verdict in made.get("gates", {}).items()
            },
        }
        metadata = {
            "number": number,
            "approver": config.approver,
            "reason": config.reason,
            "image": image["image"],
            "model digest": onnx["onnx"],
            "gates": dg.MetadataValue.json(document["gates"]),
        }
        return result(store, document, metadata)

    return release


def _newer(
    instance: dg.DagsterInstance, chain: Chain, store: ArtifactStore, behind: Collection[str]
) -> list[dict[str, Any]]:
    """The newest documents on the way to an image that are not `behind` it, in their order."""
    found = (newest(instance, chain.key(asset)) for asset in ON_THE_WAY)
    return [store.get_document(digest) for digest in found if digest and digest not in behind]
