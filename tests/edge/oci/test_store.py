import io
import json
import threading
from pathlib import Path

import pytest

from edge.oci import BlobStore, Descriptor
from edge.oci.locks import exclusive
from protos.digests import digest_bytes
from protos.errors import DeadlineExceeded, IntegrityError, NotFound

DATA = b"the bytes of a layer"
DIGEST = digest_bytes(DATA)


def test_is_an_oci_layout(store: BlobStore) -> None:
    assert json.loads((store.root / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    assert json.loads((store.root / "index.json").read_bytes())["schemaVersion"] == 2


def test_gives_back_what_was_added(store: BlobStore) -> None:
    assert not store.has(DIGEST)
    assert store.add(io.BytesIO(DATA), DIGEST) == DIGEST
    assert store.has(DIGEST)
    assert store.size(DIGEST) == len(DATA)
    assert store.digests() == [DIGEST]
    with store.open(DIGEST) as file:
        assert file.read() == DATA


def test_refuses_other_bytes_and_keeps_nothing(store: BlobStore) -> None:
    with pytest.raises(IntegrityError, match="is not"):
        store.add(io.BytesIO(b"other"), DIGEST)
    assert store.digests() == []
    assert list((store.root / "partial").iterdir()) == []


def test_refuses_more_than_allowed(store: BlobStore) -> None:
    with pytest.raises(IntegrityError, match="larger than the allowed 4 bytes"):
        store.add(io.BytesIO(DATA), max_size=4)
    assert store.digests() == []


def test_a_missing_blob_is_not_found(store: BlobStore) -> None:
    with pytest.raises(NotFound, match="is not in"):
        store.open(DIGEST)


@pytest.mark.parametrize("name", ["../../etc/passwd", "sha256:..", "sha512:" + "0" * 128, ""])
def test_only_digests_name_blobs(store: BlobStore, name: str) -> None:
    with pytest.raises(IntegrityError, match="not a digest"):
        store.path(name)


def test_a_blob_that_rotted_is_noticed_and_removed(store: BlobStore) -> None:
    store.add(io.BytesIO(DATA))
    assert store.intact(DIGEST)
    store.path(DIGEST).write_bytes(b"rotten bytes of layer")
    assert not store.intact(DIGEST)
    assert not store.has(DIGEST)


def test_a_document_that_changed_is_refused(store: BlobStore) -> None:
    document = store.add_json({"a": 1}, "application/json")
    assert store.read_json(document.digest) == {"a": 1}
    store.path(document.digest).write_bytes(b'{"a":2}')
    with pytest.raises(IntegrityError, match="changed on disk"):
        store.read_json(document.digest)


def test_a_document_is_small_and_json(store: BlobStore) -> None:
    large = store.add_bytes(b" " * (5 << 20), "application/json")
    with pytest.raises(IntegrityError, match="too large"):
        store.read_json(large.digest)
    text = store.add_bytes(b"no json", "application/json")
    with pytest.raises(IntegrityError, match="not JSON"):
        store.read_json(text.digest)


def test_takes_a_file_in_only_with_its_digest(store: BlobStore, tmp_path: Path) -> None:
    source = tmp_path / "layer"
    source.write_bytes(DATA)
    store.add_file(source, DIGEST)
    assert source.samefile(store.path(DIGEST))
    source.write_bytes(b"changed")
    with pytest.raises(IntegrityError):
        store.add_file(source, digest_bytes(b"something else"))


def test_names_images_in_the_index(store: BlobStore) -> None:
    first, second = store.add_bytes(b"1", "x"), store.add_bytes(b"2", "x")
    store.tag(first, "nyc_taxi")
    store.tag(second, "other")
    store.tag(second, "nyc_taxi")
    assert store.tagged() == {"nyc_taxi": second.digest, "other": second.digest}


def test_keeps_names_given_by_many_threads(store: BlobStore) -> None:
    blob = store.add_bytes(b"1", "x")
    threads = [threading.Thread(target=store.tag, args=(blob, f"n{i}")) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(store.tagged()) == 12


def test_removes_a_blob(store: BlobStore) -> None:
    store.add(io.BytesIO(DATA))
    store.remove(DIGEST)
    store.remove(DIGEST)
    assert not store.has(DIGEST)


def test_one_download_of_a_blob_at_a_time(store: BlobStore) -> None:
    with store.resuming(DIGEST) as partial:
        with (
            pytest.raises(DeadlineExceeded, match="held by another"),
            store.resuming(DIGEST, wait_seconds=0.05),
        ):
            pass
        partial.write_bytes(DATA)
        store.finish(partial, DIGEST)
    assert store.intact(DIGEST)
    assert list((store.root / "partial").iterdir()) == []


def test_a_lock_excludes_and_ends(tmp_path: Path) -> None:
    inside = 0
    most = 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(5):
            with exclusive(tmp_path / "lock", 10):
                inside += 1
                most = max(most, inside)
                inside -= 1
                (tmp_path / "lock").unlink(missing_ok=True)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most == 1


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"mediaType": "x", "digest": "sha256:00", "size": 1},
        {"mediaType": "x", "digest": DIGEST, "size": -1},
        {"mediaType": "x", "digest": DIGEST, "size": "many"},
        ["mediaType"],
        None,
    ],
)
def test_a_descriptor_that_cannot_be_used_is_refused(value: object) -> None:
    with pytest.raises(IntegrityError):
        Descriptor.from_json(value)


def test_a_descriptor_is_read_as_it_is_written() -> None:
    found = Descriptor("x", DIGEST, 3, {"a": "b"}, {"architecture": "arm64", "os": "linux"})
    assert Descriptor.from_json(found.to_json()) == found
