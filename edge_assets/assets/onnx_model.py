"""`onnx_model`: the candidate as ONNX, preprocessing inside, proven to answer as the model."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from edge_assets.chain import Chain, propagate
from edge_assets.core.config_data import PROBABILITIES
from edge_assets.core.config_schema import ModelConfig
from edge_assets.core.model_folder import (
    GOLDEN_QUESTIONS,
    GOLDEN_SIDE,
    affordable,
    golden_json,
    model_json,
)
from edge_assets.frames import get_frame
from edge_assets.lineage import gate, refuse_closed_gates, required, result
from resources.platform import Platform

if TYPE_CHECKING:
    import pandas as pd

    from edge_assets.core.measuring import Outputs


def build(chain: Chain) -> dg.AssetsDefinition:
    """The asset `<model>/onnx_model`."""

    @chain.asset(
        "onnx_model",
        {"onnx"},
        (
            "The candidate as ONNX: raw columns in, prediction out, preprocessing inside the "
            "graph. With it come the golden questions that every device will be asked."
        ),
        deps=["trained_model"],
        automation=propagate(),
        checks=[
            chain.check(
                "onnx_model", "parity", "It answers as the trained model on the whole holdout."
            ),
            chain.check("onnx_model", "model_size", "It fits the device's budget."),
        ],
    )
    def onnx_model(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult:
        from edge_assets.core.parity import compare_outputs
        from edge_assets.onnx_session import run

        config, store = chain.config, platform.artifacts
        trained_digest = required(context.instance, chain.key("trained_model"))
        trained = store.get_document(trained_digest)
        refuse_closed_gates(trained, "the conversion")
        holdout = get_frame(store, store.get_document(trained["inputs"]["dataset"])["holdout"])

        model = chain.model.load_trained(store.get_bytes(trained["estimator"]))
        onnx = chain.model.to_onnx(model)
        expected = chain.model.predict(model, holdout)
        actual = run(config, onnx, holdout)
        classes = config.prediction.kind == "classification"
        label = config.prediction.target if classes else ""
        parity = compare_outputs(
            expected,
            actual,
            absolute=config.parity.absolute,
            relative=config.parity.relative,
            label=label,
            scores=PROBABILITIES if classes else "",
            classes=config.prediction.classes,
        )
        small = len(onnx) <= config.budget.model_bytes
        size = f"{len(onnx)} of {config.budget.model_bytes} bytes"
        digest = store.put_bytes(onnx)
        golden = _golden_rows(expected, actual, label)
        images = config.data.kind == "images"
        if images:
            holdout = golden_images(config, holdout.iloc[golden])
            expected, actual = chain.model.predict(model, holdout), run(config, onnx, holdout)
            golden = _golden_rows(expected, actual, label)
        questions, answers = _golden(config, holdout, expected, golden)
        model_text = _text(model_json(config, digest))
        files = {
            "model.onnx": digest,
            "model.json": store.put_bytes(model_text),
            "golden.json": store.put_bytes(
                _text(golden_json(config, digest, questions, answers), wide=images)
            ),
            **{
                name: store.put_bytes(content)
                for name, content in _contract(chain.model.folder, model_text).items()
            },
        }
        gates = {
            "parity": gate(parity.passed, f"{parity.reason}; largest {parity.max_abs:.2g}"),
            "model_size": gate(small, size),
        }
        document = {
            "kind": "onnx_model",
            "model": chain.name,
            "inputs": {"trained_model": trained_digest},
            "onnx": digest,
            "bytes": len(onnx),
            "files": files,
            "gates": gates,
        }
        identity = {name: document[name] for name in ("kind", "model", "files", "gates")}
        checks = [
            chain.checked("onnx_model", name, verdict["passed"], {"reason": verdict["reason"]})
            for name, verdict in gates.items()
        ]
        metadata = {
            "digest": digest,
            "dagster/size_bytes": len(onnx),
            "parity rows": parity.rows,
            "parity largest difference": parity.max_abs,
            "golden questions": len(questions),
        }
        return result(store, document, metadata, identity=identity, checks=checks)

    return onnx_model


def _golden_rows(expected: "Outputs", actual: "Outputs", label: str) -> list[int]:
    """Positions of the golden questions: spread evenly over the holdout, always the same ones.

    Rows on which model and artifact tell another class, both rightly, make no good question.
    """
    import numpy as np

    rows = len(next(iter(expected.values())))
    places = np.arange(rows)
    if label:
        places = places[expected[label].ravel() == actual[label].ravel()]
    count = min(GOLDEN_QUESTIONS, len(places))
    return [int(places[position * len(places) // count]) for position in range(count)]


def _golden(
    config: ModelConfig, holdout: "pd.DataFrame", expected: "Outputs", golden: list[int]
) -> tuple[list["Outputs"], list["Outputs"]]:
    """Questions and answers, as arrays of one row; as many as fit into one file."""
    from edge_assets.onnx_session import feeds

    questions = [next(feeds(config, holdout.iloc[[place]]))[1] for place in golden]
    chosen = affordable(questions)
    answers: list[Outputs] = [
        {name: array[place : place + 1] for name, array in expected.items()}
        for place in (golden[position] for position in chosen)
    ]
    return [questions[position] for position in chosen], answers


def golden_images(config: ModelConfig, rows: "pd.DataFrame") -> "pd.DataFrame":
    """The rows with their images scaled down, where the model takes images of any size."""
    from edge_assets.core.images import shrunken

    (column,) = config.data.columns
    if column.shape[:2] != (-1, -1):
        return rows
    small = [shrunken(png, GOLDEN_SIDE) for png in rows[column.name]]
    return rows.assign(**{column.name: small})


def _contract(folder: Path, model_text: bytes) -> dict[str, bytes]:
    """The typed contract beside `model.yaml`, where there is one, with its descriptor.

    Raises ConfigurationError when it does not compile or does not fit the model.
    """
    from resources.contracts import SOURCE_FILE, add_contract

    source = folder / SOURCE_FILE
    if not source.is_file():
        return {}
    with tempfile.TemporaryDirectory() as name:
        served = Path(name)
        (served / "model.json").write_bytes(model_text)
        add_contract(source, served)
        return {
            path.name: path.read_bytes() for path in served.iterdir() if path.name != "model.json"
        }


def _text(value: Any, *, wide: bool = False) -> bytes:
    """JSON with a line for each value; `wide`, all in one line: images have thousands."""
    return (json.dumps(value, indent=None if wide else 1, sort_keys=True) + "\n").encode()
