"""`trained_model`: a candidate, judged on its floors and against the champion."""

import time
from typing import TYPE_CHECKING, Any

import dagster as dg

from edge_assets.against_champion import Candidate, compare_with_champion
from edge_assets.chain import Chain, propagate
from edge_assets.commit import commit_of
from edge_assets.core.config_data import PROBABILITIES
from edge_assets.frames import get_frame
from edge_assets.lineage import gate, refuse_closed_gates, required, result
from edge_assets.model_card import model_card
from resources.platform import Platform

if TYPE_CHECKING:
    import pandas as pd

    from edge_assets.core.measuring import Outputs


KINDS = {
    "sklearn": "scikitlearn",
    "torch": "pytorch",
    "keras": "keras",
    "lightgbm": "lightgbm",
    "xgboost": "xgboost",
    "onnx": "onnx",
}
"""Dagster's words, and icons, for the flavours."""


def build(chain: Chain) -> dg.AssetsDefinition:
    """The asset `<model>/trained_model`."""

    @chain.asset(
        "trained_model",
        {KINDS[chain.config.flavour]},
        (
            "A candidate. It must reach its metric floors, and beat the model of the last release "
            "on the same held-out rows, old and new, with an uncertainty bound on the gain."
        ),
        deps=["dataset"],
        automation=propagate(),
        code_version=chain.model.code(),
        checks=[
            chain.check("trained_model", "metric_floors", "The candidate reaches every floor."),
            chain.check(
                "trained_model", "champion", "The candidate is demonstrably better than what runs."
            ),
        ],
    )
    def trained_model(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult:
        from edge_assets.core.metrics import judge_floors

        config, store = chain.config, platform.artifacts
        dataset_digest = required(context.instance, chain.key("dataset"))
        dataset = store.get_document(dataset_digest)
        refuse_closed_gates(dataset, "training")
        train, holdout = (get_frame(store, dataset[part]) for part in ("train", "holdout"))

        started = time.monotonic()
        model = chain.model.train(train)
        seconds = time.monotonic() - started
        outputs = chain.model.predict(model, holdout)
        metrics = chain.model.evaluate(model, holdout, outputs)
        floors = judge_floors(metrics, config.floors)
        identity = {
            "kind": "trained_model",
            "model": chain.name,
            "inputs": {"dataset": dataset_digest},
            "parameters": dict(config.training),
            "code": chain.model.code(),
        }
        champion, verdict = compare_with_champion(
            context.instance, chain, store, identity, Candidate(model, holdout, outputs)
        )
        gates = {
            "metric_floors": gate(floors.passed, floors.reason),
            "champion": gate(verdict["passed"], verdict["reason"]),
        }
        document = {
            **identity,
            "commit": commit_of(chain.model.folder),
            "estimator": store.put_bytes(chain.model.dump(model)),
            "metrics": {name: float(value) for name, value in metrics.items()},
            "champion": champion,
            "gates": gates,
        }
        checks = [
            chain.checked("trained_model", name, gates[name]["passed"], found)
            for name, found in (
                ("metric_floors", {"reason": floors.reason}),
                ("champion", {"reason": verdict["reason"], "verdict": _json(verdict)}),
            )
        ]
        metadata = {
            **_metadata(chain, document, dataset, holdout, outputs),
            "seconds": round(seconds, 2),
        }
        return result(store, document, metadata, identity=identity, checks=checks)

    return trained_model


def _json(value: dict[str, Any]) -> dg.MetadataValue:
    return dg.MetadataValue.json({name: str(part) for name, part in value.items()})


def _metadata(
    chain: Chain,
    document: dict[str, Any],
    dataset: dict[str, Any],
    holdout: "pd.DataFrame",
    outputs: "Outputs",
) -> dict[str, Any]:
    return {
        # to be read; the document holds every digit
        **{f"holdout {n}": float(f"{value:.6g}") for n, value in document["metrics"].items()},
        **_pictures(chain, holdout, outputs),
        "commit": document["commit"] or "unknown",
        "parameters": dg.MetadataValue.json(document["parameters"]),
        "model card": dg.MetadataValue.md(model_card(chain.config, document, dataset)),
        "champion": document["champion"] or "none yet",
        "champion gate": document["gates"]["champion"]["reason"],
    }


def _pictures(chain: Chain, holdout: "pd.DataFrame", outputs: "Outputs") -> dict[str, Any]:
    from edge_assets.plots import predicted_against_actual, residuals
    from edge_assets.plots_of_classes import confusion_matrix
    from edge_assets.plots_of_images import error_examples

    prediction = chain.config.prediction
    actual, told = holdout[prediction.target].to_numpy(), outputs[prediction.target].ravel()
    if prediction.kind == "classification":
        pictures = {"confusion matrix": confusion_matrix(actual, told, prediction.classes)}
        if chain.config.data.kind == "images":
            images = holdout[chain.config.data.inputs[0]].tolist()
            pictures["errors"] = error_examples(images, actual, told, outputs[PROBABILITIES])
        return {name: dg.MetadataValue.md(picture) for name, picture in pictures.items()}
    return {
        "predicted against actual": dg.MetadataValue.md(predicted_against_actual(actual, told)),
        "residuals": dg.MetadataValue.md(residuals(actual, told)),
    }
