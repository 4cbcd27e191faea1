import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from edge.oci.layer import MEMBER_BYTES, Entry, GzipMembers, Hashing, with_folders, write_tar


def written(entries: list[Entry]) -> bytes:
    buffer = io.BytesIO()
    write_tar(entries, buffer)
    return buffer.getvalue()


def files(folder: Path, time: int) -> list[Entry]:
    folder.mkdir()
    for name in ("b", "a"):
        (folder / name).write_text(name)
        os.utime(folder / name, (time, time))
    return [Entry(f"opt/{name}", folder / name) for name in ("b", "a")]


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    first = written(files(tmp_path / "one", 1_000_000_000))
    second = written(list(reversed(files(tmp_path / "two", 1_500_000_000))))
    assert first == second


def test_other_content_gives_other_bytes(tmp_path: Path) -> None:
    entries = files(tmp_path / "one", 0)
    first = written(entries)
    (tmp_path / "one" / "a").write_text("A")
    assert written(entries) != first


def test_nothing_of_this_machine_is_in_it(tmp_path: Path) -> None:
    data = written([*files(tmp_path / "one", 1), Entry("l", link="opt/a"), Entry("t", mode=0o1777)])
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = archive.getmembers()
    assert [e.name for e in found] == ["l", "opt", "opt/a", "opt/b", "t"]
    assert {(e.uid, e.gid, e.uname, e.gname, e.mtime) for e in found} == {(0, 0, "", "", 0)}
    assert [oct(e.mode) for e in found] == ["0o777", "0o755", "0o644", "0o644", "0o1777"]


def test_long_names_are_kept() -> None:
    name = "/".join(["a-long-folder-name"] * 20)
    with tarfile.open(fileobj=io.BytesIO(written([Entry(name, b"x")]))) as archive:
        assert name in archive.getnames()


def test_two_entries_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="called 'a'"):
        with_folders([Entry("a", b"1"), Entry("a", b"2")])


@pytest.mark.parametrize("workers", [1, 3])
def test_members_together_are_one_gzip_file(workers: int) -> None:
    data = os.urandom(1000) * (3 * MEMBER_BYTES // 1000)
    buffer = io.BytesIO()
    sink = GzipMembers(buffer, workers)
    for start in range(0, len(data), 700_000):
        sink.write(data[start : start + 700_000])
    sink.close()
    assert gzip.decompress(buffer.getvalue()) == data
    assert buffer.getvalue().count(b"\x1f\x8b\x08\x00\x00\x00\x00\x00") >= 3


def test_the_bytes_do_not_depend_on_the_number_of_cores() -> None:
    outcomes = set()
    for workers in (1, 2):
        buffer = io.BytesIO()
        hashing = Hashing(buffer)
        sink = GzipMembers(hashing, workers)
        sink.write(b"abc" * 3_000_000)
        sink.close()
        outcomes.add((hashing.digest, hashing.size))
    assert len(outcomes) == 1
