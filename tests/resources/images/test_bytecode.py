import importlib.util
import json
import marshal
from pathlib import Path

import pytest

from edge.oci.layer import Entry
from protos.errors import Unavailable
from resources.images import compile_worker
from resources.images.bytecode import bytecode, cached_path


def entries(*folders: str) -> list[Entry]:
    library = Path(json.__file__).parents[1]
    return [
        Entry(f"opt/{path.relative_to(library)}", path)
        for folder in folders
        for path in sorted((library / folder).glob("*.py"))
    ]


def test_is_valid_whatever_the_time_of_the_source() -> None:
    [first, *_] = made = bytecode(entries("json"))
    assert [entry.path for entry in made if "decoder" in entry.path] == [
        cached_path("opt/json/decoder.py")
    ]
    assert isinstance(first.content, bytes)
    assert first.content[:4] == importlib.util.MAGIC_NUMBER
    assert int.from_bytes(first.content[4:8], "little") == 1


def test_names_in_tracebacks_are_those_of_the_image() -> None:
    found = {entry.path: entry.content for entry in bytecode(entries("json"))}
    content = found[cached_path("opt/json/decoder.py")]
    assert isinstance(content, bytes)
    assert marshal.loads(content[16:]).co_filename == "/opt/json/decoder.py"  # noqa: S302


def test_equal_sources_give_equal_bytes(tmp_path: Path) -> None:
    first = bytecode(entries("json", "email", "asyncio"))
    copies = []
    for entry in entries("json", "email", "asyncio"):
        assert isinstance(entry.content, Path)
        copy = tmp_path / entry.path
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(entry.content.read_bytes())
        copies.append(Entry(entry.path, copy))
    assert bytecode(list(reversed(copies))) == first


def test_what_does_not_compile_is_left_as_source(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("print 'python 2'\n")
    (tmp_path / "null.py").write_bytes(b"a = 1\0\n")
    (tmp_path / "good.py").write_text("a = 1\n")
    (tmp_path / "data.txt").write_text("no python")
    found = bytecode([Entry(path.name, path) for path in sorted(tmp_path.iterdir())])
    assert [entry.path for entry in found] == [cached_path("good.py")]


def test_the_worker_says_nothing_for_what_does_not_compile() -> None:
    assert compile_worker.compiled(b"def", "x") == b""
    assert compile_worker.compiled(b"a = 1", "x")[:4] == importlib.util.MAGIC_NUMBER


def test_a_lost_source_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="bytecode"):
        bytecode([Entry("a.py", tmp_path / "missing.py")])
