"""The image's gates through the real asset: only building, starting and pushing are replaced."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edge.oci.client import PushReport
from edge_assets.lineage import gate
from edge_assets.operate import failure
from protos.errors import GateClosed, VerificationFailed
from resources.images.recipe import BuiltImage, ImageRecipe, Layer
from resources.images.verify import Verification
from tests.edge_assets.bench import Bench, digest_of, model_of

MODEL, SMOKE = "nyc_taxi", "nyc_taxi-smoke-test"


@dataclass
class Outside:
    """Image building, starting and the registry, as seen from the asset."""

    size: int = 1000
    p95: float = 2.0
    wrong: str = ""
    built: list[ImageRecipe] = field(default_factory=list)
    golden: dict[str, Any] = field(default_factory=dict)
    pushed: list[tuple[str, str, str | None]] = field(default_factory=list)

    def build(self, recipe: ImageRecipe, store: Any, cache: Path) -> BuiltImage:
        self.built.append(recipe)
        self.golden[recipe.name] = json.loads((recipe.model / "golden.json").read_bytes())
        layers = [
            Layer(role, digest_of(f"{recipe.name} {role}"), digest_of(role), size, "tar", 0.0)
            for role, size in (("base", self.size), ("model", 10))
        ]
        digest = digest_of(f"{recipe.name} image")
        return BuiltImage(digest, digest_of("manifest"), layers, "amd64")

    def verify(self, store: Any, digest: str, *rest: Any) -> Verification:
        assert digest == digest_of(f"{MODEL} image")
        if self.wrong:
            raise VerificationFailed("the image did not prove itself", why=self.wrong)
        latency = {"p50": self.p95, "p95": self.p95}
        return Verification("loader", "none", True, 1.0, 2, 2, 0.0, latency, model_of("one"))

    def push(
        self, store: Any, digest: str, name: str, *, mount_from: str | None = None
    ) -> PushReport:
        self.pushed.append((name, digest, mount_from))
        return PushReport(blobs_sent=1, bytes_sent=21)


@pytest.fixture
def outside(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Outside:
    made = Outside()
    monkeypatch.setattr("resources.images.builder.build_image", made.build)
    monkeypatch.setattr("resources.images.verify.verify_image", made.verify)
    bench.replace("registry", made)
    return made


def convert(bench: Bench, **gates: Any) -> str:
    """An ONNX artifact with the files that an image needs."""
    store = bench.platform.artifacts
    files = {
        name: store.put_bytes(content)
        for name, content in (
            ("model.onnx", b"onnx"),
            ("model.json", b"{}"),
            ("golden.json", b'{"requests": []}'),
        )
    }
    document = {"onnx": files["model.onnx"], "files": files}
    return bench.pretend("onnx_model", {**document, "gates": gates} if gates else document)


def test_a_good_image_is_pushed_and_its_document_names_it(bench: Bench, outside: Outside) -> None:
    onnx = convert(bench)
    run = bench.materialize("container_image")
    assert failure(run) is None
    assert {c.check_name: c.passed for c in run.get_asset_check_evaluations()} == {
        "image_answers": True,
        "image_budget": True,
    }
    made = bench.document("container_image")
    assert made["inputs"] == {"onnx_model": onnx}
    assert made["image"] == digest_of(f"{MODEL} image")
    assert made["smoke_test_image"] == digest_of(f"{SMOKE} image")
    assert made["architecture"] == "amd64"
    assert [layer["role"] for layer in made["layers"]] == ["base", "model"]
    assert all(verdict["passed"] for verdict in made["gates"].values())
    assert outside.pushed == [
        (MODEL, made["image"], MODEL),
        (SMOKE, made["smoke_test_image"], MODEL),
    ]


def test_both_images_carry_the_golden_questions(bench: Bench, outside: Outside) -> None:
    convert(bench)
    assert bench.run("container_image") is None
    assert [recipe.name for recipe in outside.built] == [MODEL, SMOKE]
    assert outside.golden == {MODEL: {"requests": []}, SMOKE: {"requests": []}}
    assert (outside.built[0].mount, outside.built[1].mount) == ("/model", "/golden")


def test_the_image_knows_the_runtime_that_it_was_built_on(bench: Bench, outside: Outside) -> None:
    from edge_assets.lineage import newest
    from edge_assets.operate import materialize

    key = bench.defs.resolve_asset_graph().all_group_names
    assert "shared" in key
    from edge_assets.assets.inference_runtime import KEY

    assert failure(materialize(bench.defs, bench.instance, [KEY])) is None
    convert(bench)
    assert bench.run("container_image") is None
    inputs = bench.document("container_image")["inputs"]
    assert inputs["inference_runtime"] == newest(bench.instance, KEY)


def test_an_image_that_answers_wrong_is_not_pushed(bench: Bench, outside: Outside) -> None:
    convert(bench)
    outside.wrong = "1 of 2 golden answers are right"
    run = bench.materialize("container_image")
    closed = failure(run)
    assert isinstance(closed, VerificationFailed)
    (found,) = run.get_asset_check_evaluations()
    assert (found.check_name, found.passed, found.blocking) == ("image_answers", False, True)
    assert "1 of 2" in str(found.metadata["reason"].value)
    assert bench.newest("container_image") is None
    assert outside.pushed == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"size": 900_000_000}, "900000010 of 900000000 bytes"),
        ({"p95": 51.0}, "p95 51.0 of 50.0 ms"),
    ],
)
def test_an_image_beyond_its_budget_is_not_pushed_and_cannot_be_released(
    bench: Bench, outside: Outside, changes: dict[str, Any], reason: str
) -> None:
    convert(bench)
    for name, value in changes.items():
        setattr(outside, name, value)
    closed = bench.run("container_image")
    assert isinstance(closed, GateClosed)
    assert "image_budget" in str(closed)
    assert reason in str(closed)
    assert outside.pushed == []
    made = bench.document("container_image")
    assert made["gates"]["image_answers"]["passed"]
    assert made["gates"]["image_budget"] == gate(False, made["gates"]["image_budget"]["reason"])
    refused = bench.approve(image_digest=made["image"])
    assert isinstance(refused, GateClosed)
    assert "image_budget" in str(refused)


def test_an_image_exactly_within_its_budget_passes(bench: Bench, outside: Outside) -> None:
    convert(bench)
    outside.size, outside.p95 = 900_000_000 - 10, 50.0
    assert bench.run("container_image") is None


def test_a_closed_gate_upstream_builds_nothing(bench: Bench, outside: Outside) -> None:
    convert(bench, parity=gate(False, "3 rows differ"))
    closed = bench.run("container_image")
    assert isinstance(closed, GateClosed)
    assert "3 rows differ" in str(closed)
    assert outside.built == []
