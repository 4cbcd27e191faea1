import sys
from pathlib import Path

import pytest

from edge.oci.layer import Entry
from protos.errors import ConfigurationError
from resources.images.base import base_python, host_base, library_entries, standard_library
from resources.images.libraries import closure, parse_ldd, with_expected

LDD = """/usr/bin/python3:
\tlinux-vdso.so.1 (0x00007fa74167e000)
\tlibpython3.11.so.1.0 => /opt/python/lib/libpython3.11.so.1.0 (0x00007fa741000000)
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007fa740e1e000)
\tlibgone.so.1 => not found
\t/lib64/ld-linux-x86-64.so.2 (0x00007fa741680000)
/usr/bin/static:
\tstatically linked
"""


def test_reads_what_ldd_says() -> None:
    assert parse_ldd(LDD) == {
        "libpython3.11.so.1.0": Path("/opt/python/lib/libpython3.11.so.1.0"),
        "libc.so.6": Path("/lib/x86_64-linux-gnu/libc.so.6"),
        "ld-linux-x86-64.so.2": Path("/lib64/ld-linux-x86-64.so.2"),
    }


def test_finds_the_libraries_of_this_python() -> None:
    found = closure((base_python(),))
    assert any(name.startswith("libc.") for name in found)
    assert all(path.is_file() for path in found.values())
    assert "libstdc++.so.6" in with_expected(found)


def test_without_ldd_there_is_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError("ldd")

    monkeypatch.setattr("resources.images.libraries.subprocess.run", missing)
    with pytest.raises(ConfigurationError, match="use a base image from a registry"):
        closure((Path("/bin/another-program"),))


def test_libraries_go_where_their_loader_looks(tmp_path: Path) -> None:
    (tmp_path / "usr/lib/multi").mkdir(parents=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    for name in ("libc.so.6", "ld.so.2"):
        (tmp_path / "usr/lib/multi" / name).touch()
    (tmp_path / "libpython.so").touch()
    found = {
        "libc.so.6": tmp_path / "lib/multi/libc.so.6",
        "libpython.so": tmp_path / "libpython.so",
        "ld.so.2": tmp_path / "lib/multi/ld.so.2",
    }
    folder = str(tmp_path / "usr/lib/multi").lstrip("/")
    entries = {entry.path: entry for entry in library_entries(found, "/lib64/ld.so.2")}
    assert sorted(entries) == sorted(
        [f"{folder}/ld.so.2", f"{folder}/libc.so.6", f"{folder}/libpython.so", "lib64/ld.so.2"]
    )
    assert entries["lib64/ld.so.2"].link == f"../{folder}/ld.so.2"


def test_a_python_without_libc_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="not linked to a libc"):
        library_entries({}, "/lib64/ld.so.2")
    with pytest.raises(ConfigurationError, match="not linked to a libc"):
        library_entries({"libc.so.6": Path("/lib/libc.so.6")}, None)


@pytest.fixture(scope="module")
def base() -> dict[str, Entry]:
    return {entry.path: entry for entry in host_base()}


def test_the_base_is_a_whole_python(base: dict[str, Entry]) -> None:
    tag = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    assert base["usr/local/bin/python"].link == tag
    assert base[f"usr/local/bin/{tag}"].content == base_python()
    library = f"usr/local/{sys.platlibdir}/{tag}"
    for name in ("os.py", "json/__init__.py", "ssl.py", "unittest/mock.py"):
        assert f"{library}/{name}" in base
    assert any(path.startswith(f"{library}/lib-dynload/_ssl") for path in base) or (
        "_ssl" in sys.builtin_module_names
    )


def test_the_base_has_no_ballast(base: dict[str, Entry]) -> None:
    for word in ("/test/", "/idlelib/", "/tkinter/", "/ensurepip/", "/site-packages/", ".pyc"):
        assert not [path for path in base if word in path]
    assert not [path for path in base if "libX11" in path or "libtk" in path]
    assert standard_library() == sorted(standard_library())


def test_the_base_has_a_user_and_a_place_for_temporary_files(base: dict[str, Entry]) -> None:
    passwd = base["etc/passwd"].content
    assert isinstance(passwd, bytes)
    assert b"nonroot:x:65532:65532:" in passwd
    assert base["tmp"].mode == 0o1777
