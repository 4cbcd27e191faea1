"""The tail against the service's own writer: nothing twice, nothing half, nothing held up."""

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.modules.shadow.tail import Tail
from inference_service.segments import SegmentWriter


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[SegmentWriter]:
    made = SegmentWriter(tmp_path, 1 << 20, 5.0)
    yield made
    made.seal()


@pytest.fixture
def tail(tmp_path: Path) -> Iterator[Tail]:
    made = Tail(tmp_path)
    yield made
    made.close()


def lines(first: int, count: int) -> list[bytes]:
    return [b"line %d" % number for number in range(first, first + count)]


def write(writer: SegmentWriter, *content: bytes) -> None:
    for line in content:
        assert writer.write(line + b"\n", 0.0)


def test_an_open_segment_is_read_as_it_grows(writer: SegmentWriter, tail: Tail) -> None:
    assert tail.read() == []
    write(writer, b"a", b"b")
    assert tail.read() == [b"a", b"b"]
    write(writer, b"c")
    writer.seal()
    assert tail.read() == [b"c"]
    assert tail.read() == []


def test_a_segment_that_was_sent_and_removed_is_read_to_its_end(
    tmp_path: Path, writer: SegmentWriter, tail: Tail
) -> None:
    write(writer, b"a")
    assert tail.read() == [b"a"]
    write(writer, b"b")
    writer.seal()
    for path in tmp_path.iterdir():
        path.unlink()
    write(writer, b"c")
    assert tail.read() == [b"b", b"c"]


def test_what_was_sealed_before_is_left_alone(tmp_path: Path, writer: SegmentWriter) -> None:
    write(writer, b"old")
    writer.seal()
    write(writer, b"open")
    tail = Tail(tmp_path)
    assert tail.read() == [b"open"]
    tail.close()


def test_a_segment_that_was_sealed_between_two_looks_is_read(
    writer: SegmentWriter, tail: Tail
) -> None:
    for number in range(3):
        write(writer, b"%d" % number)
        writer.seal()
    assert tail.read() == [b"0", b"1", b"2"]


def test_half_a_line_waits_for_its_other_half(tmp_path: Path, tail: Tail) -> None:
    path = tmp_path / "captures-20260101T000000000000Z-000001.jsonl.open"
    path.write_bytes(b"whole\nha")
    assert tail.read() == [b"whole"]
    with path.open("ab") as file:
        file.write(b"lf\n")
    assert tail.read() == [b"half"]


def test_one_look_takes_so_much_and_the_next_the_rest(writer: SegmentWriter, tail: Tail) -> None:
    write(writer, *lines(0, 500))
    first = tail.read(max_bytes=1000)
    assert 0 < len(first) < 500
    assert first + tail.read() == lines(0, 500)


def test_a_folder_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    tail = Tail(tmp_path / "later")
    assert tail.read() == []
    writer = SegmentWriter(tmp_path / "later", 1 << 20, 5.0)
    write(writer, b"a")
    writer.seal()
    assert tail.read() == [b"a"]


def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path: Path, tail: Tail) -> None:
    path = tmp_path / "captures-20260101T000000000000Z-000001.jsonl.open"
    path.write_bytes(b"x" * (3 << 20) + b"\nnext\n")
    assert tail.read()[-1] == b"next"


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_every_line_is_read_once_and_in_order(seed: int) -> None:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        writer, tail = SegmentWriter(Path(name), 1 << 20, 5.0), Tail(Path(name))
        written, read = 0, []
        for _ in range(60):
            step = chance.choice(("write", "write", "seal", "look", "send"))
            if step == "write":
                write(writer, *lines(written, 2))
                written += 2
            elif step == "seal":
                writer.seal()
            elif step == "look":
                read += tail.read(chance.choice((10, 1 << 20)))
            else:  # the captures module removes what is sealed; the tail must have looked before
                read += tail.read()
                for path in Path(name).glob("captures-*.jsonl"):
                    path.unlink()
        assert read + tail.read() == lines(0, written)
        tail.close()
        writer.seal()


def test_an_error_of_the_disk_is_told(tmp_path: Path) -> None:
    (tmp_path / "captures-1.jsonl.open").mkdir()
    with pytest.raises(OSError, match="directory"):
        Tail(tmp_path).read()
