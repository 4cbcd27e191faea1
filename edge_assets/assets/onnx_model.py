"""`onnx_model`: the candidate as ONNX, preprocessing inside, proven to answer as the model."""

import json

import dagster as dg

from edge_assets.chain import Chain, propagate
from edge_assets.core.config_data import PROBABILITIES
from edge_assets.frames import get_frame
from edge_assets.lineage import gate, refuse_closed_gates, required, result
from resources.platform import Platform


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
        from edge_assets.served_folder import served_files

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
        served = served_files(chain.model, model, onnx, holdout, expected, actual)
        files = {name: store.put_bytes(content) for name, content in served.items()}
        digest = files["model.onnx"]
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
            "parity largest difference": float(f"{parity.max_abs:.3g}"),
            "golden questions": len(json.loads(served["golden.json"])["requests"]),
        }
        return result(store, document, metadata, identity=identity, checks=checks)

    return onnx_model
