import io
import os
import threading
from pathlib import Path

import pytest

from edge.oci import BlobStore, UnpackedImage, unpack
from edge.oci.descriptors import CONFIG, LAYER_TAR, choose_platform, host_architecture, manifests_of
from edge.oci.image import read_image
from edge.oci.rootfs import chain_id
from protos.digests import digest_bytes
from protos.errors import IntegrityError, NotFound
from tests.edge.oci.images import image, index, manifest, tar

BASE = tar([("bin/program", b"program"), ("etc/name", b"base")])
SERVICE = tar([("opt/service", b"service"), ("etc/name", b"service")])
MODEL = tar([("model/model.onnx", b"model 1")])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def test_unpacks_layers_in_order_and_the_model_apart(store: BlobStore, folder: Path) -> None:
    digest = image(store, [BASE, SERVICE, MODEL], mount="/model")
    found = unpack(store, digest, folder / "cache", folder / "device/model")
    assert found.digest == digest
    assert (found.rootfs / "bin/program").read_bytes() == b"program"
    assert (found.rootfs / "etc/name").read_bytes() == b"service"
    assert not (found.rootfs / "model").exists()
    assert found.model == folder / "device/model"
    assert (folder / "device/model/model.onnx").read_bytes() == b"model 1"
    assert found.mount == "/model"
    assert found.config.env == {"A": "1", "B": "x=y"}
    assert found.config.argv(None) == ["/run"]
    assert found.config.argv(["a"]) == ["/run", "a"]


def test_an_image_without_a_mounted_layer_is_all_root(store: BlobStore, folder: Path) -> None:
    found = unpack(store, image(store, [BASE, MODEL]), folder / "cache", folder / "model")
    assert found.model is None
    assert (found.rootfs / "model/model.onnx").read_bytes() == b"model 1"
    assert not (folder / "model").exists()


def test_images_share_what_they_have_in_common(store: BlobStore, folder: Path) -> None:
    cache = folder / "cache"
    one = unpack(store, image(store, [BASE, SERVICE, MODEL], mount="/model"), cache, folder / "1")
    model = tar([("model/model.onnx", b"model 2")])
    two = unpack(store, image(store, [BASE, SERVICE, model], mount="/model"), cache, folder / "2")
    other = unpack(store, image(store, [BASE, MODEL], mount="/model"), cache, folder / "3")
    assert one.rootfs == two.rootfs
    assert other.rootfs != one.rootfs
    assert (one.rootfs / "bin/program").samefile(other.rootfs / "bin/program")
    assert (other.rootfs / "etc/name").read_bytes() == b"base"
    assert (folder / "1/model.onnx").read_bytes() == b"model 1"
    assert (folder / "2/model.onnx").read_bytes() == b"model 2"


def test_a_new_model_replaces_the_old_one_whole(store: BlobStore, folder: Path) -> None:
    old = tar([("model/model.onnx", b"1"), ("model/extra", b"1")])
    unpack(store, image(store, [BASE, old], mount="/model"), folder / "c", folder / "m")
    unpack(store, image(store, [BASE, MODEL], mount="/model"), folder / "c", folder / "m")
    assert [path.name for path in (folder / "m").iterdir()] == ["model.onnx"]
    assert sorted(path.name for path in folder.iterdir()) == ["c", "m", "store"]


def test_a_layer_must_be_what_the_config_says(store: BlobStore, folder: Path) -> None:
    digest = image(store, [BASE, MODEL], diff_ids=[digest_bytes(BASE), digest_bytes(SERVICE)])
    with pytest.raises(IntegrityError, match="does not decompress to what the image says"):
        unpack(store, digest, folder / "cache", folder / "model")
    assert [p for p in (folder / "cache").iterdir() if "new" in p.name] == []


def test_a_wrong_model_layer_leaves_the_old_model(store: BlobStore, folder: Path) -> None:
    unpack(store, image(store, [BASE, MODEL], mount="/model"), folder / "c", folder / "m")
    wrong = [digest_bytes(BASE), digest_bytes(SERVICE)]
    digest = image(store, [BASE, MODEL], mount="/model", diff_ids=wrong)
    with pytest.raises(IntegrityError):
        unpack(store, digest, folder / "c", folder / "m")
    assert (folder / "m/model.onnx").read_bytes() == b"model 1"


def test_the_unpacked_size_is_bounded(store: BlobStore, folder: Path) -> None:
    big = tar([("zeros", bytes(3 << 20))])
    with pytest.raises(IntegrityError, match="larger than allowed"):
        unpack(store, image(store, [big]), folder / "c", folder / "m", max_bytes=1 << 20)


def test_a_missing_layer_is_not_found(store: BlobStore, folder: Path) -> None:
    digest = image(store, [BASE], compress=False)
    store.remove(digest_bytes(BASE))
    with pytest.raises(NotFound):
        unpack(store, digest, folder / "c", folder / "m")


def test_an_image_of_a_model_alone_is_refused(store: BlobStore, folder: Path) -> None:
    with pytest.raises(IntegrityError, match="no root file system"):
        unpack(store, image(store, [MODEL], mount="/model"), folder / "c", folder / "m")


def test_many_devices_unpack_at_once(store: BlobStore, folder: Path) -> None:
    digest = image(store, [BASE, SERVICE, MODEL], mount="/model")
    found: list[UnpackedImage] = []

    def work(number: int) -> None:
        found.append(unpack(store, digest, folder / "cache", folder / f"device-{number}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == 6
    assert {image.rootfs for image in found} == {found[0].rootfs}
    hidden = [path.name for path in (folder / "cache").iterdir() if path.name.startswith(".")]
    assert hidden == []


def test_what_a_crash_left_is_removed(store: BlobStore, folder: Path) -> None:
    (folder / "c/.new-old").mkdir(parents=True)
    (folder / "c/.new-young").mkdir()
    os.utime(folder / "c/.new-old", (0, 0))
    unpack(store, image(store, [BASE]), folder / "c", folder / "m")
    assert not (folder / "c/.new-old").exists()
    assert (folder / "c/.new-young").exists()


def test_the_chain_id_is_that_of_the_spec() -> None:
    a, b, c = (digest_bytes(x) for x in (b"a", b"b", b"c"))
    assert chain_id([a]) == a
    ab = digest_bytes(f"{a} {b}".encode())
    assert chain_id([a, b, c]) == digest_bytes(f"{ab} {c}".encode())


def test_an_image_for_another_machine_is_not_found(store: BlobStore) -> None:
    digest = image(store, [BASE], architecture="s390x")
    with pytest.raises(NotFound, match="nothing for"):
        read_image(store, digest)
    assert read_image(store, digest, architecture="s390x").diff_ids == [digest_bytes(BASE)]


def test_config_and_layers_must_fit(store: BlobStore) -> None:
    layer = store.add_bytes(BASE, LAYER_TAR)
    cases: list[dict[str, list[str]]] = [{"diff_ids": []}, {"diff_ids": ["x"]}, {}]
    for rootfs in cases:
        config = store.add_json({"rootfs": rootfs}, CONFIG)
        with pytest.raises(IntegrityError):
            read_image(store, manifest(store, config, [layer]).digest)


def test_a_platform_is_chosen_linux_in_the_last_place(store: BlobStore) -> None:
    one = store.add(io.BytesIO(b"1"))
    platforms = [("amd64", "linux"), ("arm64", "linux"), ("arm64", "darwin")]
    documents = [
        (manifest(store, store.add_json({"n": n}, CONFIG), []), {"architecture": arch, "os": os_})
        for n, (arch, os_) in enumerate(platforms)
    ]
    entries = manifests_of(store.read_json(index(store, documents).digest))
    assert choose_platform(entries, "arm64", "linux") == entries[1]
    assert choose_platform(entries, "arm64", "darwin") == entries[2]
    assert choose_platform(entries, "amd64", "darwin") == entries[0]
    assert choose_platform(entries, "riscv64") is None
    assert store.has(one)
    assert host_architecture() == host_architecture().lower()
