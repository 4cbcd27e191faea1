"""`performance_report`: how good the released model is on live traffic, once labels have come.

Labels come weeks after the answers, with batches. So each report looks back over the newest windows
of captures, and is made again by a sensor when windows or batches are new.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from edge_assets.chain import Chain
from edge_assets.core.windows import Window
from edge_assets.frames import get_frame, put_frame
from edge_assets.late_labels import late_labels, learned_batches
from edge_assets.lineage import follow, newest, required, result
from resources.artifact_store import ArtifactStore
from resources.platform import Platform

if TYPE_CHECKING:
    import pandas as pd

    from edge_assets.core.comparison import Floats
    from edge_assets.core.performance import Performance

_SHOWN = 50
"""Devices in the metadata, those with the largest errors; the document names all."""


@dataclass(frozen=True)
class _Live:
    """What the released model answered: the rows with labels, and where they were looked for."""

    rows: "pd.DataFrame"
    captures: list[str]
    """Documents of the windows in which it answered what has a label now."""
    windows: int
    """In which it answered anything."""


def build(chain: Chain) -> dg.AssetsDefinition:
    """The asset `<model>/performance_report`."""

    @chain.asset(
        "performance_report",
        {"parquet"},
        (
            "The released model on live traffic, by labels that came later with batches it did not "
            "learn from: worse than on its holdout, as good, or too little data. With both errors, "
            "the bound on the loss, and the errors by device."
        ),
        deps=["captures", "raw_batch", "release"],
        checks=[
            dg.AssetCheckSpec(
                "live_error",
                asset=chain.key("performance_report"),
                blocking=False,
                description=(
                    "The released model is no worse on live traffic than on its holdout, beyond "
                    "chance and beyond what is tolerated. A warning, not a stop."
                ),
            )
        ],
    )
    def performance_report(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult:
        import numpy as np

        from edge_assets.core.live_answers import by_device
        from edge_assets.core.performance import judge_live

        store, instance, rule = platform.artifacts, context.instance, chain.config.performance
        release = required(instance, chain.key("release"))
        digest = store.get_document(release)["model_digest"]
        labels, batches = _labels(instance, chain, store, release)
        live = _live(instance, chain, store, digest, labels)
        errors = _errors(chain, live.rows)
        # Asked on two devices, a question is still one question; for its device it counts.
        first = (~live.rows.duplicated("input")).to_numpy(dtype=bool)
        asked = live.rows["device"].astype(str) + "/" + live.rows["request_id"].astype(str)
        found = judge_live(
            errors[first],
            asked[first].tolist(),
            _held_out(chain, store, release) if len(live.rows) else np.zeros(0),
            **rule.model_dump(exclude={"days", "windows", "interval_seconds"}),
            without=_without(chain, live, batches),
        )
        devices = by_device(live.rows, errors)
        document = {
            "kind": "performance_report",
            "model": chain.name,
            "inputs": {"release": release, "captures": live.captures, "raw_batch": batches},
            "model_digest": digest,
            "error": chain.config.champion.error,
            "rows_judged": put_frame(store, live.rows.assign(error=errors)),
            "windows": live.windows,
            "devices": devices,
            **found.to_json(),
        }
        check = dg.AssetCheckResult(
            passed=found.verdict != "worse",
            severity=dg.AssetCheckSeverity.WARN,
            check_name="live_error",
            asset_key=chain.key("performance_report"),
            metadata={"verdict": found.verdict, "reason": found.reason},
        )
        measured = _measured(chain, live.rows[first], errors[first])
        metadata = {**_metadata(document, found), **measured}
        return result(store, document, metadata, checks=[check])

    return performance_report


def _labels(
    instance: dg.DagsterInstance, chain: Chain, store: ArtifactStore, release: str
) -> tuple[dict[str, Any], list[str]]:
    """As `late_labels`, of batches that the release did not learn from."""
    if chain.config.data.kind == "images":
        return {}, []  # spares reading all pixels
    return late_labels(instance, chain, store, learned_batches(store, release))


def _live(
    instance: dg.DagsterInstance,
    chain: Chain,
    store: ArtifactStore,
    digest: str,
    labels: Mapping[str, Any],
) -> _Live:
    """What the artifact `digest` answered in the newest windows, as far as there are labels."""
    from edge_assets.core.live_answers import each_once, labelled_answers

    data, prediction = chain.config.data, chain.config.prediction
    tables, used, answered = [], [], 0
    for window in _newest_windows(instance, chain):
        captures = newest(instance, chain.key("captures"), window)
        made = store.get_document(captures) if captures else {"model_digests": []}
        if captures is None or digest not in made["model_digests"]:
            continue
        answered += 1
        if not labels:
            continue  # spares reading what cannot be judged
        frame = get_frame(store, made["rows"])
        rows = labelled_answers(frame, digest, labels, data, prediction)
        if len(rows):
            tables.append(rows)
            used.append(captures)
    return _Live(each_once(tables), used, answered)


def _newest_windows(instance: dg.DagsterInstance, chain: Chain) -> list[str]:
    """The windows that are looked back on, the oldest first."""
    rule = chain.config.performance
    names = sorted(instance.get_dynamic_partitions(chain.windows.name or ""))
    if not names:
        return []
    since = Window.parse(names[-1]).end - timedelta(days=rule.days)
    return [name for name in names if Window.parse(name).end > since][-rule.windows :]


def _without(chain: Chain, live: _Live, batches: list[str]) -> str:
    """Why there is no labelled row, where there is none."""
    if chain.config.data.kind == "images":
        return "images have no labels: what is delivered is not, bit by bit, what a device was sent"
    if not live.windows:
        return "it answered in none of the newest windows of captures"
    if not batches:
        return "no batch came that it did not learn from"
    return f"in {len(batches)} batches is no row with the inputs of one of its answers"


def _errors(chain: Chain, rows: "pd.DataFrame") -> "Floats":
    """The error of each row, shape (rows,); infinite where the answer is unusable."""
    import numpy as np

    from edge_assets.core.captures import OUTPUT
    from edge_assets.core.comparison_sides import outputs_at, side_of

    if not len(rows):
        return np.zeros(0)
    prediction, nobody = chain.config.prediction, [float("nan")] * len(rows)
    outputs = outputs_at(rows, OUTPUT, prediction)
    units, labels = rows["device"].tolist(), rows["label"].tolist()
    return side_of(outputs, units, nobody, labels, prediction, chain.model.errors).errors


def _held_out(chain: Chain, store: ArtifactStore, release: str) -> "Floats":
    """The errors of the released artifact on the holdout of the dataset that it comes from."""
    from edge_assets.onnx_session import run

    documents = [made for _, made in follow(store, release)]
    dataset = next(made for made in documents if made["kind"] == "dataset")
    holdout = get_frame(store, dataset["holdout"])
    onnx = store.get_bytes(documents[0]["model_digest"])
    return chain.model.errors(run(chain.config, onnx, holdout), holdout)


def _measured(chain: Chain, rows: "pd.DataFrame", errors: "Floats") -> dict[str, Any]:
    """The usual metrics and a picture of the rows with a usable answer; empty without any."""
    import numpy as np
    import pandas as pd

    from edge_assets.core.captures import OUTPUT
    from edge_assets.core.comparison_sides import outputs_at
    from edge_assets.plots import predicted_against_actual
    from edge_assets.plots_of_classes import confusion_matrix

    prediction = chain.config.prediction
    rows = rows[np.isfinite(errors)]
    if not len(rows):
        return {}
    outputs, labels = outputs_at(rows, OUTPUT, prediction), rows["label"].tolist()
    metrics = chain.model.measure(outputs, pd.DataFrame({prediction.target: labels}))
    told = outputs[prediction.target].ravel()
    picture = (
        confusion_matrix(labels, told, prediction.classes)
        if prediction.classes
        else predicted_against_actual(labels, told, unit=prediction.unit)
    )
    return {
        **{f"live {name}": _figure(metrics[name]) for name in metrics if name != "rows"},
        "picture": dg.MetadataValue.md(picture),
    }


def _metadata(document: Mapping[str, Any], found: "Performance") -> dict[str, Any]:
    devices = [
        dg.TableRecord(
            {
                "device": each["device"],
                "rows": each["rows"],
                "unanswered": each["unanswered"],
                "error": "unknown" if each["error"] is None else f"{each['error']:.4g}",
            }
        )
        for each in document["devices"][:_SHOWN]
    ]
    loss = found.loss
    return {
        "verdict": found.verdict,
        "reason": found.reason,
        "dagster/row_count": found.rows,
        "labelled requests": found.requests,
        f"live error ({document['error']})": _figure(found.live_error),
        f"holdout error ({document['error']})": _figure(found.holdout_error),
        "loss": f"{loss.estimate:.2%} ({loss.lower:.2%} to {loss.upper:.2%})"
        if loss
        else "unknown",
        "accepted loss": f"{found.max_loss:.2%}",
        "rows held out": found.holdout_rows,
        "windows with its answers": document["windows"],
        "model digest": document["model_digest"],
        "devices": dg.MetadataValue.table(devices) if devices else "none has labelled rows",
    }


def _figure(value: float) -> float | str:
    """To be read; the document holds every digit. The UI has no word for what is not finite."""
    return float(f"{value:.6g}") if math.isfinite(value) else "unknown"
