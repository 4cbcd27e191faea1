import io
import json
import tarfile
from pathlib import Path

from edge.oci import BlobStore
from edge.oci.image import read_image
from edge.runtime.archive import write_archive
from edge.runtime.engine import image_name
from protos.digests import digest_bytes
from tests.edge.oci.images import image, tar


def test_one_archive_is_an_oci_layout_and_a_docker_archive(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    digest = image(store, [tar([("a", b"1")]), tar([("model/m", b"2")])], mount="/model")
    documents = read_image(store, digest)
    buffer = io.BytesIO()
    write_archive(store, documents, image_name(documents), buffer)
    buffer.seek(0)
    with tarfile.open(fileobj=buffer) as archive:
        found = {
            member.name: file.read()
            for member in archive
            if (file := archive.extractfile(member)) is not None
        }
    name = f"localhost/edge-assets:{documents.manifest.digest.removeprefix('sha256:')}"
    [entry] = json.loads(found["index.json"])["manifests"]
    assert entry["digest"] == documents.manifest.digest
    assert entry["annotations"]["org.opencontainers.image.ref.name"] == name
    [docker] = json.loads(found["manifest.json"])
    assert docker["RepoTags"] == [name]
    assert len(docker["Layers"]) == 2
    blobs = {key: data for key, data in found.items() if key.startswith("blobs/")}
    assert {docker["Config"], *docker["Layers"]} < set(blobs)
    for path, data in blobs.items():
        assert digest_bytes(data) == path.removeprefix("blobs/").replace("/", ":")
