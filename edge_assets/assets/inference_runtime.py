"""`shared/inference_runtime`: what every image of the fleet has in common below its model."""

from typing import Any

import dagster as dg

from edge_assets.lineage import result
from resources.images.service_code import service_code
from resources.platform import Platform

KEY = dg.AssetKey(["shared", "inference_runtime"])


def when_missing_or_changed() -> dg.AutomationCondition[Any]:
    """Once when there is none, and again when the code changes; never again after a failure."""
    condition: Any = dg.AutomationCondition  # its operators are typed too narrowly
    wanted = condition.missing() | condition.code_version_changed().since_last_handled()
    made: dg.AutomationCondition[Any] = (
        wanted & ~condition.in_progress() & ~condition.execution_failed()
    )
    return made


def build() -> dg.AssetsDefinition:
    """The asset `shared/inference_runtime`."""

    @dg.asset(
        key=KEY,
        group_name="shared",
        kinds={"python", "docker"},
        owners=["team:platform"],
        code_version=service_code(),
        automation_condition=when_missing_or_changed(),
        description=(
            "The inference service and what it depends on, as the layers below a model: its data "
            "version changes when the service's code, a dependency or Python does, so that images "
            "built on the old one show as stale."
        ),
    )
    def inference_runtime(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
        from resources.images.runtime import describe_runtime

        runtime = describe_runtime()
        document = {"kind": "inference_runtime", "inputs": {}, **runtime}
        metadata = {
            "python": runtime["python"],
            "architecture": runtime["architecture"],
            "service code": runtime["code"],
            "distributions": dg.MetadataValue.table(
                [
                    dg.TableRecord({"distribution": name, "version": version})
                    for name, version in runtime["distributions"].items()
                ]
            ),
        }
        return result(platform.artifacts, document, metadata)

    return inference_runtime
