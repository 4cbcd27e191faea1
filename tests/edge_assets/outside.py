"""Image building, starting and the registry, replaced where the assets leave this process."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edge.oci.client import PushReport
from protos.errors import VerificationFailed
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

    def verify(
        self, store: Any, digest: str, runtime: Any, work: Path, *, cache: Path | None = None
    ) -> Verification:
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


def replace_outside(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Outside:
    """Puts an `Outside` where images are built, started and pushed."""
    made = Outside()
    monkeypatch.setattr("resources.images.builder.build_image", made.build)
    monkeypatch.setattr("resources.images.verify.verify_image", made.verify)
    bench.replace("registry", made)
    return made
