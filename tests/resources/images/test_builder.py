import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edge.oci import BlobStore, RegistryClient
from edge.oci.descriptors import LAYER_TAR, MOUNT_ANNOTATION
from edge.oci.image import read_image
from protos.errors import ConfigurationError
from resources.images import ImageRecipe, build_image, inference_recipe, smoke_test_recipe
from resources.images.builder import model_entries
from tests.edge.oci.images import image, tar
from tests.edge.oci.registry import make_certificate, running_registry

DIGEST = "sha256:" + "d" * 64


def folders(root: Path, time_of_files: int) -> ImageRecipe:
    """A recipe whose inputs lie below `root`, all with one time."""
    (root / "model/sub").mkdir(parents=True)
    for name in ("model.onnx", "model.json", "sub/labels.txt"):
        (root / "model" / name).write_text(name)
        os.utime(root / "model" / name, (time_of_files, time_of_files))
    return ImageRecipe("small", ("packaging",), ("protos",), root / "model")


def test_the_same_inputs_give_the_same_digest(tmp_path: Path, layers: Path) -> None:
    one = build_image(folders(tmp_path / "1", 10**9), BlobStore(tmp_path / "a"), layers)
    two = build_image(
        folders(tmp_path / "2", 10**9 + 5), BlobStore(tmp_path / "b"), tmp_path / "other cache"
    )
    assert two.digest == one.digest
    assert two.manifest_digest == one.manifest_digest
    assert [layer.role for layer in one.layers] == ["base", "dependencies", "service", "model"]


def test_a_second_build_takes_no_time(tmp_path: Path, store: BlobStore, layers: Path) -> None:
    recipe = folders(tmp_path / "1", 10**9)
    first = build_image(recipe, store, layers)
    start = time.perf_counter()
    assert build_image(recipe, store, layers).digest == first.digest
    assert time.perf_counter() - start < 1.0


def test_another_model_is_one_small_layer(tmp_path: Path, store: BlobStore, layers: Path) -> None:
    recipe = folders(tmp_path / "1", 10**9)
    first = build_image(recipe, store, layers)
    (tmp_path / "1/model/model.onnx").write_text("another")
    second = build_image(recipe, store, layers)
    assert second.digest != first.digest
    assert [layer.digest for layer in second.layers[:3]] == [
        layer.digest for layer in first.layers[:3]
    ]
    assert second.layers[3].media_type == LAYER_TAR
    assert second.layers[3].size < 20_000
    assert second.size == sum(layer.size for layer in second.layers)


def test_the_image_says_how_to_run_it(tmp_path: Path, store: BlobStore, layers: Path) -> None:
    recipe = folders(tmp_path / "1", 10**9)
    recipe = replace(recipe, env={"A": "1"}, labels={"edge-assets.model": "small"}, cmd=("x",))
    built = build_image(recipe, store, layers)
    found = read_image(store, built.digest)
    assert found.config.env["ORT_DISABLE_TELEMETRY"] == "1"
    assert found.config.env["OPENBLAS_NUM_THREADS"] == "1"
    assert found.config.env["PYTHONPATH"] == "/opt/edge/service:/opt/edge/dependencies"
    assert found.config.env["MODEL_PATH"] == "/model"
    assert found.config.env["A"] == "1"
    assert found.config.argv(None) == ["python", "-m", "inference_service", "x"]
    assert found.config.user == "65532:65532"
    assert found.config.labels["edge-assets.model"] == "small"
    assert found.mount == "/model"
    assert found.layers[-1].annotations == {MOUNT_ANNOTATION: "/model"}
    assert found.manifest.digest == built.manifest_digest
    assert store.read_json(built.digest)["annotations"]["edge-assets.model"] == "small"
    assert store.tagged() == {"small": built.digest}


def test_the_recipes_of_a_release(tmp_path: Path) -> None:
    inference = inference_recipe("nyc_taxi", tmp_path, DIGEST)
    assert inference.env["MODEL_DIGEST"] == DIGEST
    assert (inference.mount, inference.packages) == ("/model", ("inference_service", "protos"))
    smoke_test = smoke_test_recipe("nyc_taxi-smoke-test", tmp_path)
    assert smoke_test.mount == "/golden"
    assert [*smoke_test.entrypoint, *smoke_test.cmd] == ["python", "-m", "edge.modules.smoke_test"]
    assert "onnxruntime" not in smoke_test.distributions


@pytest.mark.parametrize("tagged", [False, True])
def test_layers_go_onto_a_base_from_a_registry(
    tagged: bool, tmp_path: Path, store: BlobStore, layers: Path
) -> None:
    foreign = BlobStore(tmp_path / "foreign")
    base = image(foreign, [tar([("bin/python", b"")]), tar([("etc/name", b"base")])])
    with running_registry(tmp_path, make_certificate(tmp_path)) as registry:
        client = RegistryClient(registry.address, ca=registry.ca)
        client.push(foreign, base, "python", tag="3.11")
        where = f"{registry.address}/python"
        recipe = folders(tmp_path / "1", 10**9)
        recipe = replace(recipe, base=f"{where}:3.11" if tagged else f"{where}@{base}")
        built = build_image(recipe, store, layers, registry=client)
    assert [layer.role for layer in built.layers] == [
        "base",
        "base",
        "dependencies",
        "service",
        "model",
    ]
    found = read_image(store, built.digest)
    assert found.config.env["B"] == "x=y"
    assert found.diff_ids[:2] == read_image(foreign, base).diff_ids
    annotations = store.read_json(built.digest)["annotations"]
    assert annotations["org.opencontainers.image.base.digest"] == base
    assert annotations["org.opencontainers.image.base.name"] == where


def test_a_model_folder_must_have_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no files"):
        model_entries(tmp_path, "model")
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(ConfigurationError, match="has no files"):
        model_entries(tmp_path, "model")
    (tmp_path / "model.onnx").touch()
    with pytest.raises(ConfigurationError, match="mounted at /"):
        model_entries(tmp_path, "")
    assert [entry.path for entry in model_entries(tmp_path, "model")] == ["model/model.onnx"]
