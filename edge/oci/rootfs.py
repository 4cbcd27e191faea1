"""Unpacks images without an engine.

    <cache>/<hex of chain id>/     the root file system of a chain of layers, shared, read only
    <cache>/.new-*                 being unpacked; removed when found older than an hour

A chain id names a stack of layers (OCI image-spec 1.1, "Layer ChainID"). A longer chain starts
as hard links of the shorter one, so images that share layers share their bytes.
"""

import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from edge.oci.decompress import LayerReader
from edge.oci.descriptors import Descriptor
from edge.oci.extract import extract
from edge.oci.image import ImageConfig, read_image
from edge.oci.locks import exclusive
from edge.oci.store import BlobStore
from protos.digests import digest_bytes, short
from protos.errors import IntegrityError

__all__ = ["ImageConfig", "UnpackedImage", "chain_id", "unpack"]

MAX_UNPACKED_BYTES = 8 << 30
_STALE_SECONDS = 3600.0
_WAIT_SECONDS = 600.0


@dataclass(frozen=True)
class UnpackedImage:
    """An image ready to run.

    `rootfs` is shared between images and must not be written to. `model` is the content of the
    last layer when that is mounted apart, at `mount` in the image. `store` still holds the blobs:
    engines load from it.
    """

    digest: str
    rootfs: Path
    model: Path | None
    config: ImageConfig
    mount: str | None = None
    store: BlobStore | None = None


def chain_id(diff_ids: list[str]) -> str:
    """The chain id of layers, lowest first: `sha256(chain id of the lower + " " + diff id)`."""
    chain = diff_ids[0]
    for diff_id in diff_ids[1:]:
        chain = digest_bytes(f"{chain} {diff_id}".encode())
    return chain


def unpack(
    store: BlobStore,
    digest: str,
    cache: Path,
    model_dir: Path,
    max_bytes: int = MAX_UNPACKED_BYTES,
) -> UnpackedImage:
    """Unpacks image `digest` (of an index or a manifest) from `store`.

    Layers go to `cache`, once per chain. A last layer that is annotated `edge-assets.mount` goes
    to `model_dir`, replacing what was there, in one step. Every layer must decompress to its diff
    id. Raises NotFound for a missing blob, IntegrityError for anything wrong with the bytes or an
    entry that is not safe to unpack.
    """
    image = read_image(store, digest)
    mount = image.mount
    shared = len(image.layers) - (1 if mount else 0)
    if not shared:
        raise IntegrityError(f"image {short(digest)} has no root file system")
    cache.mkdir(parents=True, exist_ok=True)
    _sweep(cache)
    layers = list(zip(image.layers, image.diff_ids, strict=True))
    rootfs = _chain(store, layers[:shared], cache, max_bytes)
    if mount:
        _mounted(store, *layers[-1], model_dir, mount, max_bytes)
    return UnpackedImage(digest, rootfs, model_dir if mount else None, image.config, mount, store)


def _chain(
    store: BlobStore, layers: list[tuple[Descriptor, str]], cache: Path, max_bytes: int
) -> Path:
    name = chain_id([diff_id for _, diff_id in layers]).removeprefix("sha256:")
    target = cache / name
    if target.is_dir():
        return target
    lower = _chain(store, layers[:-1], cache, max_bytes) if layers[1:] else None
    with exclusive(cache / f".{name}.lock", _WAIT_SECONDS):
        if not target.is_dir():
            new = Path(tempfile.mkdtemp(prefix=".new-", dir=cache))
            try:
                if lower is not None:
                    shutil.copytree(
                        lower, new, symlinks=True, copy_function=os.link, dirs_exist_ok=True
                    )
                _extract(store, *layers[-1], new, max_bytes)
                new.chmod(0o755)
                new.rename(target)
            finally:
                shutil.rmtree(new, ignore_errors=True)
        (cache / f".{name}.lock").unlink(missing_ok=True)
    return target


def _mounted(
    store: BlobStore, layer: Descriptor, diff_id: str, model_dir: Path, mount: str, max_bytes: int
) -> None:
    model_dir.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".new-{model_dir.name}-", dir=model_dir.parent))
    try:
        _extract(store, layer, diff_id, new / "new", max_bytes, mount)
        if model_dir.exists():
            model_dir.rename(new / "old")
        (new / "new").rename(model_dir)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _extract(
    store: BlobStore,
    layer: Descriptor,
    diff_id: str,
    root: Path,
    max_bytes: int,
    mount: str | None = None,
) -> None:
    root.mkdir(exist_ok=True)
    with store.open(layer.digest) as blob:
        reader = LayerReader(blob, max_bytes)
        extract(reader, root, prefix=mount or "", plain_only=mount is not None)
        found = reader.diff_id()
    if found != diff_id:
        raise IntegrityError(
            f"layer {short(layer.digest)} does not decompress to what the image says",
            why=f"diff id {short(found)} instead of {short(diff_id)}",
        )


def _sweep(cache: Path) -> None:
    """Removes what a crash left behind; a running unpack is younger than an hour."""
    for path in cache.glob(".new-*"):
        try:
            if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(path, ignore_errors=True)
        except FileNotFoundError:
            continue
