"""The steps that make something: ingest, train, image."""

from pathlib import Path
from typing import Any

from edge_assets.assets.inference_runtime import KEY as RUNTIME
from edgectl.demo.deliveries import land, sample
from edgectl.demo.story import Evidence, Story, expect


def ingest(story: Story) -> Evidence:
    """Two batches land, and one of them again under another name; the sensor's tick sorts them."""
    first = sample(story, 1)
    names = [land(story, "2026-01", first), land(story, "2026-02", sample(story, 2))]
    land(story, "2026-01-again", first)
    ticked = story.tick("new_data")
    expect(
        sorted(ticked.partitions) == names,
        f"the tick added the partitions {ticked.partitions}, not the two new batches",
    )
    quarantine = Path(story.bench.platform.settings.quarantine)
    refused = [path.parent.name for path in quarantine.rglob("reason.json")]
    expect(len(refused) == 1, f"the batch delivered twice was not set aside: {refused}")
    batches = {}
    for request in ticked.run_requests:
        story.must_run(["raw_batch"], partition=request.partition_key, tags=request.tags)
        made = story.document("raw_batch", request.partition_key)
        batches[made["batch"]] = {name: made[name] for name in ("content", "rows_in", "rows_kept")}
    again = story.tick("new_data")
    expect(not again.run_requests, "a second tick asked for the same batches again")
    rows = sum(batch["rows_in"] for batch in batches.values())
    return {
        "summary": f"2 batches, {rows} rows; 1 delivered twice and set aside",
        "batches": batches,
        "quarantined": refused,
        "second tick": again.skipped,
    }


def train(story: Story) -> Evidence:
    """Dataset, model and ONNX, each past its gates."""
    story.must_run(["dataset", "trained_model", "onnx_model"])
    dataset, model, onnx = (
        story.document(asset) for asset in ("dataset", "trained_model", "onnx_model")
    )
    set_aside: dict[str, int] = {}
    for batch in dataset["batches"]:
        for reason, count in story.document("raw_batch", batch)["set_aside"].items():
            set_aside[reason] = set_aside.get(reason, 0) + count
    metrics = model["metrics"]
    parity = onnx["gates"]["parity"]
    expect(parity["passed"], parity["reason"])
    expect(sum(set_aside.values()) == dataset["rows"]["in"] - dataset["rows"]["kept"], "rows lost")
    story.notes["first model"] = onnx["onnx"]
    return {
        "summary": f"{_floors(story, metrics)} on {dataset['rows']['holdout']} held-out rows; "
        f"parity: {parity['reason']}",
        "rows in": dataset["rows"]["in"],
        "rows kept": dataset["rows"]["kept"],
        "rows set aside": set_aside,
        "metrics": metrics,
        "holdout rows": dataset["rows"]["holdout"],
        "parity": parity["reason"],
        "onnx": onnx["onnx"],
    }


def _floors(story: Story, metrics: dict[str, Any]) -> str:
    """The metrics that have floors, in figures."""
    named = [name for name in story.bench.chain.config.floors if name != "rows"]
    return ", ".join(f"{name} {metrics[name]:.3g}" for name in named)


def image(story: Story) -> Evidence:
    """The image, really started and asked before it is pushed."""
    run = story.must_run([RUNTIME, "container_image"])
    made = story.document("container_image")
    check = next(
        found for found in run.get_asset_check_evaluations() if found.check_name == "image_answers"
    )
    seen = {name: value.value for name, value in check.metadata.items()}
    expect(seen["golden questions"] == seen["right answers"], f"wrong golden answers: {seen}")
    size = sum(layer["size"] for layer in made["layers"])
    return {
        "summary": f"{made['image'][:19]}, {size / 1e6:.0f} MB in {len(made['layers'])} layers, "
        f"verified on the rung {seen['rung']}: {seen['right answers']} of "
        f"{seen['golden questions']} golden answers right",
        "image": made["image"],
        "layers": made["layers"],
        **seen,
    }
