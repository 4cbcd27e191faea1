"""Chains of any edge model that really ran, once for all tests of a module; later ones copy them.

A training costs seconds, a copy of its state directory milliseconds.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg
import pandas as pd
import pytest

from edge_assets.core.windows import Window
from edge_assets.operate import failure
from protos.errors import EdgeAssetsError
from tests.edge_assets.bench import Bench, image_of, opened_bench
from tests.edge_assets.models.gates_helpers import (
    batch_of,
    delivery,
    mislabelled,
    model_of_its_own,
    train_shortly,
    verdicts,
)
from tests.edge_assets.telemetry import answered, write

STEPS = ("dataset", "trained_model", "onnx_model")
FEWER = {"london_taxi": 1500, "nyc_taxi": 1500, "parts": 1300, "tooling": 1500}
"""Rows that are enough for the floors, where that is less than the edge model's `sample.rows`."""
ENOUGH_TO_MISLEAD = 1500
_PICTURES = (
    "plots.feature_drift",
    "plots.predicted_against_actual",
    "plots.residuals",
    "plots_of_classes.confusion_matrix",
    "plots_of_images.error_examples",
)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Proven(NamedTuple):
    """What came of a delivery, and how."""

    name: str
    home: Path
    error: EdgeAssetsError | None
    asked: tuple[str | None, ...]
    """The batches that the sensor asked runs for."""
    gates: dict[str, bool]
    documents: dict[str, dict[str, Any]]
    trained: Any
    onnx: bytes


def run_chain(name: str, blank: Path, home: Path, *, mislead: bool = False) -> Proven:
    """Delivery, tick of the sensor, and every asset as far as the gates allow.

    In the good case the artifact is released at the end. To `mislead`, the labels are in disorder,
    of fewer rows and with a shorter training.
    """
    model = model_of_its_own(name)
    with pytest.MonkeyPatch.context() as patch, opened_bench(home, blank, patch, model) as bench:
        rows = FEWER.get(name, model.config.sample.rows)
        if mislead:
            train_shortly(bench)
            draw_nothing(patch)
            rows = min(rows, ENOUGH_TO_MISLEAD)
        raw = model.sample_rows(rows, 1, "none")
        batch = batch_of(model, "first")
        bench.land(batch, delivery(model, mislabelled(model, raw) if mislead else raw))
        ticked = bench.tick("new_data")
        runs = [bench.materialize("raw_batch", partition=batch), bench.materialize(*STEPS)]
        documents = {step: bench.document(step) for step in STEPS if bench.newest(step)}
        read = bench.platform.artifacts.get_bytes
        trained = model.load_trained(read(documents["trained_model"]["estimator"]))
        made = documents.get("onnx_model")
        errors = [error for error in map(failure, runs) if error]
        if not errors:
            release(bench)
        return Proven(
            name,
            home,
            errors[0] if errors else None,
            tuple(request.partition_key for request in ticked.run_requests),
            {gate: passed for run in runs for gate, passed in verdicts(run).items()},
            documents,
            trained,
            read(made["onnx"]) if made else model.to_onnx(trained),
        )


def draw_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures decide nothing, and cost more than what they show."""
    for name in _PICTURES:
        monkeypatch.setattr(f"edge_assets.{name}", lambda *_: "a picture")
    monkeypatch.setattr("edge_assets.drift_page.drift_page", lambda *_: b"a page")


def release(bench: Bench) -> None:
    """Approves the newest artifact by the real asset; only its image is pretended."""
    onnx = bench.newest("onnx_model")
    images = {"image": image_of("one"), "smoke_test_image": image_of("smoke test")}
    bench.pretend("container_image", {"inputs": {"onnx_model": onnx}, **images})
    refused = bench.approve()
    assert refused is None, refused


def pretend_release_of(bench: Bench, worse: Proven) -> str:
    """A release of another's artifact, as if it came of the data of now; its digest as ONNX."""
    store = bench.platform.artifacts
    trained = {**bench.document("trained_model"), "parameters": {"mislead": True}}
    digest = bench.pretend("trained_model", trained)
    artifact = store.put_bytes(worse.onnx)
    onnx = bench.pretend("onnx_model", {"inputs": {"trained_model": digest}, "onnx": artifact})
    image = bench.pretend("container_image", {"inputs": {"onnx_model": onnx}})
    released = {"inputs": {"container_image": image}, "model_digest": artifact, "number": 1}
    bench.pretend("release", released)
    return artifact


def judge_window(
    bench: Bench, number: int, onnx: bytes, rows: pd.DataFrame
) -> dg.ExecuteInProcessResult:
    """A device answered these rows in a window; the window is collected and judged."""
    start = NOON + number * timedelta(minutes=5)
    window, config = Window(start, start + timedelta(minutes=5)), bench.chain.config
    at = start + timedelta(seconds=1)
    records = [[record] for record in answered(config, onnx, rows, at)]
    write(Path(bench.platform.settings.telemetry), at, *records, model=config.name)
    bench.instance.add_dynamic_partitions(f"{config.name}_windows", [window.key])
    run = bench.materialize("captures", "drift_report", partition=window.key)
    assert failure(run) is None, failure(run)
    return run
