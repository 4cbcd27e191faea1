"""The new-data sensor: finds deliveries in the landing folder and turns them into batches."""

import json
import time
from pathlib import Path

import dagster as dg

from edge_assets.assets.raw_batch import known_contents, prepared_otherwise
from edge_assets.chain import Chain
from protos.digests import short
from resources.platform import Platform

SETTLED_SECONDS = 1.0
"""A delivery that was written to within this time may still be growing."""

BATCHES_A_TICK = 20
"""A tick has 60 seconds, and each delivery is read once."""


def _last_change(path: Path) -> float:
    """When the delivery, or any file in it, was last written to (seconds since the epoch)."""
    files = [path, *(path.rglob("*") if path.is_dir() else ())]
    return max(float(file.stat().st_mtime) for file in files)


def deliveries(folder: Path) -> list[Path]:
    """What lies in the landing folder, oldest first; hidden names are still being written."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if not path.name.startswith((".", "_"))]
    return sorted(found, key=lambda path: (_last_change(path), path.name))


def build(chain: Chain) -> dg.SensorDefinition:
    """The sensor `<model>_new_data`."""

    @dg.sensor(
        name=f"{chain.name}_new_data",
        target=dg.AssetSelection.assets(chain.key("raw_batch")),
        minimum_interval_seconds=10,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Looks into the landing folder. A new delivery that can be read becomes a batch and is "
            "materialized; one that cannot, or that came before, is quarantined with its reason. "
            "Batches that other code prepared are prepared again."
        ),
    )
    def new_data(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SensorResult | dg.SkipReason:
        from edge_assets.core.quarantine import quarantine
        from edge_assets.core.raw_data import DeliveryRefused
        from edge_assets.deliveries import inspect

        data, settings = chain.config.data, platform.settings
        landing = Path(settings.landing) / data.landing
        preparation = chain.model.preparation()
        again = []
        if _seen(context.cursor) != preparation:
            again = _prepare_again(context.instance, chain, preparation)
            context.update_cursor(json.dumps({"preparation": preparation}))
        batches = set(context.instance.get_dynamic_partitions(chain.batches.name or ""))
        # A batch is withdrawn by deleting its partition; its delivery, which still lies there, must
        # not bring it back.
        batches |= context.instance.get_materialized_partitions(chain.key("raw_batch"))
        new = [path for path in deliveries(landing) if path.name not in batches]
        settled = [p for p in new if time.time() - _last_change(p) >= SETTLED_SECONDS]
        if not settled and not again:
            waiting = f", {len(new)} still being written" if new else ""
            return dg.SkipReason(f"no new delivery in {landing}{waiting}")

        known = known_contents(context.instance, chain)
        accepted: dict[str, str] = {}
        refusals = []
        for path in settled[:BATCHES_A_TICK]:
            try:
                delivery = inspect(chain.config, path, known)
            except DeliveryRefused as refused:
                where = quarantine(path, Path(settings.quarantine) / data.landing, refused)
                refusals.append(f"{refused} (set aside in {where})")
            else:
                accepted[path.name] = delivery.digest
                known[delivery.digest] = path.name
        for refusal in refusals:
            context.log.warning(refusal)
        if not accepted and not again:
            return dg.SkipReason(f"{len(refusals)} deliveries refused: {'; '.join(refusals)}")
        return dg.SensorResult(
            run_requests=[
                *again,
                *(
                    # With the content: a mended delivery may come under the name of a refused one.
                    _request(chain, name, short(digest), "new data")
                    for name, digest in accepted.items()
                ),
            ],
            dynamic_partitions_requests=[chain.batches.build_add_request(list(accepted))],
        )

    return new_data


def _seen(cursor: str | None) -> str | None:
    """The preparation that the sensor saw last; what it cannot read is none."""
    try:
        known = json.loads(cursor or "{}")
    except ValueError:
        return None
    return known.get("preparation") if isinstance(known, dict) else None


def _prepare_again(
    instance: dg.DagsterInstance, chain: Chain, preparation: str
) -> list[dg.RunRequest]:
    """A run for each batch that other code prepared: a dataset takes only rows of one kind."""
    return [
        _request(chain, batch, f"{outcome}:{short(preparation)}", "new preparation")
        for batch, outcome in prepared_otherwise(instance, chain).items()
    ]


def _request(chain: Chain, batch: str, key: str, trigger: str) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{chain.name}:{batch}:{key}",
        partition_key=batch,
        tags={"trigger": trigger, "edge-model": chain.name},
    )
