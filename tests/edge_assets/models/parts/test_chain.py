"""From a folder of images to a served model, and from its captures back to what drift compares."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.modules.golden import ask, judge
from edge_assets.core.captures import inputs_of, parse_captures
from edge_assets.core.image_columns import image_features
from edge_assets.core.images import pixels
from edge_assets.frames import get_frame
from inference_service.repository import ModelRepository, RefusedModel, ServedModel
from protos import inference_pb2 as pb
from protos.digests import digest_bytes
from protos.golden import Golden
from tests.edge_assets.models.parts.conftest import PartsBench
from tests.inference_service.harness import running_service, wait_until


@pytest.fixture
def served(made: PartsBench, tmp_path: Path) -> Path:
    """The folder that a device would serve."""
    folder = tmp_path / "served"
    for name, digest in made.document("onnx_model")["files"].items():
        made.platform.artifacts.get_file(digest, folder / name)
    return folder


def test_the_chain_makes_a_model_that_a_device_serves(made: PartsBench, served: Path) -> None:
    assert made.document("trained_model")["metrics"]["accuracy"] > 0.88
    gates = made.document("onnx_model")["gates"]
    assert gates["parity"]["passed"]
    assert gates["model_size"]["passed"]
    golden = Golden.load(served / "golden.json")
    assert len(golden.requests) == 16
    assert (served / "golden.json").stat().st_size < 2_000_000
    assert all(len(asked.shapes["image"]) == 4 for asked in golden.requests)

    (state,) = ModelRepository(served).states()
    assert isinstance(state, ServedModel)
    assert state.proven


def test_the_run_shows_the_errors_as_a_picture(made: PartsBench) -> None:
    record = made.instance.get_latest_materialization_event(made.chain.key("trained_model"))
    assert record is not None
    assert record.asset_materialization is not None
    metadata = record.asset_materialization.metadata
    assert "Errors, the surest first" in str(metadata["errors"].value)
    assert "Confusion matrix" in str(metadata["confusion matrix"].value)


def test_a_wrong_model_is_refused_by_the_classes_of_known_images(served: Path) -> None:
    """The classes change places: a graph that is sound, and wrong on nearly every image."""
    import onnx

    model = onnx.load(served / "model.onnx")
    (names,) = [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.STRING]
    names.string_data[:] = [*names.string_data[1:], names.string_data[0]]
    data = model.SerializeToString()
    digest = digest_bytes(data)
    (served / "model.onnx").write_bytes(data)
    for name, key in (("model.json", "digest"), ("golden.json", "model_digest")):
        value = json.loads((served / name).read_text())
        (served / name).write_text(json.dumps(value | {key: digest}))
    (state,) = ModelRepository(served).states()
    assert isinstance(state, RefusedModel)
    assert "golden answers wrong" in state.reason


def _question(image: np.ndarray[Any, Any]) -> pb.ModelInferRequest:
    request = pb.ModelInferRequest(model_name="parts")
    request.inputs.add(name="image", datatype="UINT8", shape=[1, *image.shape])
    request.raw_input_contents.append(image.tobytes())
    return request


def test_questions_are_answered_captured_and_compared(
    made: PartsBench, served: Path, tmp_path: Path
) -> None:
    """A running service: smoke test, traffic of several sizes, captures, features of them."""
    rows = get_frame(made.platform.artifacts, made.document("dataset")["holdout"]).head(20)
    asked = [pixels(png) for png in rows["image"]]
    asked.append(np.full((64, 64, 3), 128, np.uint8))
    photograph = np.zeros((900, 1200, 3), np.uint8)
    folder = tmp_path / "captures"
    settings = {"CAPTURE_DIR": str(folder), "CAPTURE_SEGMENT_SECONDS": "0.2"}
    with running_service(served, **settings) as service:
        golden = Golden.load(served / "golden.json")
        verdict = judge(golden, ask(service.target, golden, "parts", 20.0))
        assert verdict.passed or verdict.reason.startswith("too slow"), verdict.reason
        told = [service.stub.ModelInfer(_question(image)) for image in [*asked, photograph]]
        wait_until(lambda: len(_lines(folder)) == len(asked))
        metadata = service.stub.ModelMetadata(pb.ModelMetadataRequest(name="parts"))
    assert metadata.properties["capture_too_large"] == "1"
    labels = [answer.raw_output_contents[0][4:].decode() for answer in told[:20]]
    assert np.mean(np.array(labels) == rows["part"].to_numpy()) > 0.8

    lines = [
        json.dumps(
            {
                "EnqueuedTimeUtc": "2026-01-01T12:00:00Z",
                "Properties": {"kind": "capture", "model": "parts"},
                "SystemProperties": {"connectionDeviceId": "line-1"},
                "Body": [json.loads(line)],
            }
        ).encode()
        for line in _lines(folder)
    ]
    captures = parse_captures([("a.json", line) for line in lines], model="parts")
    assert (captures.records, captures.malformed) == (len(asked), 0)
    seen = inputs_of(captures.frame)["image"]
    assert [pixels(png).tolist() for png in seen] == [image.tolist() for image in asked]
    features = image_features(seen)
    assert features.iloc[:20].equals(image_features(rows["image"]).reset_index(drop=True))
    assert features.iloc[20].tolist() == pytest.approx([128 / 255, 0, 64, 64])


def _lines(folder: Path) -> list[bytes]:
    found = b"".join(path.read_bytes() for path in sorted(folder.glob("captures-*.jsonl")))
    return found.splitlines()
