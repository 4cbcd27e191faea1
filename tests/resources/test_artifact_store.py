from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protos.digests import digest_bytes
from protos.errors import IntegrityError, NotFound
from resources.artifact_store import ArtifactStore


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(str(tmp_path / "store"))


def blob(tmp_path: Path, digest: str) -> Path:
    hexadecimal = digest.removeprefix("sha256:")
    return tmp_path / "store" / "blobs" / "sha256" / hexadecimal[:2] / hexadecimal[2:]


@given(st.binary(max_size=2000))
def test_what_was_stored_comes_back_by_its_digest(data: bytes) -> None:
    memory = ArtifactStore("memory://round-trip")
    digest = memory.put_bytes(data)
    assert digest == digest_bytes(data)
    assert memory.has(digest)
    assert memory.get_bytes(digest) == data


def test_a_blob_lies_where_the_layout_says(store: ArtifactStore, tmp_path: Path) -> None:
    digest = store.put_bytes(b"hello")
    assert blob(tmp_path, digest).read_bytes() == b"hello"


def test_storing_twice_writes_once(store: ArtifactStore, tmp_path: Path) -> None:
    digest = store.put_bytes(b"hello")
    before = blob(tmp_path, digest).stat().st_mtime_ns
    assert store.put_bytes(b"hello") == digest
    assert blob(tmp_path, digest).stat().st_mtime_ns == before


def test_a_blob_that_is_not_there_says_what_to_do(store: ArtifactStore) -> None:
    missing = digest_bytes(b"never stored")
    assert not store.has(missing)
    with pytest.raises(NotFound, match="EDGE_ARTIFACTS"):
        store.get_bytes(missing)


@pytest.mark.parametrize("digest", ["", "hello", "sha256:12", "../../etc/passwd", "md5:12"])
def test_only_digests_name_blobs(store: ArtifactStore, digest: str) -> None:
    with pytest.raises(NotFound, match="is not a digest"):
        store.get_bytes(digest)
    with pytest.raises(NotFound, match="is not a digest"):
        store.has(digest)


@pytest.mark.parametrize("damage", [b"", b"hellO", b"hello "])
def test_damaged_bytes_are_never_handed_out(
    store: ArtifactStore, tmp_path: Path, damage: bytes
) -> None:
    digest = store.put_bytes(b"hello")
    blob(tmp_path, digest).write_bytes(damage)
    with pytest.raises(IntegrityError, match="is damaged"):
        store.get_bytes(digest)
    with pytest.raises(IntegrityError):
        store.get_file(digest, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_write_that_breaks_off_leaves_no_blob(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_system = fsspec.filesystem("file")

    def full(*arguments: object, **named: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(type(file_system), "mv", full)
        with pytest.raises(OSError, match="no space"):
            store.put_bytes(b"hello")
    assert not store.has(digest_bytes(b"hello"))
    assert store.get_bytes(store.put_bytes(b"hello")) == b"hello"


def test_files_are_stored_and_written_back(store: ArtifactStore, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "deep" / "target"
    source.write_bytes(b"hello")
    digest = store.put_file(source)
    assert store.get_file(digest, target) == target
    assert target.read_bytes() == b"hello"
    target.write_bytes(b"old")
    assert store.get_file(digest, target).read_bytes() == b"hello"
    assert [path.name for path in target.parent.iterdir()] == ["target"]


def test_a_file_that_is_there_already_is_not_fetched(store: ArtifactStore, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"hello")
    assert store.get_file(digest_bytes(b"hello"), target) == target


def test_documents_do_not_depend_on_the_order_of_their_keys(store: ArtifactStore) -> None:
    digest = store.put_document({"a": 1, "b": [1, {"c": None}]})
    assert store.put_document({"b": [1, {"c": None}], "a": 1}) == digest
    assert store.get_document(digest) == {"a": 1, "b": [1, {"c": None}]}


def test_what_is_no_document_is_refused(store: ArtifactStore) -> None:
    with pytest.raises(IntegrityError, match="is not a document"):
        store.get_document(store.put_bytes(b"[1, 2]"))


def test_any_filesystem_will_do() -> None:
    store = ArtifactStore("memory://artifacts/below")
    digest = store.put_document({"kind": "release"})
    assert ArtifactStore("memory://artifacts/below").get_document(digest) == {"kind": "release"}
    assert not ArtifactStore("memory://artifacts/beside").has(digest)
