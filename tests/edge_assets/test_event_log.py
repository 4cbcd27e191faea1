"""Reading the event log: all of it, in order, in bounded steps."""

import dagster as dg
import pytest

from edge_assets import event_log
from edge_assets.event_log import newest_id, read_events
from tests.edge_assets.bench import Bench


def close(bench: Bench, reason: str, passed: bool = False) -> None:
    bench.instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            bench.chain.key("dataset"),
            "leakage",
            passed,
            metadata={"reason": reason},
            blocking=True,
        )
    )


def test_an_empty_log_holds_nothing(bench: Bench) -> None:
    assert newest_id(bench.instance) == 0
    assert read_events(bench.instance, 0) == event_log.Reading((), 0)


def test_what_was_read_is_not_read_again(bench: Bench) -> None:
    close(bench, "one")
    first = read_events(bench.instance, 0)
    close(bench, "open", passed=True)
    close(bench, "two")
    second = read_events(bench.instance, first.upto)
    assert [event.reason for event in (*first.events, *second.events)] == ["one", "two"]
    assert second.upto == newest_id(bench.instance)


def test_bounded_readings_leave_nothing_out(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events of several types, of which one is read up to its bound and another is not."""
    monkeypatch.setattr(event_log, "READ_AT_ONCE", 2)
    for number in range(7):
        close(bench, f"reason {number}")
        if number % 3 == 0:
            bench.pretend("release", {"number": number})
    after, told, readings = 0, list[str](), 0
    while after < newest_id(bench.instance):
        reading = read_events(bench.instance, after)
        assert reading.upto > after
        assert len(reading.events) <= 4
        told += [event.reason for event in reading.events if event.kind == "gate"]
        after, readings = reading.upto, readings + 1
    assert told == [f"reason {number}" for number in range(7)]
    assert readings > 3


def test_secrets_are_gone_before_a_text_is_cut(bench: Bench) -> None:
    close(bench, "x" * 290 + "hunter2hunter2hunter2")
    (event,) = read_events(bench.instance, 0, {"hunter2hunter2hunter2"}).events
    assert event.reason == "x" * 290 + "***"


def test_a_run_that_fails_outside_of_its_steps_names_what_it_was_to_make(bench: Bench) -> None:
    job = bench.defs.resolve_implicit_global_asset_job_def()
    run = bench.instance.create_run_for_job(
        job, asset_selection=frozenset({bench.chain.key("rollout")})
    )
    bench.instance.report_run_failed(run, "the process was killed")
    (event,) = read_events(bench.instance, 0).events
    assert (event.kind, event.about) == ("run", "nyc_taxi/rollout")
    assert event.reason == "the process was killed"
    assert event.path == f"/runs/{run.run_id}"
