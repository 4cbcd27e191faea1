"""The check of manifests."""

import json
from typing import Any

import pytest

from edge.local_hub.registry.errors import RegistryError
from edge.local_hub.registry.manifests import OCI_INDEX, check_manifest
from protos.digests import digest_bytes

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DIGEST = digest_bytes(b"x")
BODY: dict[str, Any] = {
    "schemaVersion": 2,
    "mediaType": MANIFEST,
    "config": {"digest": DIGEST, "mediaType": "application/vnd.a"},
    "layers": [{"digest": DIGEST}, {"digest": "sha256:foreign", "urls": ["https://x"]}],
}


def check(body: Any, content_type: str = MANIFEST) -> dict[str, Any]:
    return check_manifest(json.dumps(body).encode(), content_type)


def test_what_a_manifest_says() -> None:
    found = check({**BODY, "subject": {"digest": DIGEST}})
    assert (found["blobs"], found["manifests"], found["subject"]) == ([DIGEST, DIGEST], [], DIGEST)
    assert (found["mediaType"], found["artifactType"]) == (MANIFEST, "application/vnd.a")
    assert check({**BODY, "artifactType": "application/b"})["artifactType"] == "application/b"


def test_what_an_index_says() -> None:
    found = check({"schemaVersion": 2, "manifests": [{"digest": DIGEST}]}, OCI_INDEX)
    assert (found["blobs"], found["manifests"], found["artifactType"]) == ([], [DIGEST], "")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ([], MANIFEST),
        ({**BODY, "schemaVersion": 1}, MANIFEST),
        (BODY, OCI_INDEX),
        ({**BODY, "mediaType": "text/plain"}, ""),
        ({**BODY, "mediaType": None}, ""),
        ({**BODY, "config": None}, MANIFEST),
        ({**BODY, "layers": None}, MANIFEST),
        ({**BODY, "layers": [{"digest": "sha256:../../etc"}]}, MANIFEST),
        ({**BODY, "subject": {}}, MANIFEST),
    ],
)
def test_what_is_no_manifest_is_refused(body: Any, content_type: str) -> None:
    with pytest.raises(RegistryError) as caught:
        check(body, content_type)
    assert (caught.value.status, caught.value.code) == (400, "MANIFEST_INVALID")


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(RegistryError, match="not JSON"):
        check_manifest(b"{", MANIFEST)
