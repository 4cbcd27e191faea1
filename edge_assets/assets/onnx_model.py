"""`onnx_model`: the candidate as ONNX, preprocessing inside, proven to answer as the model."""

import io
import json
from typing import TYPE_CHECKING, Any

import dagster as dg

from edge_assets.chain import Chain, propagate
from edge_assets.core.model_folder import GOLDEN_QUESTIONS, golden_json, model_json
from edge_assets.frames import get_frame
from edge_assets.lineage import gate, refuse_closed_gates, required, result
from resources.platform import Platform

if TYPE_CHECKING:
    import pandas as pd


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
        from edge_assets.core.parity import compare
        from edge_assets.onnx_session import predict

        config, store = chain.config, platform.artifacts
        trained_digest = required(context.instance, chain.key("trained_model"))
        trained = store.get_document(trained_digest)
        refuse_closed_gates(trained, "the conversion")
        holdout = get_frame(store, store.get_document(trained["inputs"]["dataset"])["holdout"])

        model = _load(store.get_bytes(trained["estimator"]))
        onnx: bytes = chain.function("to_onnx")(model).SerializeToString()
        expected = chain.function("predict")(model, holdout)
        parity = compare(
            expected,
            predict(config, onnx, holdout),
            absolute=config.parity.absolute,
            relative=config.parity.relative,
        )
        small = len(onnx) <= config.budget.model_bytes
        size = f"{len(onnx)} of {config.budget.model_bytes} bytes"
        digest = store.put_bytes(onnx)
        golden = _golden_rows(holdout)
        files = {
            "model.onnx": digest,
            "model.json": store.put_bytes(_text(model_json(config, digest))),
            "golden.json": store.put_bytes(
                _text(
                    golden_json(
                        config,
                        digest,
                        _plain(holdout.iloc[golden][list(config.data.inputs)]),
                        [float(expected[position]) for position in golden],
                    )
                )
            ),
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
            "golden questions": len(golden),
        }
        return result(store, document, metadata, identity=identity, checks=checks)

    return onnx_model


def _load(estimator: bytes) -> Any:
    """Reads an estimator of ours; a type that skops does not trust is refused by name."""
    import skops.io

    buffer = io.BytesIO(estimator)
    unknown = skops.io.get_untrusted_types(file=buffer)
    own = [name for name in unknown if name.startswith(("sklearn.", "numpy."))]
    return skops.io.load(io.BytesIO(estimator), trusted=own)


def _golden_rows(holdout: "pd.DataFrame") -> list[int]:
    """Positions of the golden questions: spread evenly over the holdout, always the same ones."""
    count = min(GOLDEN_QUESTIONS, len(holdout))
    return [position * len(holdout) // count for position in range(count)]


def _plain(rows: "pd.DataFrame") -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def _text(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()
