"""Small images for tests, made by hand so that they may also be wrong."""

import gzip
import io
import tarfile
from collections.abc import Iterable

from edge.oci import BlobStore, Descriptor
from edge.oci.descriptors import (
    CONFIG,
    INDEX,
    LAYER_GZIP,
    LAYER_TAR,
    MANIFEST,
    MOUNT_ANNOTATION,
    host_architecture,
)
from protos.digests import digest_bytes

Made = tarfile.TarInfo | tuple[str, bytes]


def tar(entries: Iterable[Made]) -> bytes:
    """A tar of files (name, content) and of entries of any kind."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry)
                continue
            info = tarfile.TarInfo(entry[0])
            info.size = len(entry[1])
            archive.addfile(info, io.BytesIO(entry[1]))
    return buffer.getvalue()


def entry(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    """An entry without content."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, 0o755
    return info


def image(
    store: BlobStore,
    layers: list[bytes],
    *,
    mount: str | None = None,
    compress: bool = True,
    architecture: str | None = None,
    diff_ids: list[str] | None = None,
) -> str:
    """Stores an image of these tars, the last one mounted apart at `mount`; returns its digest."""
    descriptors = []
    for number, data in enumerate(layers):
        last = mount is not None and number == len(layers) - 1
        zipped = compress and not last
        descriptors.append(
            store.add_bytes(
                gzip.compress(data, mtime=0) if zipped else data,
                LAYER_GZIP if zipped else LAYER_TAR,
                annotations={MOUNT_ANNOTATION: mount} if last else {},
            )
        )
    platform = {"architecture": architecture or host_architecture(), "os": "linux"}
    config = store.add_json(
        {
            **platform,
            "config": {"Env": ["A=1", "B=x=y"], "Entrypoint": ["/run"], "User": "65532"},
            "rootfs": {"type": "layers", "diff_ids": diff_ids or list(map(digest_bytes, layers))},
        },
        CONFIG,
    )
    return index(store, [(manifest(store, config, descriptors), platform)]).digest


def manifest(store: BlobStore, config: Descriptor, layers: list[Descriptor]) -> Descriptor:
    """Stores a manifest."""
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config.to_json()}
    return store.add_json({**document, "layers": [d.to_json() for d in layers]}, MANIFEST)


def index(store: BlobStore, entries: list[tuple[Descriptor, dict[str, str]]]) -> Descriptor:
    """Stores an index of manifests for platforms."""
    manifests = [{**found.to_json(), "platform": platform} for found, platform in entries]
    return store.add_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}, INDEX)
