"""From telemetry to the verdict and its gate, both ways of comparing."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from edge.modules.shadow.questions import Answer, as_pair, read_question
from edge_assets.core.windows import Window
from edge_assets.frames import get_frame
from edge_assets.operate import failure
from protos.errors import GateClosed
from tests.edge_assets.artifacts import FLAG_DROP, pretend_artifact, pretend_release
from tests.edge_assets.bench import Bench
from tests.edge_assets.telemetry import HUB, plain, write

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WINDOW = Window(NOON, NOON + timedelta(minutes=5))
LABELS = "labels.csv"


@pytest.fixture
def models(bench: Bench) -> dict[str, str]:
    """The digests of a champion that is far off, and of a better candidate."""
    train = bench.cleaned(1, rows=200)
    champion = pretend_artifact(bench, 6.0, train)
    pretend_release(bench, champion)
    candidate = pretend_artifact(bench, 2.6, train)
    bench.instance.add_dynamic_partitions("nyc_taxi_windows", [WINDOW.key])
    return {"champion": champion["onnx"], "candidate": candidate["onnx"]}


def question(bench: Bench, row: pd.Series, name: str, digest: str, per_mile: float) -> Any:
    inputs = {c: [plain(row[c])] for c in bench.chain.config.data.inputs}
    return {
        "request_id": name,
        "time": NOON.isoformat(),
        "model": "nyc_taxi",
        "model_digest": digest,
        "rows": 1,
        "inputs": inputs,
        "outputs": {"fare": [FLAG_DROP + per_mile * float(row["distance"])]},
    }


def shadow(bench: Bench, models: dict[str, str], rows: pd.DataFrame, per_mile: float = 2.6) -> None:
    """What shadow modules send for these rows."""
    pairs = []
    for number, (_, row) in enumerate(rows.iterrows()):
        asked = read_question(
            json.dumps(question(bench, row, f"q{number}", models["champion"], 6.0)).encode()
        )
        fare = FLAG_DROP + per_mile * float(row["distance"])
        answer = Answer({"fare": [fare]}, models["candidate"], 1.5)
        pairs.append(json.loads(as_pair(asked, answer, 1.0 if number % 5 == 0 else None)))
    file = write(Path(bench.platform.settings.telemetry), NOON, pairs)
    text = file.read_text().replace(
        '"kind": "capture", "model": "nyc_taxi"',
        '"kind": "comparison", "model": "nyc_taxi", "dropped": "7"',
    )
    file.write_text(text)
    assert HUB in str(file)


def compare(bench: Bench, *, labels: pd.DataFrame | None = None, **config: Any) -> Any:
    if labels is not None:
        bench.accept(LABELS, labels)
    return bench.materialize("comparison", partition=WINDOW.key, config=config or None)


def check(run: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (found,) = run.get_asset_check_evaluations()
    return found


def raw_and_cleaned(bench: Bench, seed: int = 9) -> tuple[pd.DataFrame, pd.DataFrame]:
    raw = bench.sample(seed, rows=200)
    return raw, bench.chain.model.prepare(raw).kept


def test_a_better_candidate_opens_the_gate(bench: Bench, models: dict[str, str]) -> None:
    raw, rows = raw_and_cleaned(bench)
    shadow(bench, models, rows)
    run = compare(bench, labels=raw)
    assert failure(run) is None
    assert check(run).passed
    made = bench.document("comparison", WINDOW.key)
    assert (made["mode"], made["verdict"]) == ("shadow", "better")
    assert (made["champion_digest"], made["candidate_digest"]) == (
        models["champion"],
        models["candidate"],
    )
    assert made["gain"]["lower"] > 0.3
    assert made["latency_ms"]["estimate"] == pytest.approx(0.5)
    assert made["agreement"]["estimate"] < 0.2
    assert made["counts"]["on devices: dropped"] == 7
    assert made["inputs"]["raw_batch"] == [bench.newest("raw_batch", LABELS)]
    table = get_frame(bench.platform.artifacts, made["rows_compared"])
    assert len(table) == len(rows)
    event = bench.instance.get_latest_materialization_event(bench.chain.key("comparison"))
    assert event is not None
    assert event.asset_materialization is not None
    picture = str(event.asset_materialization.metadata["picture"].value)
    assert picture.startswith("![Candidate: better")
    assert len(picture) < 60_000


def test_a_worse_candidate_closes_the_gate(bench: Bench, models: dict[str, str]) -> None:
    raw, rows = raw_and_cleaned(bench)
    shadow(bench, models, rows, per_mile=15.0)
    run = compare(bench, labels=raw)
    assert isinstance(failure(run), GateClosed)
    assert not check(run).passed
    assert check(run).blocking
    assert bench.document("comparison", WINDOW.key)["verdict"] == "worse"


def test_the_same_answers_do_not_open_the_gate(bench: Bench, models: dict[str, str]) -> None:
    raw, rows = raw_and_cleaned(bench)
    shadow(bench, models, rows, per_mile=6.0)
    assert not check(compare(bench, labels=raw)).passed
    made = bench.document("comparison", WINDOW.key)
    assert made["verdict"] == "not shown to be better"
    assert made["agreement"]["estimate"] == 1.0
    assert made["agreement"]["lower"] < 1.0


def test_labels_that_come_later_change_the_verdict(bench: Bench, models: dict[str, str]) -> None:
    raw, rows = raw_and_cleaned(bench)
    shadow(bench, models, rows)
    assert not check(compare(bench)).passed
    assert bench.document("comparison", WINDOW.key)["verdict"] == "too little data"
    assert check(compare(bench, labels=raw)).passed


def test_who_has_learned_a_label_is_not_judged_by_it(bench: Bench, models: dict[str, str]) -> None:
    raw, rows = raw_and_cleaned(bench)
    bench.accept(LABELS, raw)
    batches = {LABELS: bench.newest("raw_batch", LABELS) or ""}
    cheat = pretend_artifact(bench, 2.7, rows, batches)
    shadow(bench, {**models, "candidate": cheat["onnx"]}, rows, per_mile=2.7)
    assert not check(compare(bench)).passed
    made = bench.document("comparison", WINDOW.key)
    assert (made["verdict"], made["labelled"]) == ("too little data", [0, 0])
    assert made["inputs"]["raw_batch"] == []


def test_a_champion_that_was_handed_on_is_compared(bench: Bench, models: dict[str, str]) -> None:
    """Its `onnx_model` was materialized elsewhere: what is known of it here is its release."""
    raw, rows = raw_and_cleaned(bench)
    key = bench.chain.key("onnx_model")
    bench.instance.wipe_assets([key])
    candidate = pretend_artifact(bench, 2.6, bench.cleaned(1, rows=200))
    assert candidate["onnx"] == models["candidate"]
    shadow(bench, models, rows)
    assert check(compare(bench, labels=raw)).passed


def test_an_answer_of_a_model_that_was_never_made_here_is_refused(
    bench: Bench, models: dict[str, str]
) -> None:
    _, rows = raw_and_cleaned(bench)
    shadow(bench, {**models, "candidate": "sha256:" + "e" * 64}, rows)
    refused = failure(compare(bench))
    assert refused is not None
    assert "this chain never made it" in str(refused)


def test_nothing_to_compare_is_told(bench: Bench, models: dict[str, str]) -> None:
    refused = failure(compare(bench))
    assert refused is not None
    assert "nothing is to be compared" in str(refused)


@pytest.mark.parametrize(("devices", "verdict"), [(4, "better"), (1, "too little data")])
def test_devices_of_both_groups_are_compared(
    bench: Bench, models: dict[str, str], devices: int, verdict: str
) -> None:
    raw, rows = raw_and_cleaned(bench)
    for number, part in enumerate(np.array_split(np.arange(len(rows)), 2 * devices)):
        who, per_mile = (("champion", 6.0), ("candidate", 2.6))[number % 2]
        asked = [
            question(bench, rows.iloc[place], f"q{place}", models[who], per_mile) for place in part
        ]
        write(Path(bench.platform.settings.telemetry), NOON, asked, device=f"line-{number}")
    assert bench.run("captures", partition=WINDOW.key) is None
    run = compare(bench, labels=raw)
    made = bench.document("comparison", WINDOW.key)
    assert (made["mode"], made["verdict"]) == ("split", verdict)
    assert check(run).passed == (verdict == "better")
    assert made["units"] == [devices, devices]
    assert made["inputs"]["captures"] == bench.newest("captures", WINDOW.key)
    assert made["agreement"] is None


def test_one_model_alone_is_no_split(bench: Bench, models: dict[str, str]) -> None:
    _, rows = raw_and_cleaned(bench)
    asked = [question(bench, rows.iloc[0], "q", models["champion"], 6.0)]
    write(Path(bench.platform.settings.telemetry), NOON, asked)
    assert bench.run("captures", partition=WINDOW.key) is None
    assert "nothing is to be compared" in str(failure(compare(bench, mode="split")))
