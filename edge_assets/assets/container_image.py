"""`container_image`: the model with everything that it needs to run, started and asked."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import dagster as dg

from edge_assets.assets.inference_runtime import KEY as RUNTIME
from edge_assets.chain import Chain, propagate
from edge_assets.core.config_schema import Module
from edge_assets.lineage import gate, newest, refuse_closed_gates, required, result
from edge_assets.release_manifest import module_repository
from protos.errors import VerificationFailed
from resources.platform import Platform

if TYPE_CHECKING:
    from resources.images.recipe import BuiltImage
    from resources.images.verify import Verification

Made = Iterator[dg.AssetCheckResult | dg.MaterializeResult]


def build(chain: Chain) -> dg.AssetsDefinition:
    """The asset `<model>/container_image`."""

    @chain.asset(
        "container_image",
        {"docker"},
        (
            "The image that devices run, known by its digest: base, dependencies, service and, "
            "last and uncompressed, the model. Pushed only after it was really started and "
            "answered its golden questions."
        ),
        deps=["onnx_model", RUNTIME],
        automation=propagate(),
        checks=[
            chain.check(
                "container_image",
                "image_answers",
                "The image was started and served the right digest and right golden answers.",
            ),
            chain.check("container_image", "image_budget", "The image is small and quick enough."),
        ],
    )
    def container_image(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Made:
        store = platform.artifacts
        onnx_digest = required(context.instance, chain.key("onnx_model"))
        onnx = store.get_document(onnx_digest)
        refuse_closed_gates(onnx, "the image")
        runtime = newest(context.instance, RUNTIME)
        with TemporaryDirectory(dir=platform.work) as folder:
            images = _build(chain, platform, onnx, Path(folder))
            try:
                verification = _verify(chain, platform, images[chain.name].digest, Path(folder))
                modules = _verify_modules(chain, platform, images, Path(folder))
            except VerificationFailed as failed:
                yield chain.checked(
                    "container_image", "image_answers", False, {"reason": str(failed)}
                )
                raise
        yield chain.checked(
            "container_image", "image_answers", True, {**_verified(verification), **modules}
        )

        image, smoke_test = images[chain.name], images[f"{chain.name}-smoke-test"]
        size = sum(layer.size for layer in image.layers)
        budget = chain.config.budget
        p95 = verification.latency_ms["p95"]
        passed = size <= budget.image_bytes and p95 <= budget.latency_p95_ms
        reason = (
            f"{size} of {budget.image_bytes} bytes, p95 {p95:.1f} of {budget.latency_p95_ms} ms"
        )
        yield chain.checked("container_image", "image_budget", passed, {"reason": reason})
        document = {
            "kind": "container_image",
            "model": chain.name,
            "inputs": {
                "onnx_model": onnx_digest,
                **({"inference_runtime": runtime} if runtime else {}),
            },
            "image": image.digest,
            "smoke_test_image": smoke_test.digest,
            "modules": [
                {**module.model_dump(), "image": images[_repository(chain, module)].digest}
                for module in chain.config.modules
            ],
            "architecture": image.architecture,
            "layers": [
                {"role": layer.role, "digest": layer.digest, "size": layer.size}
                for layer in image.layers
            ],
            "gates": {
                "image_answers": gate(True, f"all golden answers right, rung {verification.rung}"),
                "image_budget": gate(
                    passed, "within size and latency budget" if passed else reason
                ),
            },
        }
        sent = _push(platform, images) if passed else {}
        yield result(
            store, document, {**_metadata(images, chain), **_verified(verification), **sent}
        )

    return container_image


def _build(
    chain: Chain, platform: Platform, onnx: dict[str, Any], folder: Path
) -> "dict[str, BuiltImage]":
    """Builds the images of a release; unchanged layers come from the cache."""
    from resources.images.builder import build_image
    from resources.images.recipe import (
        APPLICATION_RECIPES,
        CONTRACT_FILE,
        contract_document,
        inference_recipe,
        smoke_test_recipe,
    )

    store = platform.artifacts
    model, golden = folder / "model", folder / "golden"
    for name, digest in onnx["files"].items():
        store.get_file(digest, model / name)
    store.get_file(onnx["files"]["golden.json"], golden / "golden.json")
    recipes = [
        inference_recipe(chain.name, model, onnx["onnx"]),
        smoke_test_recipe(f"{chain.name}-smoke-test", golden),
    ]
    for module in chain.config.modules:
        contract = folder / module.name
        contract.mkdir()
        described = json.loads((model / "model.json").read_bytes())
        (contract / CONTRACT_FILE).write_bytes(contract_document(described))
        recipes.append(APPLICATION_RECIPES[module.app](_repository(chain, module), contract))
    cache = platform.work / "layers"
    return {recipe.name: build_image(recipe, platform.images, cache) for recipe in recipes}


def _verify(chain: Chain, platform: Platform, digest: str, folder: Path) -> "Verification":
    from edge.runtime import best_runtime
    from resources.images.verify import verify_image

    cache = platform.work / "rootfs"
    return verify_image(platform.images, digest, best_runtime(), folder / "verify", cache=cache)


def _repository(chain: Chain, module: Module) -> str:
    return module_repository(chain.name, module.name)


def _verify_modules(
    chain: Chain, platform: Platform, images: "dict[str, BuiltImage]", folder: Path
) -> dict[str, Any]:
    """Starts every module that comes with the model until it is well; how long each took."""
    from edge.runtime import best_runtime
    from resources.images.verify_webapp import verify_webapp

    cache = platform.work / "rootfs"
    return {
        f"{module.name} well after (ms)": verify_webapp(
            platform.images,
            images[_repository(chain, module)].digest,
            best_runtime(),
            folder / f"verify-{module.name}",
            module.port,
            cache=cache,
        )
        for module in chain.config.modules
    }


def _verified(verification: "Verification") -> dict[str, Any]:
    return {
        "rung": verification.rung,
        "isolation": verification.isolation,
        "image bytes verified": verification.image_bytes_verified,
        "golden questions": verification.asked,
        "right answers": verification.right,
        "largest error": verification.max_error,
        "started after (ms)": verification.started_ms,
        "latency p95 (ms)": float(f"{verification.latency_ms['p95']:.3g}"),
    }


def _push(platform: Platform, images: "dict[str, BuiltImage]") -> dict[str, Any]:
    """Pushes the images; layers that the registry has under the other name are mounted."""
    started = time.monotonic()
    first = next(iter(images))
    reports = [
        platform.registry.push(platform.images, image.digest, name, mount_from=first)
        for name, image in images.items()
    ]
    return {
        "bytes sent": sum(report.bytes_sent for report in reports),
        "push seconds": time.monotonic() - started,
    }


def _metadata(images: "dict[str, BuiltImage]", chain: Chain) -> dict[str, Any]:
    image, smoke_test = images[chain.name], images[f"{chain.name}-smoke-test"]
    layers = [
        dg.TableRecord(
            {"layer": layer.role, "MB": round(layer.size / 1e6, 2), "digest": layer.digest}
        )
        for layer in image.layers
    ]
    return {
        "image": image.digest,
        "smoke test image": smoke_test.digest,
        **{
            f"{module.name} image": images[_repository(chain, module)].digest
            for module in chain.config.modules
        },
        "layers": dg.MetadataValue.table(layers),
        "dagster/size_bytes": sum(layer.size for layer in image.layers),
    }
