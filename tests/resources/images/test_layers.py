import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from edge.oci import BlobStore
from edge.oci.descriptors import LAYER_GZIP, LAYER_TAR
from edge.oci.layer import Entry, Sink, write_tar
from protos.digests import digest_bytes
from protos.errors import IntegrityError
from resources.images import layers as module
from resources.images.layers import LayerCache, Plan, plan_key


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "module.py"
    path.write_text("value = 1\n")
    return path


@pytest.fixture
def cache(tmp_path: Path) -> LayerCache:
    return LayerCache(tmp_path / "cache")


def plan(source: Path, **fields: bool) -> Plan:
    return Plan("test", [Entry("opt/module.py", source)], **fields)


def test_a_layer_is_a_tar_with_bytecode(cache: LayerCache, store: BlobStore, source: Path) -> None:
    layer = cache.layer(plan(source, compile=True, compress=True), store)
    assert layer.media_type == LAYER_GZIP
    data = store.path(layer.digest).read_bytes()
    assert len(data) == layer.size
    assert digest_bytes(gzip.decompress(data)) == layer.diff_id
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        names = archive.getnames()
    assert "opt/module.py" in names
    assert [name for name in names if name.endswith(".pyc")]


def test_an_uncompressed_layer_is_its_own_diff(
    cache: LayerCache, store: BlobStore, source: Path
) -> None:
    layer = cache.layer(plan(source), store)
    assert layer.media_type == LAYER_TAR
    assert layer.digest == layer.diff_id


def test_unchanged_sources_are_not_read_again(
    cache: LayerCache, store: BlobStore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cache.layer(plan(source, compress=True), store)

    def never(*_: object) -> None:
        raise AssertionError("a tar was written")

    monkeypatch.setattr(module, "write_tar", never)
    again = cache.layer(plan(source, compress=True), BlobStore(store.root.parent / "other"))
    assert (again.digest, again.diff_id, again.size) == (first.digest, first.diff_id, first.size)


def test_a_new_time_compresses_nothing_again(
    cache: LayerCache, store: BlobStore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cache.layer(plan(source, compress=True), store)
    os.utime(source, (1, 1))

    def never(*_: object) -> None:
        raise AssertionError("something was compressed")

    monkeypatch.setattr(module, "GzipMembers", never)
    assert cache.layer(plan(source, compress=True), store).digest == first.digest


def test_new_content_gives_a_new_layer(cache: LayerCache, store: BlobStore, source: Path) -> None:
    first = cache.layer(plan(source), store)
    source.write_text("value = 2\n")
    assert cache.layer(plan(source), store).digest != first.digest


@pytest.mark.parametrize("damage", ["lost", "rotten"])
def test_a_damaged_cache_mends_itself(
    damage: str, cache: LayerCache, store: BlobStore, source: Path, tmp_path: Path
) -> None:
    first = cache.layer(plan(source, compress=True), store)
    path = BlobStore(tmp_path / "cache").path(first.digest)
    path.unlink()
    if damage == "rotten":
        path.write_bytes(b"rotten")
    other = BlobStore(tmp_path / "other")
    again = LayerCache(tmp_path / "cache").layer(plan(source, compress=True), other)
    assert again.digest == first.digest
    assert other.intact(first.digest)


def test_a_source_that_changes_meanwhile_is_noticed(
    cache: LayerCache, store: BlobStore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def writing(entries: list[Entry], sink: Sink) -> None:
        write_tar(entries, sink)
        source.write_text(source.read_text() + "more = 1\n")

    monkeypatch.setattr(module, "write_tar", writing)
    with pytest.raises(IntegrityError, match="changed while it was made"):
        cache.layer(plan(source), store)


def test_the_key_sees_what_matters(source: Path) -> None:
    keys = {
        plan_key(Plan("a", [Entry("a", b"1")])),
        plan_key(Plan("a", [Entry("a", b"2")])),
        plan_key(Plan("a", [Entry("b", b"1")])),
        plan_key(Plan("a", [Entry("a", b"1", 0o755)])),
        plan_key(Plan("a", [Entry("a", link="1")])),
        plan_key(Plan("a", [Entry("a", b"1")], compress=True)),
        plan_key(Plan("a", [Entry("a", b"1")], compile=True)),
        plan_key(plan(source)),
    }
    assert len(keys) == 8
    one, two = Entry("a", b"1"), Entry("b", b"2")
    assert plan_key(Plan("a", [one, two])) == plan_key(Plan("b", [two, one]))
