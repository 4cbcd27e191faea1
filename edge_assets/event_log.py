"""Reads what is worth telling out of Dagster's event log, of all edge models at once.

Asset events, check evaluations and ends of runs stand in one log with rising ids, on SQLite in the
index beside the logs of the runs.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
from dagster import AssetCheckEvaluation, DagsterEvent, DagsterEventType, EventLogEntry

from edge_assets.core.alert_events import (
    Event,
    hide,
    judge_check,
    judge_image,
    judge_release,
    judge_run,
)

READ_AT_ONCE = 500
"""Events of each type that one reading takes; what is left comes with the next one."""

_TYPES = (
    DagsterEventType.ASSET_CHECK_EVALUATION,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.ASSET_MATERIALIZATION,
)


@dataclass(frozen=True)
class Reading:
    """The events after some place in the log, in its order, and the place that they reach up to."""

    events: tuple[Event, ...]
    upto: int


def newest_id(instance: dg.DagsterInstance) -> int:
    """The id of the newest event of the log; 0 when there is none."""
    return instance.event_log_storage.get_maximum_record_id() or 0


def read_events(instance: dg.DagsterInstance, after: int, secrets: Collection[str] = ()) -> Reading:
    """What is worth telling of the events whose id is above `after`.

    `secrets` are replaced in every text: the errors of libraries may quote them.
    """
    upto = newest_id(instance)
    entries: dict[int, EventLogEntry] = {}
    for kind in _TYPES:
        found = instance.event_log_storage.get_logs_for_all_runs_by_log_id(
            after_cursor=after, dagster_event_type=kind, limit=READ_AT_ONCE
        )
        if len(found) == READ_AT_ONCE:
            upto = min(upto, max(found))
        entries.update(found)
    judged = (_judge(instance, id, entries[id], secrets) for id in sorted(entries) if id <= upto)
    return Reading(tuple(event for event in judged if event), upto)


def _judge(
    instance: dg.DagsterInstance, id: int, entry: EventLogEntry, secrets: Collection[str]
) -> Event | None:
    event, time = entry.get_dagster_event(), datetime.fromtimestamp(entry.timestamp, UTC)
    if event.event_type is DagsterEventType.ASSET_CHECK_EVALUATION:
        check = event.asset_check_evaluation_data
        reason = check.metadata.get("reason")
        # Most checks pass: the database is asked about the others only.
        part = "" if check.passed else check.partition or _partition(instance, entry.run_id)
        return judge_check(
            id,
            time,
            asset=check.asset_key.to_user_string(),
            check=check.check_name,
            passed=check.passed,
            blocking=bool(check.blocking),
            reason=hide(str(reason.value), secrets) if reason else "",
            part=hide(part, secrets),
        )
    if event.event_type is DagsterEventType.RUN_FAILURE:
        asset, error = _failure(instance, entry.run_id, event)
        return judge_run(
            id,
            time,
            run=entry.run_id,
            asset=asset,
            error=hide(error, secrets),
            closed=_closed(instance, entry.run_id),
            part=hide(_partition(instance, entry.run_id), secrets),
        )
    return _judge_materialization(instance, id, entry, time, secrets)


def _judge_materialization(
    instance: dg.DagsterInstance,
    id: int,
    entry: EventLogEntry,
    time: datetime,
    secrets: Collection[str],
) -> Event | None:
    made = entry.asset_materialization
    if made is None or len(made.asset_key.path) != 2:
        return None
    model, name = made.asset_key.path
    asset = made.asset_key.to_user_string()
    if name == "container_image":
        return judge_image(
            id,
            time,
            asset=asset,
            image=_told(made, "image"),
            newest=_told(_newest(instance, model, "container_image"), "image"),
            released=_told(_newest(instance, model, "release"), "image"),
            closed=_closed(instance, entry.run_id),
        )
    if name == "release":
        return judge_release(
            id,
            time,
            asset=asset,
            number=_told(made, "number"),
            approver=hide(_told(made, "approver"), secrets),
            reason=hide(_told(made, "reason"), secrets),
        )
    return None


def _newest(instance: dg.DagsterInstance, model: str, name: str) -> dg.AssetMaterialization | None:
    event = instance.get_latest_materialization_event(dg.AssetKey([model, name]))
    return event.asset_materialization if event else None


def _told(made: dg.AssetMaterialization | None, name: str) -> str:
    """A metadata entry as text; empty where it is not there."""
    entry = made.metadata.get(name) if made else None
    return str(entry.value) if entry else ""


def _closed(instance: dg.DagsterInstance, run: str) -> set[str]:
    """The assets of a run with a closed gate."""
    return {check.asset_key.to_user_string() for check in _checks(instance, run) if _is_shut(check)}


def _checks(instance: dg.DagsterInstance, run: str) -> list[AssetCheckEvaluation]:
    if not run:  # an event that was reported without a run
        return []
    entries = instance.all_logs(run, of_type=DagsterEventType.ASSET_CHECK_EVALUATION)
    return [entry.get_dagster_event().asset_check_evaluation_data for entry in entries]


def _is_shut(check: AssetCheckEvaluation) -> bool:
    return bool(check.blocking) and not check.passed


def _partition(instance: dg.DagsterInstance, run: str) -> str:
    """The partition of a run; empty where it has none."""
    found = instance.get_run_by_id(run) if run else None
    return found.tags.get("dagster/partition", "") if found else ""


def _failure(instance: dg.DagsterInstance, run: str, event: DagsterEvent) -> tuple[str, str]:
    """The asset where a run failed, else those that it was to make, and the error of it."""
    # There is no data where the daemon found that the process of a run is gone.
    data = event.job_failure_data if event.event_specific_data else None
    step = data.first_step_failure_event if data else None
    error = data.error if data else None
    if step:
        error = step.step_failure_data.error
    cause = error.cause if error and error.cause else error
    text = event.message or "no reason is known"
    if cause:
        text = cause.message.strip().split(f"{cause.cls_name}: ", 1)[-1]
    if step and step.step_key:
        return step.step_key.replace("__", "/"), text
    known = instance.get_run_by_id(run)
    keys = sorted(key.to_user_string() for key in (known and known.asset_selection) or ())
    return ", ".join(keys), text
