"""The new-data sensor: finds deliveries in the landing folder and turns them into batches."""

import json
import time
from pathlib import Path
from typing import NamedTuple

import dagster as dg

from edge_assets.assets.raw_batch import known_contents, prepared_otherwise
from edge_assets.chain import Chain
from edge_assets.core.refused import last_change, noted
from protos.digests import short
from resources.platform import Platform

SETTLED_SECONDS = 1.0
"""A delivery that was written to within this time may still be growing."""

BATCHES_A_TICK = 20
"""A tick has 60 seconds, and each delivery is read once; twice where rows are chosen from it."""


def deliveries(folder: Path) -> list[Path]:
    """What lies in the landing folder, oldest first; hidden names are still being written."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if not path.name.startswith((".", "_"))]
    return sorted(found, key=lambda path: (last_change(path), path.name))


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
            "Batches that other code prepared are prepared again. Of a model with data.where, a "
            "delivery without any row of it is left to the others."
        ),
    )
    def new_data(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SensorResult | dg.SkipReason:
        from edge_assets.core.raw_data import DeliveryRefused
        from edge_assets.deliveries import count, inspect, refuse

        data, settings = chain.config.data, platform.settings
        landing, quarantined = Path(settings.landing) / data.landing, Path(settings.quarantine)
        preparation = chain.model.preparation()
        again = []
        cursor = _read_cursor(context.cursor)
        if cursor.preparation != preparation:
            again = _prepare_again(context.instance, chain, preparation)
            cursor = Cursor(preparation, {})
            context.update_cursor(json.dumps(cursor._asdict()))
        batches = set(context.instance.get_dynamic_partitions(chain.batches.name or ""))
        # A batch is withdrawn by deleting its partition; its delivery, which still lies there, must
        # not bring it back.
        batches |= context.instance.get_materialized_partitions(chain.key("raw_batch"))
        there = deliveries(landing)
        new = [
            path
            for path in there
            if path.name not in batches
            and cursor.of_others.get(path.name) != last_change(path)
            and not noted(path, quarantined / chain.name)
        ]
        settled = [p for p in new if time.time() - last_change(p) >= SETTLED_SECONDS]
        if not settled and not again:
            waiting = f", {len(new)} still being written" if new else ""
            return dg.SkipReason(f"no new delivery in {landing}{waiting}")

        known = known_contents(context.instance, chain)
        accepted: dict[str, str] = {}
        lying = {path.name for path in there}
        of_others = {name: seen for name, seen in cursor.of_others.items() if name in lying}
        refusals, closed, left = [], [], []
        for path in settled[:BATCHES_A_TICK]:
            seen = last_change(path)  # before it is read: what comes meanwhile is looked at again
            try:
                delivery = inspect(chain.config, path, known)
                rows = count(chain.config, path) if data.where else None
            except DeliveryRefused as refused:
                where = refuse(chain.config, path, quarantined, refused)
                refusals.append(f"{refused} (set aside in {where})")
                closed.append(_closed_gate(chain, str(refused), where))
                continue
            if rows and not rows.own and rows.unknown <= data.max_set_aside_share * sum(rows):
                of_others[path.name] = seen
                left.append(f"{path.name} has {rows.others} rows of others and none of this model")
            else:
                accepted[path.name] = delivery.digest
                known[delivery.digest] = path.name
        for refusal in refusals:
            context.log.warning(refusal)
        for reason in left:
            context.log.info(reason)
        if data.where:
            context.update_cursor(json.dumps(Cursor(preparation, of_others)._asdict()))
        if not accepted and not again:
            said = f"{len(refusals)} deliveries refused: {'; '.join(refusals)}" if refusals else ""
            said = "; ".join(filter(None, (said, *left)))
            return dg.SensorResult(skip_reason=said, asset_events=closed)
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
            asset_events=closed,
        )

    return new_data


def _closed_gate(chain: Chain, reason: str, where: Path) -> dg.AssetCheckEvaluation:
    """The gate that closed before there was a run: it must be seen, and told, as in one."""
    return dg.AssetCheckEvaluation(
        asset_key=chain.key("raw_batch"),
        check_name="usable_rows",
        passed=False,
        metadata={"reason": reason, "set aside in": str(where)},
        blocking=True,
    )


class Cursor(NamedTuple):
    """What the sensor saw last: the preparation, and deliveries without any row of the model.

    These by their names, with their last change: other content of that name is looked at again.
    """

    preparation: str | None
    of_others: dict[str, float]


def _read_cursor(text: str | None) -> Cursor:
    """What cannot be read is nothing."""
    try:
        known = json.loads(text or "{}")
    except ValueError:
        known = {}
    known = known if isinstance(known, dict) else {}
    return Cursor(known.get("preparation"), known.get("of_others", {}))


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
