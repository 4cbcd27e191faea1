"""`release`: a candidate that passed every gate and was approved by a person."""

from datetime import UTC, datetime
from enum import Enum

import dagster as dg

from edge_assets.chain import Chain
from edge_assets.core.approval import Approval, judge_approval
from edge_assets.lineage import follow, newest, required, result
from resources.platform import Platform


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
            "image. Never made by automation: approver, decision, reason and digest are required."
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
        judge_approval(approval, [document for _, document in documents])

        image = documents[0][1]
        onnx = next(document for _, document in documents if document["kind"] == "onnx_model")
        previous = newest(context.instance, chain.key("release"))
        number = store.get_document(previous)["number"] + 1 if previous else 1
        document = {
            "kind": "release",
            "model": chain.name,
            "number": number,
            "inputs": {"container_image": image_document},
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
