"""Runs assets and sensors from outside the UI: for `edgectl`, the demo and tests.

The same definitions, the same instance and the same gates as in the UI; a run started here shows
there.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from protos.errors import EdgeAssetsError, GateClosed
from resources.dagster_home import prepare_dagster_home


def instance_at(home: Path) -> dg.DagsterInstance:
    """The Dagster instance whose state is in `home`/dagster; made when it is not there yet."""
    folder = prepare_dagster_home(home)
    os.environ["DAGSTER_HOME"] = str(folder)
    return dg.DagsterInstance.from_config(str(folder))


def materialize(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    keys: Sequence[dg.AssetKey],
    *,
    partition: str | None = None,
    config: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
) -> dg.ExecuteInProcessResult:
    """Materializes the assets in one run in this process; see `failure` for what went wrong.

    `config` is the configuration of the first asset.
    """
    run_config: dict[str, Any] = {
        # Dagster would print every event of the run; what failed is told by `failure`.
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}
    }
    if config:
        run_config["ops"] = {keys[0].to_python_identifier(): {"config": dict(config)}}
    job = defs.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=instance,
        asset_selection=list(keys),
        partition_key=partition,
        run_config=run_config,
        tags=dict(tags or {}),
        raise_on_error=False,
    )


def _kinds(base: type[EdgeAssetsError]) -> dict[str, type[EdgeAssetsError]]:
    """Every kind of closed gate by its name; a run keeps only the name of an error's class.

    Only those of the error tree itself: others may want more than a text to be made.
    """
    found = {base.__name__: base}
    for kind in base.__subclasses__():
        own = kind.__module__ == base.__module__
        found |= _kinds(kind) if own else {kind.__name__: base}
    return found


def failure(run: dg.ExecuteInProcessResult) -> EdgeAssetsError | None:
    """The error that ended a run, None when it succeeded; of a closed gate it is a GateClosed."""
    if run.success:
        return None
    what, name, text = "the run failed before any step", "", ""
    for event in run.all_events:
        if event.is_step_failure:
            found = event.step_failure_data.error
            cause = found.cause if found and found.cause else found
            what = f"{(event.step_key or 'the run').replace('__', '/')} failed"
            name = (cause.cls_name or "") if cause else ""
            text = cause.message.strip().split(f"{name}: ", 1)[-1] if cause else ""
            break
    kind = _kinds(GateClosed).get(name)
    if kind is not None:
        return kind(what, why=text)
    for check in run.get_asset_check_evaluations():
        if not check.passed and check.blocking:
            gate = f"{check.asset_key.to_user_string()}: {check.check_name}"
            reason = check.metadata.get("reason")
            return GateClosed(f"the gate {gate} is closed", why=str(reason.value) if reason else "")
    return EdgeAssetsError(what, why=text)


@dataclass(frozen=True)
class Tick:
    """What one tick of a sensor asked for."""

    run_requests: Sequence[dg.RunRequest]
    skipped: str
    cursor: str | None
    partitions: tuple[str, ...]
    events: int


def tick(defs: dg.Definitions, instance: dg.DagsterInstance, name: str, cursor: str | None) -> Tick:
    """One tick of a sensor, with what the daemon does after it but for starting the runs.

    Partitions that it asked for are added and its asset events are stored.
    """
    with dg.build_sensor_context(
        # By reference, as the daemon: only then are partitions known that the tick itself adds.
        instance_ref=instance.get_ref(),
        cursor=cursor,
        definitions=defs,
        sensor_name=name,
        resources=dict(defs.resources or {}),
    ) as context:  # left again: else Dagster takes its instance for the current one for ever
        data = defs.resolve_sensor_def(name).evaluate_tick(context)
    added: list[str] = []
    for request in data.dynamic_partitions_requests or []:
        if isinstance(request, dg.AddDynamicPartitionsRequest):
            instance.add_dynamic_partitions(
                request.partitions_def_name, list(request.partition_keys)
            )
            added += request.partition_keys
    for event in data.asset_events:
        instance.report_runless_asset_event(event)
    return Tick(
        data.run_requests or [],
        data.skip_message or "",
        data.cursor if data.cursor is not None else cursor,
        tuple(added),
        len(data.asset_events),
    )
