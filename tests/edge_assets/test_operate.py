"""What runs assets and sensors from outside the UI: what it tells, and what it leaves behind."""

import gc
from pathlib import Path

import pytest

from edge_assets.factory import build_definitions
from edge_assets.operate import instance_at
from protos.errors import ApprovalMissing, EdgeAssetsError, GateClosed
from tests.edge_assets.bench import FOLDER, Bench


def test_a_tick_leaves_nothing_of_its_instance_behind(bench: Bench) -> None:
    bench.tick("new_data")
    gc.collect()
    again = build_definitions([FOLDER], bench.platform)
    assert again.resolve_sensor_def("nyc_taxi_new_data").name == "nyc_taxi_new_data"


def test_the_failure_of_a_run_keeps_its_kind_and_reason(bench: Bench) -> None:
    bench.pretend_image()
    rejected = bench.approve(decision="reject", reason="too risky")
    assert type(rejected) is ApprovalMissing
    assert "too risky" in str(rejected)
    missing = bench.run("dataset")
    assert type(missing) is not GateClosed
    assert isinstance(missing, EdgeAssetsError)
    assert missing.exit_code == 1


def test_an_instance_reports_to_nobody_and_can_be_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    first = instance_at(tmp_path)
    settings = tmp_path / "dagster" / "dagster.yaml"
    assert "enabled: false" in settings.read_text()
    assert not first.telemetry_enabled
    first.dispose()
    instance_at(tmp_path).dispose()
