import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.oci import BlobStore, RegistryClient
from edge.oci.image import read_image
from edge.oci.retry import Retries
from protos.digests import digest_bytes
from protos.errors import ConfigurationError, IntegrityError, NotFound, Unavailable
from tests.edge.oci.images import image, tar
from tests.edge.oci.registry import PASSWORD, USER, Fault, Registry

LAYER = tar([("file", os.urandom(600_000))])
MODEL = tar([("model/model.onnx", b"model")])
LAYER_DIGEST = digest_bytes(LAYER)
waits: list[float] = []
QUICK = Retries(attempts=3, first_seconds=0.01, sleep=waits.append)

Clients = Callable[..., RegistryClient]


@pytest.fixture
def client(registry: Registry) -> RegistryClient:
    waits.clear()
    return RegistryClient(registry.address, ca=registry.ca, retries=QUICK)


@pytest.fixture
def digest(store: BlobStore) -> str:
    return image(store, [LAYER, MODEL], mount="/model", compress=False)


@pytest.fixture
def device(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "device")


@pytest.fixture
def pushed(client: RegistryClient, store: BlobStore, digest: str, registry: Registry) -> str:
    client.push(store, digest, "a")
    registry.requests.clear()
    return digest


def test_what_was_pushed_can_be_pulled(
    client: RegistryClient, store: BlobStore, digest: str, device: BlobStore
) -> None:
    report = client.push(store, digest, "a", tag="v1")
    assert (report.blobs_sent, report.blobs_present, report.blobs_mounted) == (3, 0, 0)
    assert report.bytes_sent > len(LAYER)
    pulled = client.pull("a", client.resolve("a", "v1"), device)
    assert (pulled.blobs_fetched, pulled.blobs_present) == (3, 0)
    assert pulled.bytes_fetched == report.bytes_sent
    assert set(device.digests()) == set(store.digests())


def test_nothing_moves_twice(
    client: RegistryClient, store: BlobStore, pushed: str, device: BlobStore, registry: Registry
) -> None:
    assert client.push(store, pushed, "a").bytes_sent == 0
    assert registry.count("POST", "uploads") == 0
    client.pull("a", pushed, device)
    registry.requests.clear()
    again = client.pull("a", pushed, device)
    assert (again.blobs_fetched, again.bytes_fetched, again.blobs_present) == (0, 0, 3)
    assert registry.requests == []


def test_another_repository_mounts_what_is_known(
    client: RegistryClient, store: BlobStore, pushed: str
) -> None:
    report = client.push(store, pushed, "b", mount_from="a")
    assert (report.blobs_sent, report.blobs_mounted) == (0, 3)
    report = client.push(store, pushed, "c", mount_from="nowhere")
    assert (report.blobs_sent, report.blobs_mounted) == (3, 0)


def test_the_image_is_put_last(
    client: RegistryClient, store: BlobStore, digest: str, registry: Registry
) -> None:
    client.push(store, digest, "a", tag="v1")
    puts = [path for method, path in registry.requests if method == "PUT"]
    manifest = read_image(store, digest).manifest.digest
    assert [path.rpartition("/")[2] for path in puts[-3:]] == [manifest, digest, "v1"]


def test_a_blob_that_rotted_on_the_device_is_fetched_again(
    client: RegistryClient, pushed: str, device: BlobStore
) -> None:
    client.pull("a", pushed, device)
    device.path(LAYER_DIGEST).write_bytes(b"rot")
    assert client.pull("a", pushed, device).blobs_fetched == 1
    assert device.intact(LAYER_DIGEST)


def test_other_bytes_than_asked_for_are_refused(
    client: RegistryClient, pushed: str, device: BlobStore, registry: Registry
) -> None:
    evil = bytes(len(LAYER))
    registry.faults.append(Fault("GET", LAYER_DIGEST, replace=evil, times=9))
    with pytest.raises(IntegrityError, match="sent other bytes"):
        client.pull("a", pushed, device)
    assert not device.has(LAYER_DIGEST)
    assert not (device.root / "partial" / LAYER_DIGEST.removeprefix("sha256:")).exists()


def test_more_bytes_than_announced_are_refused(
    client: RegistryClient, pushed: str, device: BlobStore, registry: Registry
) -> None:
    registry.faults.append(Fault("GET", LAYER_DIGEST, replace=LAYER + b"more", times=9))
    with pytest.raises(IntegrityError, match="larger than its"):
        client.pull("a", pushed, device)
    assert not device.has(LAYER_DIGEST)


def test_another_manifest_is_refused(
    client: RegistryClient, pushed: str, device: BlobStore, registry: Registry
) -> None:
    registry.faults.append(Fault("GET", "manifests", replace=b"{}", times=9))
    with pytest.raises(IntegrityError, match="is not sha256"):
        client.pull("a", pushed, device)


def test_a_download_continues_where_it_was_cut_off(
    client: RegistryClient, pushed: str, device: BlobStore, registry: Registry
) -> None:
    registry.faults.append(Fault("GET", LAYER_DIGEST, cut_after=300_000))
    report = client.pull("a", pushed, device)
    assert device.intact(LAYER_DIGEST)
    resumed = [int(r.removeprefix("bytes=").rstrip("-")) for r in registry.ranges if r]
    assert len(resumed) == 1
    assert resumed[0] > 0
    assert report.bytes_fetched == sum(store_size(device, pushed))


def test_a_download_continues_in_another_process(
    registry: Registry, pushed: str, device: BlobStore
) -> None:
    registry.faults.append(Fault("GET", LAYER_DIGEST, cut_after=300_000))
    impatient = RegistryClient(registry.address, ca=registry.ca, retries=Retries(attempts=1))
    with pytest.raises(Unavailable, match="cannot be fetched"):
        impatient.pull("a", pushed, device)
    again = impatient.pull("a", pushed, BlobStore(device.root))
    assert 0 < again.bytes_fetched < len(LAYER)
    assert device.intact(LAYER_DIGEST)


def test_a_bad_beginning_does_not_spoil_the_rest(
    client: RegistryClient, pushed: str, device: BlobStore
) -> None:
    partial = device.root / "partial" / LAYER_DIGEST.removeprefix("sha256:")
    partial.write_bytes(bytes(1000))
    client.pull("a", pushed, device)
    assert device.intact(LAYER_DIGEST)


def test_a_registry_without_ranges_starts_again(
    client: RegistryClient, pushed: str, device: BlobStore, registry: Registry
) -> None:
    registry.faults.append(Fault("GET", LAYER_DIGEST, cut_after=300_000))
    registry.faults.append(Fault("GET", LAYER_DIGEST, ignore_range=True))
    client.pull("a", pushed, device)
    assert device.intact(LAYER_DIGEST)


def test_a_busy_registry_is_given_the_time_it_asks_for(
    client: RegistryClient, pushed: str, device: BlobStore, registry: Registry
) -> None:
    registry.faults.append(Fault("GET", "manifests", status=429, headers={"Retry-After": "7"}))
    registry.faults.append(Fault("GET", LAYER_DIGEST, status=503))
    client.pull("a", pushed, device)
    assert waits[0] == 7.0
    assert len(waits) == 2


def test_a_push_survives_lost_connections(
    client: RegistryClient, store: BlobStore, digest: str, registry: Registry, device: BlobStore
) -> None:
    registry.faults += [
        Fault("HEAD", "blobs"),
        Fault("POST", "uploads"),
        Fault("PUT", "uploads", status=500),
        Fault("PUT", "uploads"),
        Fault("PUT", "manifests", status=502),
    ]
    client.push(store, digest, "a")
    client.pull("a", digest, device)
    assert device.intact(LAYER_DIGEST)


def test_patience_ends(
    client: RegistryClient, pushed: str, device: BlobStore, registry: Registry
) -> None:
    registry.faults.append(Fault("GET", "manifests", status=503, times=99))
    with pytest.raises(Unavailable, match="status 503"):
        client.pull("a", pushed, device)
    assert registry.count("GET", "manifests") == 3


def test_nobody_listening_is_unavailable(registry: Registry, device: BlobStore) -> None:
    nobody = RegistryClient("localhost:1", ca=registry.ca, retries=QUICK, timeout_seconds=2)
    with pytest.raises(Unavailable, match="does not answer"):
        nobody.pull("a", LAYER_DIGEST, device)


def test_an_unknown_authority_is_not_trusted(
    registry: Registry, pushed: str, device: BlobStore
) -> None:
    stranger = RegistryClient(registry.address, retries=Retries(attempts=1))
    with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
        stranger.pull("a", pushed, device)


def test_what_is_not_there_is_not_found(client: RegistryClient, device: BlobStore) -> None:
    with pytest.raises(NotFound, match="has no a/manifests"):
        client.pull("a", LAYER_DIGEST, device)
    assert waits == []


def test_pulls_by_digest_only(client: RegistryClient, device: BlobStore) -> None:
    with pytest.raises(IntegrityError, match="by digest only"):
        client.pull("a", "latest", device)


def test_an_image_larger_than_allowed_is_not_fetched(
    client: RegistryClient, pushed: str, device: BlobStore, registry: Registry
) -> None:
    with pytest.raises(IntegrityError, match="too large"):
        client.pull("a", pushed, device, max_bytes=1000)
    assert registry.count("GET", "blobs") == 0


def test_nothing_for_this_machine_is_not_found(
    client: RegistryClient, store: BlobStore, device: BlobStore
) -> None:
    other = image(store, [LAYER], architecture="s390x")
    client.push(store, other, "a")
    with pytest.raises(NotFound, match="nothing for"):
        client.pull("a", other, device)
    assert client.pull("a", other, device, architecture="s390x").blobs_fetched == 2


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_credentials_are_given_when_asked_for(
    auth: str, registry: Registry, store: BlobStore, digest: str, device: BlobStore
) -> None:
    registry.auth = auth
    client = RegistryClient(registry.address, ca=registry.ca, username=USER, password=PASSWORD)
    client.push(store, digest, "a", mount_from="b")
    client.pull("a", digest, device)
    assert device.intact(LAYER_DIGEST)
    if auth == "bearer":
        assert registry.token_queries[0]["scope"] == ["repository:a:pull", "repository:b:pull"]


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_wrong_credentials_are_refused_at_once(
    auth: str, registry: Registry, store: BlobStore, digest: str
) -> None:
    registry.auth = auth
    client = RegistryClient(
        registry.address, ca=registry.ca, username=USER, password="not-it", retries=QUICK
    )
    waits.clear()
    with pytest.raises(ConfigurationError, match="refuses") as raised:
        client.push(store, digest, "a")
    assert "not-it" not in str(raised.value)
    assert waits == []


def test_a_redirect_gets_no_credentials(
    registry: Registry, store: BlobStore, digest: str, device: BlobStore
) -> None:
    registry.auth = "basic"
    client = RegistryClient(registry.address, ca=registry.ca, username=USER, password=PASSWORD)
    client.push(store, digest, "a")
    registry.blob_redirect = "https://" + registry.address.replace("localhost", "127.0.0.1")
    client.pull("a", digest, device)
    assert device.intact(LAYER_DIGEST)
    assert registry.redirected_authorization == [None, None, None]


def test_a_redirect_to_plain_http_is_refused(
    registry: Registry, client: RegistryClient, pushed: str, device: BlobStore
) -> None:
    registry.blob_redirect = "http://" + registry.address
    with pytest.raises(Unavailable, match="without TLS"):
        client.pull("a", pushed, device)


def test_devices_that_pull_at_once_fetch_once(
    client: RegistryClient, pushed: str, device: BlobStore, registry: Registry
) -> None:
    threads = [threading.Thread(target=client.pull, args=("a", pushed, device)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert registry.count("GET", LAYER_DIGEST) == 1
    assert device.intact(LAYER_DIGEST)


def test_a_blob_missing_here_stops_the_push(
    client: RegistryClient, store: BlobStore, digest: str, registry: Registry
) -> None:
    store.remove(LAYER_DIGEST)
    with pytest.raises(NotFound):
        client.push(store, digest, "a")
    assert registry.manifests == {}


def store_size(store: BlobStore, digest: str) -> list[int]:
    found = read_image(store, digest)
    return [store.size(found.config_digest), *(layer.size for layer in found.layers)]
