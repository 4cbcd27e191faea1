"""Small ONNX artifacts of nyc_taxi, made on the spot: a fare is `3 + per_mile * miles`."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd
from onnx import TensorProto, helper

from edge_assets.core.model_folder import model_json
from edge_assets.frames import put_frame
from tests.edge_assets.bench import Bench, digest_of, image_of

_KINDS = {"FP32": TensorProto.FLOAT, "INT64": TensorProto.INT64}
FLAG_DROP = 3.0


def artifact(bench: Bench, per_mile: float) -> bytes:
    """The bytes of the model; it takes all inputs of `model.yaml` and looks at the distance."""
    columns = bench.chain.config.data.columns
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["distance", "per_mile"], ["metered"]),
            helper.make_node("Add", ["metered", "flag_drop"], ["fare"]),
        ],
        "nyc_taxi",
        [helper.make_tensor_value_info(c.name, _KINDS[c.datatype], [None, 1]) for c in columns],
        [helper.make_tensor_value_info("fare", TensorProto.FLOAT, [None, 1])],
        [
            helper.make_tensor("per_mile", TensorProto.FLOAT, [], [per_mile]),
            helper.make_tensor("flag_drop", TensorProto.FLOAT, [], [FLAG_DROP]),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    data: bytes = made.SerializeToString()
    return data


def pretend_artifact(
    bench: Bench, per_mile: float, train: pd.DataFrame, batches: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """An `onnx_model` that was learned from `train`, as if `batches` had been its data: the
    documents of each `raw_batch` by its name.

    Gives its document with `document`, the digest of that.
    """
    store = bench.platform.artifacts
    name = f"{per_mile}"
    dataset = bench.pretend(
        "dataset",
        {
            "inputs": {"raw_batch": [*(batches or {}).values()]},
            "batches": [*(batches or {})],
            "train": put_frame(store, train),
            "holdout": put_frame(store, train),
            "rows": {"train": len(train), "holdout": len(train)},
        },
    )
    trained = bench.pretend(
        "trained_model",
        {"inputs": {"dataset": dataset}, "metrics": {}, "estimator": digest_of(name)},
    )
    onnx = store.put_bytes(artifact(bench, per_mile))
    described = json.dumps(model_json(bench.chain.config, onnx)).encode()
    document = {
        "inputs": {"trained_model": trained},
        "onnx": onnx,
        "files": {"model.onnx": onnx, "model.json": store.put_bytes(described)},
    }
    return {**document, "document": bench.pretend("onnx_model", document)}


def pretend_image(bench: Bench, made: dict[str, Any]) -> str:
    """A container image that holds the artifact."""
    return bench.pretend(
        "container_image",
        {
            "inputs": {"onnx_model": made["document"]},
            "image": image_of(made["onnx"]),
            "smoke_test_image": digest_of(f"{made['onnx']} smoke"),
            "architecture": "amd64",
        },
    )


def pretend_release(bench: Bench, made: dict[str, Any], number: int = 1) -> str:
    """A release of the artifact."""
    return bench.pretend(
        "release",
        {
            "number": number,
            "inputs": {"container_image": pretend_image(bench, made)},
            "previous": bench.newest("release"),
            "image": image_of(made["onnx"]),
            "smoke_test_image": digest_of(f"{made['onnx']} smoke"),
            "model_digest": made["onnx"],
            "approver": "Ada",
            "reason": "good",
            "time": "2026-01-01T00:00:00+00:00",
        },
    )
