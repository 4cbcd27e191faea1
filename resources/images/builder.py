"""Builds images without an engine: base -> dependencies -> service -> model.

The same inputs give the same digest, wherever and whenever they are built with one Python and
one zlib. The model is last and not compressed: a model update is one small layer.
"""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.oci import BlobStore, Descriptor, ImageReference, RegistryClient
from edge.oci.descriptors import (
    CONFIG,
    DOCKER_LAYER_GZIP,
    INDEX,
    LAYER_GZIP,
    MANIFEST,
    MOUNT_ANNOTATION,
    host_architecture,
    host_os,
)
from edge.oci.image import read_image
from edge.oci.layer import Entry
from edge.runtime.layout import DEPENDENCIES, SERVICE
from edge.runtime.sandbox import USER
from protos.errors import ConfigurationError
from resources.images.base import host_base
from resources.images.dependencies import dependency_entries
from resources.images.layers import LayerCache, Plan
from resources.images.packages import package_entries
from resources.images.recipe import BuiltImage, ImageRecipe, Layer

# Times in an image would make equal inputs unequal.
_CREATED = "1970-01-01T00:00:00Z"
_ENV = {
    "PATH": "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin",
    "LANG": "C.UTF-8",
    "PYTHONPATH": f"{SERVICE}:{DEPENDENCIES}",
    "PYTHONSAFEPATH": "1",
    "PYTHONNOUSERSITE": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
    "ORT_DISABLE_TELEMETRY": "1",  # the wheels for Linux would send it
    "OPENBLAS_NUM_THREADS": "1",  # else numpy reserves memory for a thread per core
}
_MOUNT_ENV = {"/model": {"MODEL_PATH": "/model"}, "/golden": {"GOLDEN_PATH": "/golden/golden.json"}}


@dataclass(frozen=True)
class _Base:
    layers: list[Layer]
    env: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)


def build_image(
    recipe: ImageRecipe, store: BlobStore, cache: Path, *, registry: RegistryClient | None = None
) -> BuiltImage:
    """Builds the image for this machine's architecture into `store`.

    `cache` keeps layers between builds. `registry` is the client for a base image from a registry;
    by default one without credentials. Raises ConfigurationError when the recipe cannot be built.
    """
    layers = LayerCache(cache)
    base = _base(recipe, layers, store, registry)
    mount = recipe.mount.strip("/")
    made = [
        *base.layers,
        layers.layer(dependencies_plan(recipe), store),
        layers.layer(service_plan(recipe), store),
        layers.layer(Plan("model", model_entries(recipe.model, mount)), store),
    ]
    architecture, system = host_architecture(), host_os()
    platform = {"architecture": architecture, "os": system}
    config = store.add_json(_config(recipe, base, made, platform), CONFIG)
    annotations = {"org.opencontainers.image.title": recipe.name}
    annotations |= {**base.annotations, **recipe.labels}
    manifest = store.add_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.to_json(),
            "layers": [_descriptor(layer, recipe.mount).to_json() for layer in made],
            "annotations": annotations,
        },
        MANIFEST,
        platform=platform,
    )
    index = store.add_json(
        {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [manifest.to_json()],
            "annotations": annotations,
        },
        INDEX,
    )
    store.tag(index, recipe.name)
    return BuiltImage(index.digest, manifest.digest, made, architecture)


def dependencies_plan(recipe: ImageRecipe) -> Plan:
    """The layer of installed distributions."""
    entries = dependency_entries(recipe.distributions, DEPENDENCIES.lstrip("/"))
    return Plan("dependencies", entries, compile=True, compress=True)


def service_plan(recipe: ImageRecipe) -> Plan:
    """The layer of this project's packages."""
    entries = package_entries(recipe.packages, SERVICE.lstrip("/"))
    return Plan("service", entries, compile=True, compress=True)


def model_entries(folder: Path, mount: str) -> list[Entry]:
    """Every file in the model's folder, below `mount`. Raises ConfigurationError if there is none.

    Links are not followed: a model folder holds files.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    if not files:
        raise ConfigurationError(f"model folder {folder} has no files")
    if not mount:
        raise ConfigurationError("a model cannot be mounted at /")
    return [Entry(f"{mount}/{path.relative_to(folder).as_posix()}", path) for path in files]


def _base(
    recipe: ImageRecipe, layers: LayerCache, store: BlobStore, registry: RegistryClient | None
) -> _Base:
    if recipe.base == "host":
        plan = Plan("base", host_base(), compile=True, compress=True)
        version = sys.version.split()[0]
        return _Base([layers.layer(plan, store)], annotations={"edge-assets.python": version})
    start = time.perf_counter()
    reference = ImageReference.parse(recipe.base)
    client = registry or RegistryClient(reference.registry)
    digest = reference.digest or client.resolve(reference.repository, reference.selector)
    client.pull(reference.repository, digest, store)
    image = read_image(store, digest)
    seconds = (time.perf_counter() - start) / len(image.layers)
    found = [
        Layer("base", layer.digest, diff_id, layer.size, _oci(layer.media_type), seconds)
        for layer, diff_id in zip(image.layers, image.diff_ids, strict=True)
    ]
    return _Base(
        found,
        image.config.env,
        {
            "org.opencontainers.image.base.name": f"{reference.registry}/{reference.repository}",
            "org.opencontainers.image.base.digest": digest,
        },
    )


def _oci(media_type: str) -> str:
    """A docker layer's type in OCI words: the bytes are the same."""
    return LAYER_GZIP if media_type == DOCKER_LAYER_GZIP else media_type


def _descriptor(layer: Layer, mount: str) -> Descriptor:
    apart = {MOUNT_ANNOTATION: mount} if layer.role == "model" else {}
    return Descriptor(layer.media_type, layer.digest, layer.size, apart)


def _config(
    recipe: ImageRecipe, base: _Base, layers: list[Layer], platform: dict[str, str]
) -> dict[str, Any]:
    env = {**base.env, **_ENV, **_MOUNT_ENV.get(recipe.mount, {}), **recipe.env}
    if "PATH" in base.env:
        env["PATH"] = base.env["PATH"]
    return {
        **platform,
        "created": _CREATED,
        "config": {
            "Env": [f"{key}={value}" for key, value in sorted(env.items())],
            "Entrypoint": list(recipe.entrypoint),
            "Cmd": list(recipe.cmd),
            "User": f"{USER}:{USER}",
            "WorkingDir": "/",
            "Labels": {**base.annotations, **recipe.labels},
        },
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [{"created": _CREATED, "created_by": layer.role} for layer in layers],
    }
