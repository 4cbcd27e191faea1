"""The service layer: packages of this project."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path

from edge.oci.layer import Entry
from protos.errors import ConfigurationError

_LEFT_OUT = frozenset({"__pycache__", "tests", "testing"})
_LEFT_OUT_SUFFIXES = frozenset({".pyc", ".pyi", ".pyo"})


def package_entries(packages: Iterable[str], into: str) -> list[Entry]:
    """The files of `packages` below the folder `into`.

    Of a subpackage (`edge.modules`) the packages above it give only their `__init__.py`. Raises
    ConfigurationError for a package that cannot be found.
    """
    entries: dict[str, Entry] = {}
    for name in packages:
        above = ""
        for part in name.split(".")[:-1]:
            above = f"{above}.{part}".lstrip(".")
            folder = _folder(above)
            path = f"{into}/{above.replace('.', '/')}/__init__.py"
            if (folder / "__init__.py").is_file():
                entries[path] = Entry(path, folder / "__init__.py")
        folder = _folder(name)
        for file in sorted(folder.rglob("*")):
            inner = file.relative_to(folder)
            if file.is_file() and not _left_out(inner):
                path = f"{into}/{name.replace('.', '/')}/{inner.as_posix()}"
                entries[path] = Entry(path, file)
    return list(entries.values())


def _left_out(path: Path) -> bool:
    return bool(_LEFT_OUT & set(path.parts)) or path.suffix in _LEFT_OUT_SUFFIXES


def _folder(name: str) -> Path:
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        spec = None
    places = list(spec.submodule_search_locations or []) if spec else []
    if len(places) != 1:
        raise ConfigurationError(
            f"package {name} cannot go into an image",
            why="there is none" if spec is None else "it is a module or lies in several folders",
        )
    return Path(places[0])
