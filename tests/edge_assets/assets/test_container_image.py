"""The image's gates through the real asset: only building, starting and pushing are replaced."""

from typing import Any

import pytest

from edge_assets.assets.inference_runtime import KEY as RUNTIME
from edge_assets.lineage import gate, newest
from edge_assets.operate import failure, materialize
from protos.errors import GateClosed, VerificationFailed
from tests.edge_assets.bench import Bench, digest_of
from tests.edge_assets.outside import MODEL, SMOKE, Outside, replace_outside


@pytest.fixture
def outside(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Outside:
    return replace_outside(bench, monkeypatch)


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
    assert failure(materialize(bench.defs, bench.instance, [RUNTIME])) is None
    convert(bench)
    assert bench.run("container_image") is None
    inputs = bench.document("container_image")["inputs"]
    runtime = newest(bench.instance, RUNTIME)
    assert inputs["inference_runtime"] == runtime
    assert runtime is not None
    assert "onnxruntime" in bench.platform.artifacts.get_document(runtime)["distributions"]


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
