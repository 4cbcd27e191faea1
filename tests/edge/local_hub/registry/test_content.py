"""Content on disk by digest."""

import os
import time
from pathlib import Path

import pytest

from edge.local_hub.documents import Documents
from edge.local_hub.registry.content import Content
from edge.local_hub.registry.errors import RegistryError
from protos.digests import digest_bytes


def make(root: Path) -> Content:
    return Content(root / "registry", Documents(root / "hub.db"))


def push(content: Content, data: bytes, repository: str) -> str:
    path = content.upload_path(content.new_upload())
    assert path is not None
    path.write_bytes(data)
    content.store(path, digest_bytes(data))
    content.link_blob(repository, digest_bytes(data))
    return digest_bytes(data)


def test_a_file_is_there_once_and_goes_with_its_last_user(tmp_path: Path) -> None:
    content = make(tmp_path)
    digest = push(content, b"shared", "one")
    assert push(content, b"shared", "two") == digest
    assert [path.name for path in (tmp_path / "registry/blobs/sha256").iterdir()] == [digest[7:]]
    content.delete_blob("one", digest)
    assert content.blob("two", digest).read_bytes() == b"shared"
    content.delete_blob("two", digest)
    assert not content.path(digest).exists()


def test_a_wrong_digest_leaves_neither_blob_nor_upload(tmp_path: Path) -> None:
    content = make(tmp_path)
    path = content.upload_path(content.new_upload())
    assert path is not None
    path.write_bytes(b"content")
    with pytest.raises(RegistryError, match=digest_bytes(b"content")):
        content.store(path, digest_bytes(b"other"))
    assert [one for one in (tmp_path / "registry").rglob("*") if one.is_file()] == []


@pytest.mark.parametrize("upload", ["../hub", "", "..", "nobody", "a/b"])
def test_an_upload_id_is_no_path(tmp_path: Path, upload: str) -> None:
    assert make(tmp_path).upload_path(upload) is None


def test_stale_uploads_go_at_the_start_and_fresh_ones_stay(tmp_path: Path) -> None:
    content = make(tmp_path)
    fresh, stale = content.new_upload(), content.new_upload()
    path = content.upload_path(stale)
    assert path is not None
    os.utime(path, (time.time() - 90_000,) * 2)
    again = Content(tmp_path / "registry", Documents(tmp_path / "other.db"))
    assert again.upload_path(fresh) is not None
    assert again.upload_path(stale) is None
