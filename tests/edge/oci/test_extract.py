import io
import tarfile
from pathlib import Path

import pytest

from edge.oci.extract import extract
from edge.oci.scoped import inside
from protos.errors import IntegrityError
from tests.edge.oci.images import Made, entry, tar

SYMLINK, HARDLINK, FOLDER = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE


def unpacked(root: Path, *entries: Made) -> Path:
    root.mkdir(exist_ok=True)
    extract(io.BytesIO(tar(entries)), root)
    return root


ATTACKS: dict[str, list[Made]] = {
    "climbs": [("../evil", b"x")],
    "climbs inside": [("a/../../evil", b"x")],
    "absolute": [("/evil", b"x")],
    "character device": [entry("null", tarfile.CHRTYPE)],
    "block device": [entry("disk", tarfile.BLKTYPE)],
    "pipe": [entry("pipe", tarfile.FIFOTYPE)],
    "folder by a climbing link": [entry("a", SYMLINK, "../.."), ("a/evil", b"x")],
    "link in a circle": [entry("a", SYMLINK, "a"), ("a/evil", b"x")],
    "hard link outside": [entry("a", HARDLINK, "../secret")],
    "hard link to nothing": [entry("a", HARDLINK, "missing")],
    "hard link to a link": [entry("l", SYMLINK, "/etc/passwd"), entry("a", HARDLINK, "l")],
    "file as a folder": [("a", b"x"), ("a/evil", b"x")],
    "whiteout of a parent": [("a/.wh...", b"")],
    "whiteout of nothing": [("a/.wh.", b"")],
}


@pytest.mark.parametrize("name", ATTACKS)
def test_refuses_what_is_not_safe(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(IntegrityError):
        unpacked(tmp_path / "root", *ATTACKS[name])
    assert not list(tmp_path.rglob("evil"))
    assert not (tmp_path.parent / "evil").exists()


def test_an_absolute_link_stays_inside(tmp_path: Path) -> None:
    root = unpacked(tmp_path / "root", entry("lib", SYMLINK, "/usr/lib"), ("lib/libc", b"c"))
    assert (root / "usr/lib/libc").read_bytes() == b"c"


def test_files_folders_and_links_arrive(tmp_path: Path) -> None:
    root = unpacked(
        tmp_path / "root",
        ("./a/b/file", b"content"),
        entry("a/link", SYMLINK, "b/file"),
        entry("a/hard", HARDLINK, "a/b/file"),
        entry("empty", FOLDER),
    )
    assert (root / "a/link").read_bytes() == b"content"
    assert (root / "a/hard").stat().st_ino == (root / "a/b/file").stat().st_ino
    assert (root / "empty").is_dir()


def test_no_set_user_id_and_no_foreign_writers(tmp_path: Path) -> None:
    info = tarfile.TarInfo("program")
    info.mode = 0o6777
    root = unpacked(tmp_path / "root", info)
    assert (root / "program").stat().st_mode & 0o7777 == 0o755


def test_a_later_layer_replaces_and_deletes(tmp_path: Path) -> None:
    root = tmp_path / "root"
    unpacked(root, ("keep", b"1"), ("gone", b"1"), ("dir/old", b"1"), ("was", b"1"))
    unpacked(
        root,
        (".wh.gone", b""),
        ("dir/.wh..wh..opq", b""),
        ("dir/new", b"2"),
        ("keep", b"2"),
        entry("was", FOLDER),
    )
    assert not (root / "gone").exists()
    assert [p.name for p in (root / "dir").iterdir()] == ["new"]
    assert (root / "keep").read_bytes() == b"2"
    assert (root / "was").is_dir()


def test_replacing_a_file_leaves_other_hard_links_alone(tmp_path: Path) -> None:
    root = unpacked(tmp_path / "root", ("file", b"old"))
    (tmp_path / "shared").hardlink_to(root / "file")
    unpacked(root, ("file", b"new"))
    assert (tmp_path / "shared").read_bytes() == b"old"


def test_a_mounted_layer_has_only_files_in_its_folder(tmp_path: Path) -> None:
    root = tmp_path / "model"
    root.mkdir()
    good = tar([entry("model", FOLDER), ("model/model.onnx", b"m"), ("model/sub/x", b"x")])
    extract(io.BytesIO(good), root, prefix="/model", plain_only=True)
    assert (root / "model.onnx").read_bytes() == b"m"
    assert (root / "sub/x").read_bytes() == b"x"
    with pytest.raises(IntegrityError, match="where it belongs"):
        extract(io.BytesIO(tar([("etc/passwd", b"x")])), root, prefix="/model", plain_only=True)
    linked = tar([entry("model/a", SYMLINK, "/etc/passwd")])
    with pytest.raises(IntegrityError, match="neither a file nor a folder"):
        extract(io.BytesIO(linked), root, prefix="/model", plain_only=True)


def test_too_many_entries_are_refused(tmp_path: Path) -> None:
    many = io.BytesIO(tar([(f"f{n}", b"") for n in range(11)]))
    with pytest.raises(IntegrityError, match="more than 10 entries"):
        extract(many, tmp_path, max_entries=10)


@pytest.mark.parametrize("data", [b"this is no tar" * 100, tar([("a", b"x" * 2000)])[:1000]])
def test_what_is_no_whole_tar_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(IntegrityError):
        extract(io.BytesIO(data), tmp_path)


def test_links_are_followed_inside_the_root_only(tmp_path: Path) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "bin").symlink_to("/usr/bin")
    (tmp_path / "usr/bin/up").symlink_to("../../..")
    assert inside(tmp_path, ["bin", "python"]) == tmp_path / "usr/bin/python"
    assert inside(tmp_path, ["bin", "..", "lib"]) == tmp_path / "usr/lib"
    assert inside(tmp_path, ["bin", "up", "etc"]) is None
    assert inside(tmp_path, [".."]) is None
