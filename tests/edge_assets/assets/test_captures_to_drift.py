"""From telemetry files to a drift verdict, through the real assets."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from edge_assets.core.windows import Window
from edge_assets.frames import get_frame
from edge_assets.operate import failure
from protos.errors import EdgeAssetsError
from tests.edge_assets.bench import Bench, model_of
from tests.edge_assets.telemetry import records, write

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WINDOW = Window(NOON, NOON + timedelta(minutes=5))


def capture(bench: Bench, rows: pd.DataFrame, at: datetime, device: str = "line-1") -> None:
    """A device predicts the rows."""
    made = records(rows, list(bench.chain.config.data.inputs), at)
    write(Path(bench.platform.settings.telemetry), at, made, device=device)


def collect(bench: Bench) -> EdgeAssetsError | None:
    bench.instance.add_dynamic_partitions("nyc_taxi_windows", [WINDOW.key])
    return bench.run("captures", partition=WINDOW.key)


def judge(bench: Bench) -> dg.ExecuteInProcessResult:
    bench.instance.add_dynamic_partitions("nyc_taxi_windows", [WINDOW.key])
    return bench.materialize("captures", "drift_report", partition=WINDOW.key)


def check(run: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (found,) = run.get_asset_check_evaluations()
    return found


def test_captures_hold_each_prediction_of_the_window_once(bench: Bench) -> None:
    rows = bench.cleaned(3, rows=60)
    second = NOON + timedelta(seconds=1)
    capture(bench, rows[:10], second)
    capture(bench, rows[:10], second)  # delivered again
    capture(bench, rows[10:30], second, device="line-2")
    capture(bench, rows[30:], NOON - timedelta(seconds=1))  # the window before
    assert collect(bench) is None
    made = bench.document("captures", WINDOW.key)
    assert made["counts"]["rows"] == 30
    assert made["counts"]["duplicates"] == 1
    assert made["model_digests"] == [model_of("one")]
    frame = get_frame(bench.platform.artifacts, made["rows"])
    assert frame["device"].value_counts().to_dict() == {"line-2": 20, "line-1": 10}


def test_what_cannot_be_read_is_set_aside_with_its_reason(bench: Bench) -> None:
    capture(bench, bench.cleaned(3, rows=60)[:10], NOON)
    write(Path(bench.platform.settings.telemetry), NOON, [{"rows": "many"}], "no base64!")
    assert collect(bench) is None
    counts = bench.document("captures", WINDOW.key)["counts"]
    assert (counts["rows"], counts["malformed"]) == (10, 2)
    event = bench.instance.get_latest_materialization_event(bench.chain.key("captures"))
    assert event is not None
    assert event.asset_materialization is not None
    assert "set aside because" in event.asset_materialization.metadata


def test_an_empty_window_is_refused(bench: Bench) -> None:
    refused = collect(bench)
    assert refused is not None
    assert "no captures in" in str(refused)


@pytest.mark.parametrize(
    ("rows", "shift", "verdict"),
    [
        (600, "none", "no drift"),
        (600, "distance", "drift"),
        (40, "distance", "too little data"),
    ],
)
def test_a_window_is_judged_against_what_the_release_learned_from(
    bench: Bench, rows: int, shift: str, verdict: str
) -> None:
    release = bench.release(train=bench.cleaned(1))
    capture(bench, bench.cleaned(2, rows=rows, shift=shift), NOON)
    run = judge(bench)
    assert failure(run) is None, "drift is a warning: the run succeeds in any case"
    made = bench.document("drift_report", WINDOW.key)
    assert made["verdict"] == verdict
    assert made["inputs"]["release"] == release
    assert made["inputs"]["captures"] == bench.newest("captures", WINDOW.key)
    page = bench.platform.artifacts.get_bytes(made["page"]).decode()
    assert page.lstrip().lower().startswith("<!doctype html")
    found = check(run)
    assert found.passed == (verdict != "drift")
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert not found.blocking
    assert (verdict == "too little data") == (not made["columns"])


def test_without_a_release_there_is_nothing_to_compare_with(bench: Bench) -> None:
    capture(bench, bench.cleaned(2, rows=60), NOON)
    refused = failure(judge(bench))
    assert refused is not None
    assert "release has never been materialized" in str(refused)
