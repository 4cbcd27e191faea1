import json
from dataclasses import replace
from pathlib import Path

import pytest

from edge.oci import BlobStore, ImageConfig, unpack
from edge.runtime import ProcessSpec, Runtime, available_runtimes, best_runtime
from protos.errors import VerificationFailed
from resources.images import build_image, inference_recipe, smoke_test_recipe
from resources.images.recipe import ImageRecipe
from resources.images.verify import Verification, verify_image
from tests.edge.runtime.waiting import end
from tests.resources.images.conftest import MakeModel, model_digest


class Bench:
    """Builds and verifies with the caches of this run of the tests."""

    def __init__(self, store: BlobStore, layers: Path, rootfs: Path, work: Path) -> None:
        self.store, self.layers, self.rootfs, self.work = store, layers, rootfs, work

    def verify(
        self, recipe: ImageRecipe, runtime: Runtime | None = None, seconds: float = 30
    ) -> Verification:
        built = build_image(recipe, self.store, self.layers)
        return verify_image(
            self.store,
            built.digest,
            runtime or best_runtime("loader"),
            self.work,
            seconds,
            cache=self.rootfs,
        )


@pytest.fixture
def bench(store: BlobStore, layers: Path, rootfs: Path, tmp_path: Path) -> Bench:
    return Bench(store, layers, rootfs, tmp_path / "work")


@pytest.mark.parametrize("runtime", available_runtimes(), ids=lambda runtime: runtime.name)
def test_a_right_image_proves_itself_on_every_rung(
    runtime: Runtime, bench: Bench, make_model: MakeModel
) -> None:
    folder = make_model()
    found = bench.verify(inference_recipe("multiply", folder, model_digest(folder)), runtime)
    assert (found.asked, found.right, found.max_error) == (5, 5, 0.0)
    assert found.served_digest == model_digest(folder)
    assert (found.rung, found.image_bytes_verified) == (
        runtime.rung,
        runtime.image_bytes_verified,
    )
    assert 0 < found.latency_ms["p50"] <= found.latency_ms["p95"]
    assert 0 < found.started_ms < 20_000


def test_a_wrong_answer_is_refused(bench: Bench, make_model: MakeModel) -> None:
    folder = make_model(answers=2.5)
    with pytest.raises(VerificationFailed, match="4 of 5 golden answers wrong"):
        bench.verify(inference_recipe("multiply", folder, model_digest(folder)))


def test_golden_questions_for_another_model_are_refused(
    bench: Bench, make_model: MakeModel
) -> None:
    folder = make_model(model_digest="sha256:" + "0" * 64)
    with pytest.raises(VerificationFailed, match="is of another model"):
        bench.verify(inference_recipe("multiply", folder, model_digest(folder)))


def test_a_model_that_was_swapped_is_not_served(bench: Bench, make_model: MakeModel) -> None:
    folder, other = make_model(), make_model("other", factor=3.0)
    digest = model_digest(folder)
    (folder / "model.onnx").write_bytes((other / "model.onnx").read_bytes())
    with pytest.raises(VerificationFailed, match="refuses to serve 'multiply'"):
        bench.verify(inference_recipe("multiply", folder, digest))


def test_a_service_that_ends_is_refused_with_its_log(bench: Bench, make_model: MakeModel) -> None:
    folder = make_model()
    recipe = inference_recipe("multiply", folder, model_digest(folder))
    broken = replace(recipe, entrypoint=("python", "-c", "raise SystemExit('it broke')"))
    with pytest.raises(VerificationFailed, match=r"ended with code 1.*its log ends: it broke"):
        bench.verify(broken)


def test_a_service_that_never_listens_is_refused(bench: Bench, make_model: MakeModel) -> None:
    folder = make_model()
    recipe = inference_recipe("multiply", folder, model_digest(folder))
    silent = replace(recipe, entrypoint=("python", "-c", "import time; time.sleep(60)"))
    with pytest.raises(VerificationFailed, match="did not listen in time"):
        bench.verify(silent, seconds=0.5)


def test_slowness_is_not_judged_here(bench: Bench, make_model: MakeModel) -> None:
    folder = make_model(latency_budget_ms=0.0)
    found = bench.verify(inference_recipe("multiply", folder, model_digest(folder)))
    assert found.right == found.asked


def test_the_smoke_test_image_has_all_that_its_modules_import(
    store: BlobStore, layers: Path, rootfs: Path, tmp_path: Path, make_model: MakeModel
) -> None:
    golden = tmp_path / "golden"
    golden.mkdir()
    (golden / "golden.json").write_bytes((make_model() / "golden.json").read_bytes())
    built = build_image(smoke_test_recipe("multiply-smoke-test", golden), store, layers)
    image = unpack(store, built.digest, rootfs, tmp_path / "device/golden")
    code = (
        "import azure.iot.device, edge.modules.smoke_test.module, edge.modules.captures.module, os;"
        "from edge.modules.golden import Golden; from pathlib import Path;"
        "print(len(Golden.load(Path(os.environ['GOLDEN_PATH'])).requests))"
    )
    image = replace(image, config=ImageConfig(image.config.env, ["python", "-c"], [code]))
    process = best_runtime("loader").start(ProcessSpec(image, "imports", {}, tmp_path / "log"))
    assert end(process) == 0, (tmp_path / "log").read_text()
    assert (tmp_path / "log").read_text().strip() == "5"
    assert json.loads((golden / "golden.json").read_bytes())["requests"]
