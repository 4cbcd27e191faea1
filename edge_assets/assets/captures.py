"""`captures[window]`: what devices were asked and answered in a window, each prediction once."""

from datetime import timedelta

import dagster as dg

from edge_assets.chain import Chain
from edge_assets.core.windows import Window
from edge_assets.frames import put_frame, schema_of
from edge_assets.lineage import result
from protos.errors import NotFound
from resources.platform import Platform


def build(chain: Chain) -> dg.AssetsDefinition:
    """The asset `<model>/captures`, one partition a window."""

    @chain.asset(
        "captures",
        {"azure", "parquet"},
        (
            "Inputs and outputs of the predictions that devices made in a window of time, with the "
            "digest of the model that made them. Delivered at least once, counted once."
        ),
        deps=["deployment"],
        partitions=chain.windows,
    )
    def captures(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult:
        window = Window.parse(context.partition_key)
        lag = timedelta(seconds=platform.settings.telemetry_lag_seconds)
        found = platform.telemetry.captures(chain.name, window.start, window.end, lag)
        if found.frame.empty:
            raise NotFound(
                f"no captures in {context.partition_key}",
                remedy="materialize a window in which devices were asked",
            )
        digests = sorted(found.frame["model_digest"].unique())
        document = {
            "kind": "captures",
            "model": chain.name,
            "window": window.key,
            "inputs": {},
            "rows": put_frame(platform.artifacts, found.frame),
            "model_digests": digests,
            "counts": {
                "rows": len(found.frame),
                "records": found.records,
                "duplicates": found.duplicates,
                "malformed": found.malformed,
                "over_limit": found.over_limit,
            },
        }
        metadata = {
            "dagster/row_count": len(found.frame),
            "devices": int(found.frame["device"].nunique()),
            "model digests": ", ".join(digests),
            "delivered again": found.duplicates,
            "set aside": found.malformed,
            "dagster/column_schema": schema_of(found.frame, {}),
        }
        if found.set_aside:
            metadata["set aside because"] = dg.MetadataValue.table(
                [
                    dg.TableRecord({"file": s.file, "line": s.line, "reason": s.reason})
                    for s in found.set_aside[:50]
                ]
            )
        return result(platform.artifacts, document, metadata)

    return captures
