"""An image as one tar that docker, podman, skopeo and containerd can load."""

import io
import tarfile
from typing import IO, Any

from edge.oci.descriptors import REF_NAME_ANNOTATION, blobs_of
from edge.oci.image import ImageDocuments
from edge.oci.store import BlobStore
from protos.digests import canonical_json


def write_archive(store: BlobStore, image: ImageDocuments, name: str, sink: IO[bytes]) -> None:
    """Writes the image for this machine to `sink`, called `name` (`repository:tag`).

    An OCI layout, plus the `manifest.json` of docker, which cannot load a pure OCI layout before
    its version 27; both point at the same blobs.
    """
    manifest = image.manifest.to_json()
    manifest["annotations"] = {
        "io.containerd.image.name": name,
        REF_NAME_ANNOTATION: name,
    }
    docker = {
        "Config": _blob(image.config_digest),
        "RepoTags": [name],
        "Layers": [_blob(layer.digest) for layer in image.layers],
    }
    with tarfile.open(fileobj=sink, mode="w|") as tar:
        _add(tar, "oci-layout", {"imageLayoutVersion": "1.0.0"})
        _add(tar, "index.json", {"schemaVersion": 2, "manifests": [manifest]})
        _add(tar, "manifest.json", [docker])
        digests = [image.manifest.digest, *(b.digest for b in blobs_of(image.manifest_json))]
        for digest in dict.fromkeys(digests):
            info = tarfile.TarInfo(_blob(digest))
            info.size = store.size(digest)
            with store.open(digest) as blob:
                tar.addfile(info, blob)


def _blob(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _add(tar: tarfile.TarFile, name: str, value: Any) -> None:
    data = canonical_json(value)
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))
