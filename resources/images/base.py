"""The base layer: the Python that runs this, with the libraries it loads, and a minimal /etc."""

import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from edge.oci.layer import Entry
from edge.runtime.elf import interpreter
from edge.runtime.sandbox import USER
from protos.errors import ConfigurationError
from resources.images.libraries import closure, with_expected

PREFIX = "usr/local"
# Windows, teaching, tests, installers, and what is only for building extensions.
_LEFT_OUT = {"__pycache__", "test", "tests", "idle_test", "idlelib", "tkinter", "turtledemo"}
_LEFT_OUT |= {"turtle.py", "ensurepip", "lib2to3", "pydoc_data", "distutils", "venv"}
_LEFT_OUT |= {"site-packages", "dist-packages", "EXTERNALLY-MANAGED"}
# Extension modules that need a terminal, a screen, NIS or databases of old, and test helpers.
_LEFT_OUT_MODULES = (
    *("_tkinter", "_curses", "readline", "nis", "_gdbm", "_dbm"),
    *("_test", "_ctypes_test", "_xx", "xx"),
)

_ETC = {
    "etc/passwd": "root:x:0:0:root:/root:/sbin/nologin\n"
    f"nonroot:x:{USER}:{USER}:nonroot:/tmp:/sbin/nologin\n",
    "etc/group": f"root:x:0:\nnonroot:x:{USER}:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "etc/resolv.conf": "",
}
_FOLDERS = ("dev", "proc", "sys", "root")


def host_base() -> list[Entry]:
    """The entries of the base layer, without compiled bytecode.

    The Python moves to `/usr/local`; it finds its library from there by itself. On other systems
    than Linux the layer has no libraries, and the image runs on the rung `host python` only.
    """
    tag = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    library = Path(sysconfig.get_path("stdlib"))
    at = f"{PREFIX}/{sys.platlibdir}/{library.name}"
    entries = [Entry(f"{at}/{path}", library / path, _mode(path)) for path in standard_library()]
    program = base_python()
    entries += [
        Entry(f"{PREFIX}/bin/{tag}", program, 0o755),
        Entry(f"{PREFIX}/bin/python3", link=tag),
        Entry(f"{PREFIX}/bin/python", link=tag),
    ]
    entries += [Entry(path, text.encode()) for path, text in _ETC.items()]
    entries += [Entry(path, mode=0o755) for path in _FOLDERS]
    entries += [Entry("tmp", mode=0o1777)]
    if sys.platform == "linux":
        extensions = [library / path for path in standard_library() if path.suffix == ".so"]
        found = with_expected(closure((program, *extensions)))
        entries += library_entries(found, interpreter(program))
    return entries


def base_python() -> Path:
    """The interpreter itself, whatever virtual environment runs. Raises ConfigurationError."""
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for path in (Path(sys.base_prefix) / "bin" / name, Path(sys.executable)):
        if path.is_file():
            return path.resolve()
    raise ConfigurationError(
        "the interpreter of this Python is not a file",
        remedy="use a base image from a registry",
    )


def standard_library() -> list[PurePosixPath]:
    """The files of the standard library that go into an image, relative to its folder, sorted."""
    return sorted(_walk(Path(sysconfig.get_path("stdlib")), PurePosixPath()))


def library_entries(found: dict[str, Path], loader: str | None) -> list[Entry]:
    """The libraries in the folder where the loader looks by itself, and the loader's fixed name.

    That folder is the one of libc on this host: a loader searches where its libc was installed.
    Raises ConfigurationError when there is no libc.
    """
    libc = next((path for name, path in found.items() if name.startswith("libc.")), None)
    if libc is None or loader is None:
        raise ConfigurationError(
            "this Python is not linked to a libc that is known here",
            remedy="use a base image from a registry",
        )
    folder = str(libc.parent.resolve()).lstrip("/")
    names = {Path(loader).name: Path(loader), **found}
    entries = [Entry(f"{folder}/{name}", path.resolve(), 0o755) for name, path in names.items()]
    fixed = loader.lstrip("/")
    if fixed != f"{folder}/{Path(loader).name}":
        up = "../" * fixed.count("/")
        entries.append(Entry(fixed, link=f"{up}{folder}/{Path(loader).name}"))
    return entries


def _walk(root: Path, at: PurePosixPath) -> Iterator[PurePosixPath]:
    for path in (root / at).iterdir():
        name = path.name
        if name in _LEFT_OUT or name.startswith("config-") or path.suffix == ".a":
            continue
        if path.is_dir():
            yield from _walk(root, at / name)
        elif not name.startswith(_LEFT_OUT_MODULES) or path.suffix != ".so":
            yield at / name


def _mode(path: PurePosixPath) -> int:
    return 0o755 if path.suffix == ".so" else 0o644
