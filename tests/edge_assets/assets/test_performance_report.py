"""From what devices answered, and a batch that came later, to the verdict and its check."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from edge_assets.core.folders import SHIPPED
from edge_assets.core.windows import Window
from edge_assets.edge_model import EdgeModel
from edge_assets.frames import get_frame
from edge_assets.operate import failure
from tests.edge_assets.artifacts import artifact, pretend_artifact, pretend_release
from tests.edge_assets.bench import Bench, model_of, opened_bench
from tests.edge_assets.models.gates_helpers import model_of_its_own
from tests.edge_assets.models.proven_helpers import Proven, run_chain
from tests.edge_assets.telemetry import answered, write

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTES = timedelta(minutes=5)
LABELS = "labels.csv"
PER_MILE = 2.6
ROWS, ROWS_A_REQUEST = 180, 4
HELD_OUT = 300


def window(number: int = 0) -> Window:
    return Window(NOON + number * MINUTES, NOON + (number + 1) * MINUTES)


@pytest.fixture
def released(bench: Bench) -> Bench:
    """A release of an artifact that is about right; its holdout are rows of seed 1."""
    pretend_release(bench, pretend_artifact(bench, PER_MILE, bench.cleaned(1, rows=400)[:HELD_OUT]))
    return bench


@pytest.fixture
def raw(bench: Bench) -> pd.DataFrame:
    """A delivery with the true values of what devices are asked."""
    return bench.sample(9, rows=200)


@pytest.fixture
def rows(bench: Bench, raw: pd.DataFrame) -> pd.DataFrame:
    """What devices are asked."""
    return bench.chain.model.prepare(raw).kept[:ROWS]


def ask(
    bench: Bench,
    rows: pd.DataFrame,
    number: int = 0,
    device: str = "line-1",
    per_mile: float = PER_MILE,
) -> list[dict[str, Any]]:
    """A device answers the rows, four a request, in a window; the records that it sent."""
    return send(bench, artifact(bench, per_mile), rows, number, device)


def send(
    bench: Bench, onnx: bytes, rows: pd.DataFrame, number: int = 0, device: str = "line-1"
) -> list[dict[str, Any]]:
    """As `ask`, answered by an artifact of any edge model."""
    config, at = bench.chain.config, window(number).start
    made = [
        record
        for place in range(0, len(rows), ROWS_A_REQUEST)
        for record in answered(
            config,
            onnx,
            rows.iloc[place : place + ROWS_A_REQUEST],
            at + timedelta(seconds=place),
        )
    ]
    folder = Path(bench.platform.settings.telemetry)
    write(folder, at, made, device=device, model=config.name)
    return made


def collect(bench: Bench, number: int = 0) -> None:
    key = window(number).key
    bench.instance.add_dynamic_partitions(f"{bench.chain.name}_windows", [key])
    assert bench.run("captures", partition=key) is None


def judge(bench: Bench) -> tuple[dict[str, Any], dg.AssetCheckEvaluation]:
    """The document of a new report, and its check."""
    run = bench.materialize("performance_report")
    assert failure(run) is None, "worse is a warning: the run succeeds in any case"
    (check,) = run.get_asset_check_evaluations()
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert not check.blocking
    return bench.document("performance_report"), check


def test_a_world_that_changed_makes_it_worse(
    released: Bench, raw: pd.DataFrame, rows: pd.DataFrame
) -> None:
    ask(released, rows[:100])
    ask(released, rows[100:], device="line-2")
    collect(released)
    raw["fareAmount"] *= 2
    released.accept(LABELS, raw)
    made, check = judge(released)
    assert made["verdict"] == "worse"
    assert not check.passed
    assert check.metadata["reason"].value == made["reason"]
    assert (made["rows"], made["holdout_rows"]) == (ROWS, HELD_OUT)
    assert made["requests"] == 45
    assert made["loss"]["lower"] > 0.1
    assert made["error"] == "absolute"
    assert made["model_digest"] == released.document("release")["model_digest"]
    assert made["inputs"] == {
        "release": released.newest("release"),
        "captures": [released.newest("captures", window().key)],
        "raw_batch": [released.newest("raw_batch", LABELS)],
    }
    assert {each["device"]: each["rows"] for each in made["devices"]} == {
        "line-1": 100,
        "line-2": 80,
    }
    table = get_frame(released.platform.artifacts, made["rows_judged"])
    assert table["error"].mean() == pytest.approx(made["live_error"])
    assert (table["label"] - table["output.fare"]).abs().tolist() == pytest.approx(
        table["error"].tolist(), rel=1e-5
    )


def test_what_is_seen_in_the_ui(released: Bench, raw: pd.DataFrame, rows: pd.DataFrame) -> None:
    ask(released, rows)
    collect(released)
    released.accept(LABELS, raw)
    judge(released)
    event = released.instance.get_latest_materialization_event(
        released.chain.key("performance_report")
    )
    assert event is not None
    assert event.asset_materialization is not None
    shown = event.asset_materialization.metadata
    assert shown["verdict"].value == "as good"
    assert {"live rmse", "live error (absolute)", "holdout error (absolute)"} <= set(shown)
    assert f"{ROWS} rows" in str(shown["picture"].value)[:200]
    assert len(str(shown["picture"].value)) < 60_000
    devices = shown["devices"]
    assert isinstance(devices, dg.TableMetadataValue)
    assert [record.data["device"] for record in devices.records] == ["line-1"]


def test_labels_that_come_later_change_the_verdict(
    released: Bench, raw: pd.DataFrame, rows: pd.DataFrame
) -> None:
    ask(released, rows)
    collect(released)
    made, check = judge(released)
    assert made["verdict"] == "too little data"
    assert "no batch came that it did not learn from" in made["reason"]
    assert check.passed
    released.accept("others.csv", released.sample(10, rows=200))
    made, _ = judge(released)
    assert "in 1 batches is no row with the inputs" in made["reason"]
    released.accept(LABELS, raw)
    made, check = judge(released)
    assert made["verdict"] == "as good"
    assert check.passed


def test_too_few_rows_say_nothing(released: Bench, raw: pd.DataFrame, rows: pd.DataFrame) -> None:
    ask(released, rows[:80])
    collect(released)
    raw["fareAmount"] *= 2
    released.accept(LABELS, raw)
    made, check = judge(released)
    assert (made["verdict"], made["rows"], made["requests"]) == ("too little data", 80, 20)
    assert check.passed
    assert made["devices"][0]["error"] == pytest.approx(made["live_error"])


def test_answers_of_another_model_are_ignored(
    released: Bench, raw: pd.DataFrame, rows: pd.DataFrame
) -> None:
    ask(released, rows, per_mile=60.0)
    collect(released)
    released.accept(LABELS, raw)
    made, _ = judge(released)
    assert (made["verdict"], made["windows"]) == ("too little data", 0)
    assert "it answered in none of the newest windows" in made["reason"]
    ask(released, rows, 1)
    ask(released, rows, 1, device="line-2", per_mile=60.0)
    collect(released, 1)
    made, _ = judge(released)
    assert (made["verdict"], made["rows"], made["windows"]) == ("as good", ROWS, 1)
    assert [each["device"] for each in made["devices"]] == ["line-1"]


def test_nothing_counts_twice(released: Bench, raw: pd.DataFrame, rows: pd.DataFrame) -> None:
    ask(released, rows)
    ask(released, rows)  # delivered again, in the same window
    collect(released)
    ask(released, rows, 1)  # asked again later
    collect(released, 1)
    released.accept(LABELS, raw)
    first, _ = judge(released)
    assert (first["rows"], first["requests"], first["windows"]) == (ROWS, 45, 2)
    ask(released, rows, 2, device="line-2")  # the same questions, elsewhere
    collect(released, 2)
    second, _ = judge(released)
    assert (second["rows"], second["requests"]) == (ROWS, 45)
    assert second["live_error"] == first["live_error"]
    assert [each["rows"] for each in second["devices"]] == [ROWS, ROWS]


def test_what_it_learned_from_tells_nothing(
    bench: Bench, raw: pd.DataFrame, rows: pd.DataFrame
) -> None:
    bench.accept(LABELS, raw)
    batches = {f"{LABELS}-elsewhere": bench.newest("raw_batch", LABELS) or ""}  # by its bytes
    pretend_release(bench, pretend_artifact(bench, PER_MILE, rows, batches))
    ask(bench, rows)
    collect(bench)
    made, _ = judge(bench)
    assert "no batch came that it did not learn from" in made["reason"]
    assert made["inputs"]["raw_batch"] == []


def test_one_device_with_a_worse_world_is_seen(
    released: Bench, raw: pd.DataFrame, rows: pd.DataFrame
) -> None:
    ask(released, rows[:150])
    ask(released, rows[150:], device="line-2")
    collect(released)
    there = raw["tripDistance"].isin(raw.loc[rows.index[150:], "tripDistance"])
    raw.loc[there, "fareAmount"] *= 3
    released.accept(LABELS, raw)
    made, _ = judge(released)
    first, second = made["devices"]
    assert first["device"] == "line-2"
    assert first["error"] > 2 * second["error"]


@pytest.mark.parametrize(
    ("change", "windows"), [({"windows": 1}, 1), ({"days": 0.003}, 1), ({}, 2)]
)
def test_it_looks_back_as_far_as_model_yaml_says(
    released: Bench, raw: pd.DataFrame, rows: pd.DataFrame, change: dict[str, Any], windows: int
) -> None:
    config = released.chain.config
    rule = config.performance.model_copy(update=change)
    object.__setattr__(config, "performance", rule)
    for number in range(2):
        ask(released, rows[90 * number : 90 * (number + 1)], number)
        collect(released, number)
    released.accept(LABELS, raw)
    made, _ = judge(released)
    assert (made["windows"], made["rows"]) == (windows, 90 * windows)


def test_without_a_release_there_is_nothing_to_judge(bench: Bench) -> None:
    refused = failure(bench.materialize("performance_report"))
    assert refused is not None
    assert "release has never been materialized" in str(refused)


@pytest.fixture
def of_images(tmp_path: Path, blank: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with opened_bench(tmp_path, blank, monkeypatch, EdgeModel.load(SHIPPED / "parts")) as opened:
        yield opened


def test_images_have_no_labels(of_images: Bench) -> None:
    of_images.release()
    key = window().key
    of_images.instance.add_dynamic_partitions("parts_windows", [key])
    of_images.pretend("captures", {"model_digests": [model_of("one")], "rows": ""}, key)
    made, check = judge(of_images)
    assert made["verdict"] == "too little data"
    assert made["reason"].startswith("images have no labels")
    assert made["windows"] == 1
    assert check.passed


@pytest.fixture(scope="module")
def tooling(blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Proven:
    """A real chain of a classification, from a delivery to a release."""
    made = run_chain("tooling", blank, tmp_path_factory.mktemp("tooling"))
    assert made.error is None
    return made


@pytest.mark.parametrize(("flipped", "verdict"), [(False, "as good"), (True, "worse")])
def test_classes_are_judged_by_their_probabilities(
    tooling: Proven, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flipped: bool, verdict: str
) -> None:
    model = model_of_its_own("tooling")
    with opened_bench(tmp_path, tooling.home, monkeypatch, model) as bench:
        raw = bench.sample(7, rows=400)
        send(bench, tooling.onnx, model.prepare(raw).kept)
        collect(bench)
        bench.accept(LABELS, raw.assign(label=1 - raw["label"]) if flipped else raw)
        made, check = judge(bench)
        assert (made["verdict"], made["error"]) == (verdict, "brier")
        assert check.passed == (not flipped)
        assert made["rows"] > 300
        assert made["devices"][0]["unanswered"] == 0
        assert made["holdout_rows"] == len(
            get_frame(bench.platform.artifacts, tooling.documents["dataset"]["holdout"])
        )
