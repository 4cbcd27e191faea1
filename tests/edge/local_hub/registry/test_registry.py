"""The registry over HTTPS, as registry clients use it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from edge.local_hub.limits import Limits
from edge.local_hub.testing import RunningHub, running_hub
from protos.digests import digest_bytes

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


class Client:
    """A registry client of few lines."""

    def __init__(self, hub: RunningHub) -> None:
        self.base = f"https://{hub.registry}"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(hub.ca)
        self.auth: tuple[str, str] | None = (hub.registry_username, hub.registry_password)

    def __call__(self, method: str, path: str, **more: Any) -> requests.Response:
        more.setdefault("auth", None if method in ("GET", "HEAD") else self.auth)
        return self.session.request(method, self.base + path, timeout=10, **more)

    def push_blob(self, data: bytes, repository: str = "taxi") -> str:
        digest = digest_bytes(data)
        answer = self("POST", f"/v2/{repository}/blobs/uploads/?digest={digest}", data=data)
        assert answer.status_code == 201, answer.text
        return digest

    def push_manifest(
        self,
        body: dict[str, Any],
        reference: str = "",
        kind: str = MANIFEST,
        repository: str = "taxi",
    ) -> requests.Response:
        data = json.dumps(body).encode()
        path = f"/v2/{repository}/manifests/{reference or digest_bytes(data)}"
        return self("PUT", path, data=data, headers={"Content-Type": kind})

    def image(self, salt: str, **more: Any) -> dict[str, Any]:
        """A manifest whose blobs are pushed."""
        config, layer = f'{{"{salt}":1}}'.encode(), f"layer {salt}".encode()
        return {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(
                self.push_blob(config), config, "application/vnd.oci.image.config.v1+json"
            ),
            "layers": [descriptor(self.push_blob(layer), layer)],
            **more,
        }


def descriptor(digest: str, data: bytes, kind: str = "application/octet-stream") -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest, "size": len(data)}


def code(answer: requests.Response) -> str:
    found: str = answer.json()["errors"][0]["code"]
    return found


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    limits = Limits(blob_bytes=1 << 20, manifest_bytes=1 << 16)
    with running_hub(tmp_path_factory.mktemp("hub"), limits=limits) as hub:
        yield Client(hub)


def test_the_version_check(client: Client) -> None:
    for path in ("/v2/", "/v2"):
        answer = client("GET", path)
        assert answer.status_code == 200
        assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


@pytest.mark.parametrize("auth", [None, ("edge", "wrong"), ("other", None), ("edge", "")])
def test_pushing_needs_the_password(client: Client, auth: Any) -> None:
    if auth and auth[1] is None:
        auth = (auth[0], client.auth[1] if client.auth else "")
    answer = client("POST", "/v2/taxi/blobs/uploads/", auth=auth)
    assert (answer.status_code, code(answer)) == (401, "UNAUTHORIZED")
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")


def test_reading_is_anonymous_but_not_with_a_wrong_password(client: Client) -> None:
    digest = client.push_blob(b"public")
    assert client("GET", f"/v2/taxi/blobs/{digest}").content == b"public"
    assert client("GET", "/v2/", auth=("edge", "wrong")).status_code == 401
    assert client("GET", "/v2/", auth=client.auth).status_code == 200
    assert client("GET", "/v2/", headers={"Authorization": "Bearer x"}).status_code == 200


def test_every_change_needs_the_password(client: Client) -> None:
    digest = client.push_blob(b"safe")
    for method, path in (
        ("PUT", "/v2/taxi/manifests/v1"),
        ("DELETE", "/v2/taxi/manifests/v1"),
        ("DELETE", f"/v2/taxi/blobs/{digest}"),
        ("PATCH", "/v2/taxi/blobs/uploads/x"),
        ("PUT", "/v2/taxi/blobs/uploads/x"),
        ("DELETE", "/v2/taxi/blobs/uploads/x"),
    ):
        assert client(method, path, auth=None).status_code == 401
    assert client("HEAD", f"/v2/taxi/blobs/{digest}").status_code == 200


def test_post_then_put(client: Client) -> None:
    data, digest = b"monolithic", digest_bytes(b"monolithic")
    start = client("POST", "/v2/team/taxi/blobs/uploads/")
    assert start.status_code == 202
    location = start.headers["Location"]
    assert location.startswith("/v2/team/taxi/blobs/uploads/")
    done = client("PUT", f"{location}?digest={digest}", data=data)
    assert (done.status_code, done.headers["Location"]) == (201, f"/v2/team/taxi/blobs/{digest}")
    assert done.headers["Docker-Content-Digest"] == digest
    assert client("GET", f"/v2/team/taxi/blobs/{digest}").content == data
    assert client("GET", location).status_code == 404


def test_chunks(client: Client) -> None:
    parts = [b"one", b"two", b"three"]
    whole = b"".join(parts)
    location, sent = client("POST", "/v2/taxi/blobs/uploads/").headers["Location"], 0
    for part in parts[:2]:
        span = f"{sent}-{sent + len(part) - 1}"
        answer = client("PATCH", location, data=part, headers={"Content-Range": span})
        sent += len(part)
        assert (answer.status_code, answer.headers["Range"]) == (202, f"0-{sent - 1}")
        location = answer.headers["Location"]
    progress = client("GET", location)
    assert (progress.status_code, progress.headers["Range"]) == (204, "0-5")
    digest = digest_bytes(whole)
    assert client("PUT", f"{location}?digest={digest}", data=parts[2]).status_code == 201
    assert client("GET", f"/v2/taxi/blobs/{digest}").content == whole


def test_a_chunk_out_of_order_is_refused(client: Client) -> None:
    location = client("POST", "/v2/taxi/blobs/uploads/").headers["Location"]
    for span in ("5-7", "x"):
        answer = client("PATCH", location, data=b"abc", headers={"Content-Range": span})
        assert (answer.status_code, code(answer)) == (416, "BLOB_UPLOAD_INVALID")
    assert (
        client("PATCH", location, data=b"abc", headers={"Content-Range": "0-2"}).status_code == 202
    )


def test_an_upload_can_be_given_up(client: Client) -> None:
    location = client("POST", "/v2/taxi/blobs/uploads/").headers["Location"]
    assert client("DELETE", location).status_code == 204
    answer = client("PATCH", location, data=b"x")
    assert (answer.status_code, code(answer)) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_wrong_digest_is_refused_and_nothing_is_kept(client: Client) -> None:
    wrong = digest_bytes(b"other")
    for digest in (wrong, "sha256:abc", "md5:d41d8cd98f00b204e9800998ecf8427e"):
        answer = client("POST", f"/v2/taxi/blobs/uploads/?digest={digest}", data=b"content")
        assert (answer.status_code, code(answer)) == (400, "DIGEST_INVALID")
    assert client("HEAD", f"/v2/taxi/blobs/{wrong}").status_code == 404
    assert client("HEAD", f"/v2/taxi/blobs/{digest_bytes(b'content')}").status_code == 404


def test_sizes_are_bounded(client: Client) -> None:
    large = b"x" * ((1 << 20) + 1)
    answer = client("POST", f"/v2/taxi/blobs/uploads/?digest={digest_bytes(large)}", data=large)
    assert (answer.status_code, code(answer)) == (413, "SIZE_INVALID")
    client.push_blob(large[:-1])
    manifest = client.push_manifest({"schemaVersion": 2, "annotations": {"a": "x" * (1 << 16)}})
    assert (manifest.status_code, code(manifest)) == (413, "SIZE_INVALID")


def test_head_and_ranges(client: Client) -> None:
    digest = client.push_blob(b"0123456789")
    path = f"/v2/taxi/blobs/{digest}"
    head = client("HEAD", path)
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, "10", b"")
    assert head.headers["Docker-Content-Digest"] == digest
    part = client("GET", path, headers={"Range": "bytes=4-"})
    assert (part.status_code, part.content) == (206, b"456789")
    assert part.headers["Content-Range"] == "bytes 4-9/10"
    assert client("GET", path, headers={"Range": "bytes=2-3"}).content == b"23"
    assert client("GET", path, headers={"Range": "bytes=10-"}).status_code == 416


def test_a_blob_is_mounted_from_another_repository(client: Client) -> None:
    digest = client.push_blob(b"shared", "one")
    assert client("HEAD", f"/v2/two/blobs/{digest}").status_code == 404
    answer = client("POST", f"/v2/two/blobs/uploads/?mount={digest}&from=one")
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/v2/two/blobs/{digest}")
    assert client("GET", f"/v2/two/blobs/{digest}").content == b"shared"
    missing = client("POST", f"/v2/two/blobs/uploads/?mount={digest_bytes(b'x')}&from=one")
    assert missing.status_code == 202
    assert "/blobs/uploads/" in missing.headers["Location"]


def test_manifests_by_tag_and_digest(client: Client) -> None:
    body = client.image("a")
    data = json.dumps(body).encode()
    put = client.push_manifest(body, "v1")
    assert (put.status_code, put.headers["Docker-Content-Digest"]) == (201, digest_bytes(data))
    for reference in ("v1", digest_bytes(data)):
        got = client("GET", f"/v2/taxi/manifests/{reference}")
        assert (got.content, got.headers["Content-Type"]) == (data, MANIFEST)
        head = client("HEAD", f"/v2/taxi/manifests/{reference}")
        assert head.headers["Docker-Content-Digest"] == digest_bytes(data)
        assert (head.headers["Content-Length"], head.content) == (str(len(data)), b"")
    missing = client("GET", "/v2/taxi/manifests/none")
    assert (missing.status_code, code(missing)) == (404, "MANIFEST_UNKNOWN")


def test_a_tag_moves_and_the_digest_stays(client: Client) -> None:
    one, two = client.image("m1"), client.image("m2")
    first = client.push_manifest(one, "moving").headers["Docker-Content-Digest"]
    second = client.push_manifest(two, "moving").headers["Docker-Content-Digest"]
    assert client("HEAD", "/v2/taxi/manifests/moving").headers["Docker-Content-Digest"] == second
    assert client("GET", f"/v2/taxi/manifests/{first}").json() == one


def test_what_is_not_whole_is_refused(client: Client) -> None:
    body = client.image("b")
    absent = {**body, "layers": [descriptor(digest_bytes(b"never"), b"never")]}
    answer = client.push_manifest(absent, "v2")
    assert (answer.status_code, code(answer)) == (404, "MANIFEST_BLOB_UNKNOWN")
    elsewhere = client.push_manifest(body, "v1", repository="empty")
    assert code(elsewhere) == "MANIFEST_BLOB_UNKNOWN"
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": absent["layers"]}
    assert code(client.push_manifest(index, "v2", INDEX)) == "MANIFEST_BLOB_UNKNOWN"
    assert client("HEAD", "/v2/taxi/manifests/v2").status_code == 404


def test_a_manifest_that_is_not_its_digest_is_refused(client: Client) -> None:
    answer = client.push_manifest(client.image("c"), digest_bytes(b"other"))
    assert (answer.status_code, code(answer)) == (400, "DIGEST_INVALID")


def test_an_index_of_manifests(client: Client) -> None:
    body = client.image("d")
    data = json.dumps(body).encode()
    client.push_manifest(body)
    entry = {**descriptor(digest_bytes(data), data, MANIFEST), "platform": {"os": "linux"}}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    assert client.push_manifest(index, "multi", INDEX).status_code == 201
    got = client("GET", "/v2/taxi/manifests/multi")
    assert (got.json(), got.headers["Content-Type"]) == (index, INDEX)


def test_tags_and_catalog_with_pages(client: Client) -> None:
    body = {
        **client.image("e"),
        "config": descriptor(client.push_blob(b"{}", "tagged"), b"{}"),
        "layers": [],
    }
    for tag in ("c", "a", "b"):
        assert client.push_manifest(body, tag, repository="tagged").status_code == 201
    assert client("GET", "/v2/tagged/tags/list").json() == {
        "name": "tagged",
        "tags": ["a", "b", "c"],
    }
    page = client("GET", "/v2/tagged/tags/list?n=2")
    assert page.json()["tags"] == ["a", "b"]
    assert page.links["next"]["url"] == "/v2/tagged/tags/list?n=2&last=b"
    assert client("GET", page.links["next"]["url"]).json()["tags"] == ["c"]
    assert "tagged" in client("GET", "/v2/_catalog").json()["repositories"]
    assert code(client("GET", "/v2/unknown/tags/list")) == "NAME_UNKNOWN"


def test_referrers(client: Client) -> None:
    subject = client.image("f")
    data = json.dumps(subject).encode()
    digest = client.push_manifest(subject, "signed").headers["Docker-Content-Digest"]
    assert client("GET", f"/v2/taxi/referrers/{digest}").json()["manifests"] == []
    signature = client.image(
        "g",
        artifactType="application/x.signature",
        subject=descriptor(digest, data, MANIFEST),
        annotations={"by": "me"},
    )
    put = client.push_manifest(signature)
    assert put.headers["OCI-Subject"] == digest
    answer = client("GET", f"/v2/taxi/referrers/{digest}")
    assert answer.headers["Content-Type"] == INDEX
    (found,) = answer.json()["manifests"]
    assert found == {
        "mediaType": MANIFEST,
        "size": len(json.dumps(signature)),
        "digest": put.headers["Docker-Content-Digest"],
        "artifactType": "application/x.signature",
        "annotations": {"by": "me"},
    }
    other = client("GET", f"/v2/taxi/referrers/{digest}?artifactType=application/y")
    assert other.json()["manifests"] == []
    assert other.headers["OCI-Filters-Applied"] == "artifactType"


def test_deleting_a_tag_a_manifest_and_a_blob(client: Client) -> None:
    body = client.image("h")
    digest = client.push_manifest(body, "t1").headers["Docker-Content-Digest"]
    client.push_manifest(body, "t2")
    assert client("DELETE", "/v2/taxi/manifests/t1").status_code == 202
    assert client("HEAD", "/v2/taxi/manifests/t1").status_code == 404
    assert client("HEAD", "/v2/taxi/manifests/t2").status_code == 200
    assert client("DELETE", f"/v2/taxi/manifests/{digest}").status_code == 202
    for reference in ("t2", digest):
        assert client("HEAD", f"/v2/taxi/manifests/{reference}").status_code == 404
    layer = body["layers"][0]["digest"]
    assert client("DELETE", f"/v2/taxi/blobs/{layer}").status_code == 202
    assert client("HEAD", f"/v2/taxi/blobs/{layer}").status_code == 404
    assert client("DELETE", f"/v2/taxi/blobs/{layer}").status_code == 404


@pytest.mark.parametrize("name", ["UPPER", "a..b", "-a", "a/../b", "a" * 256, "a//b"])
def test_a_wrong_name_is_refused(client: Client, name: str) -> None:
    request = requests.Request("POST", f"{client.base}/v2/x/blobs/uploads/", auth=client.auth)
    prepared = client.session.prepare_request(request)
    prepared.url = f"{client.base}/v2/{name}/blobs/uploads/"  # as it stands, not normalised
    answer = client.session.send(prepared, timeout=10, verify=client.session.verify)
    assert (answer.status_code, code(answer)) == (400, "NAME_INVALID")


def test_an_unknown_operation(client: Client) -> None:
    answer = client("GET", "/v2/taxi/nonsense")
    assert (answer.status_code, code(answer)) == (404, "UNSUPPORTED")
