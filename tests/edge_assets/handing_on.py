"""Two environments for tests of handing a release on: each a bench with a registry of its own."""

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge.local_hub.testing import running_hub
from edge.oci import BlobStore, RegistryClient
from edge_assets.core.model_folder import model_json
from edge_assets.hand_on import export_release, received, take_over
from edge_assets.lineage import gate
from resources.platform import Platform
from tests.edge.oci.images import image, tar
from tests.edge_assets.bench import REGISTRY, Bench, opened_bench

SHARED = tar([("runtime", b"what all images share" * 1000)])


@dataclass
class Site:
    """One environment, and its registry as anybody may ask it."""

    bench: Bench
    registry: RegistryClient

    def pulled(self, name: str, digest: str, folder: Path) -> set[str]:
        """The blobs of an image in the registry, verified."""
        store = BlobStore(folder)
        self.registry.pull(name, digest, store)
        return set(store.digests())


@contextmanager
def opened_site(home: Path, blank: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An environment at `home` with a real registry, its state a copy of `blank`."""
    with running_hub(home / "hub-of-test") as hub, opened_bench(home, blank, monkeypatch) as bench:
        environment = {
            "EDGE_HOME": str(home),
            "EDGE_REGISTRY": hub.registry,
            "EDGE_REGISTRY_CA": str(hub.ca),
            "EDGE_REGISTRY_USERNAME": hub.registry_username,
            "EDGE_REGISTRY_PASSWORD": hub.registry_password,
        }
        platform = Platform(environment)
        assert bench.platform.settings.registry == REGISTRY
        hasty = {"rollout_poll_seconds": 0.01, "soak_seconds_at_most": 0.0}
        bench.replace("settings", platform.settings.model_copy(update=hasty))
        bench.replace("registry", platform.registry)
        yield Site(bench, platform.registry)


def make_image(site: Site, onnx: str, **changes: Any) -> dict[str, Any]:
    """A candidate with real, if small, images of the `onnx_model` document, pushed as usual."""
    bench = site.bench
    images = bench.platform.images
    made = bench.platform.artifacts.get_document(onnx)
    model = bench.platform.artifacts.get_bytes(made["onnx"])
    layers = {"nyc_taxi": model, "nyc_taxi-smoke-test": b"questions"}
    digests = {
        name: image(images, [SHARED, tar([("content", content)])], mount="/model")
        for name, content in layers.items()
    }
    for name, digest in digests.items():
        site.registry.push(images, digest, name, mount_from="nyc_taxi")
    document = {
        "inputs": {"onnx_model": onnx},
        "image": digests["nyc_taxi"],
        "smoke_test_image": digests["nyc_taxi-smoke-test"],
        "architecture": "amd64",
        "gates": {
            "image_answers": gate(True, "all golden answers right"),
            "image_budget": gate(True, "within budget"),
        },
        **changes,
    }
    bench.pretend("container_image", document)
    return bench.document("container_image")


def pretend_candidate(site: Site, name: str = "one", **closed: Any) -> dict[str, Any]:
    """A candidate of pretended documents; `closed` are further gates of its `onnx_model`."""
    bench, store = site.bench, site.bench.platform.artifacts
    bench.pretend_image(name, train=store.put_bytes(f"{name} rows".encode()))
    trained = bench.document("trained_model")
    estimator = store.put_bytes(f"{name} estimator".encode())
    trained_digest = bench.pretend("trained_model", {**trained, "estimator": estimator})
    onnx = store.put_bytes(f"{name} onnx".encode())
    described = json.dumps(model_json(bench.chain.config, onnx)).encode()
    files = {"model.onnx": onnx, "model.json": store.put_bytes(described)}
    document = {
        "inputs": {"trained_model": trained_digest},
        "onnx": onnx,
        "files": files,
        "gates": {"parity": gate(True, "all rows agree"), **closed},
    }
    return make_image(site, bench.pretend("onnx_model", document))


def train_candidate(site: Site, seed: int = 1, name: str = "a.csv") -> dict[str, Any]:
    """A candidate that was really trained on a delivered batch."""
    bench = site.bench
    bench.accept(name, bench.sample(seed))
    assert bench.run("dataset", "trained_model", "onnx_model") is None
    onnx = bench.newest("onnx_model")
    assert onnx is not None
    return make_image(site, onnx)


def export(site: Site, file: Path, **options: Any) -> dict[str, Any]:
    """`export_release` of the site."""
    bench = site.bench
    return export_release(bench.chain, bench.instance, bench.platform, file, **options)


def take_in(site: Site, file: Path, **options: Any) -> dict[str, Any]:
    """`received` and `take_over` at the site."""
    bench = site.bench
    with received(file, bench.platform.work, **options) as given:
        return take_over(given, bench.chain, bench.instance, bench.platform)


def state(site: Site) -> tuple[Any, ...]:
    """What must not change when a file is refused."""
    home, bench = site.bench.home, site.bench
    stored = sorted(path.name for path in (home / "artifacts").rglob("*") if path.is_file())
    pushed = sorted(p.name for p in (home / "hub-of-test").rglob("*") if len(p.name) == 64)
    return stored, pushed, bench.newest("container_image"), sorted(bench.platform.work.iterdir())


def spoiled(
    bundle: Path, target: Path, change: Callable[[dict[str, bytes]], dict[str, bytes]]
) -> Path:
    """The bundle with its members changed: `change` gets and gives name -> bytes."""
    with tarfile.open(bundle) as archive:
        members = {m.name: archive.extractfile(m).read() for m in archive}  # type: ignore[union-attr]
    with tarfile.open(target, "w") as archive:
        for name, content in change(members).items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target


def index_of(members: dict[str, bytes], **told: str) -> bytes:
    """The `index.json` of a bundle that tells something else."""
    index = json.loads(members["index.json"])
    index["annotations"].update({f"edge-assets.{key}": value for key, value in told.items()})
    return json.dumps(index).encode()
