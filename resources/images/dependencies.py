"""The dependencies layer: the files of installed distributions and of all that they require."""

from collections.abc import Iterable
from importlib import metadata
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from edge.oci.layer import Entry
from protos.errors import ConfigurationError

_LEFT_OUT_FOLDERS = frozenset({"__pycache__", "test", "tests", "include"})
# Sources, headers, type stubs and static libraries: nothing that runs.
_LEFT_OUT_SUFFIXES = frozenset(
    {".pyi", ".pyx", ".pxd", ".pxi", ".h", ".hpp", ".c", ".cc", ".cpp", ".f90", ".a", ".pyc"}
)
# Records of how it was installed here; they would make the layer depend on this machine.
_LEFT_OUT_RECORDS = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})
# Parts for making models and extensions, that running a model never imports. The shared library
# of onnxruntime is for C programs; the Python module holds a copy of its own.
_LEFT_OUT_PARTS = (
    "numpy/_core/_multiarray_tests.",
    "numpy/_core/_operand_flag_tests.",
    "numpy/_core/_rational_tests.",
    "numpy/_core/_simd.",  # the SIMD kernels once more, for numpy's own tests to call
    "numpy/_core/_struct_ufunc_tests.",
    "numpy/_core/_umath_tests.",
    "numpy/_pyinstaller/",
    "numpy/distutils/",
    "numpy/f2py/",
    "numpy/testing/",
    "onnxruntime/backend/",
    "onnxruntime/capi/libonnxruntime.so",
    "onnxruntime/datasets/",
    "onnxruntime/quantization/",
    "onnxruntime/tools/",
    "onnxruntime/transformers/",
)


def closure(names: Iterable[str]) -> list[str]:
    """The names of `required(names)`, in their one canonical form (PEP 503), sorted."""
    return [canonicalize_name(distribution.name) for distribution in required(names)]


def required(names: Iterable[str]) -> list[metadata.Distribution]:
    """The distributions called `names` and all that they require, sorted by name.

    Requirements with markers count when their marker is true here. Raises ConfigurationError for
    one that is not installed.
    """
    found: dict[str, metadata.Distribution] = {}
    todo = [Requirement(name) for name in names]
    done: set[tuple[str, frozenset[str]]] = set()
    while todo:
        wanted = todo.pop()
        name = canonicalize_name(wanted.name)
        if (name, frozenset(wanted.extras)) in done:
            continue
        done.add((name, frozenset(wanted.extras)))
        found[name] = distribution = _installed(wanted.name)
        todo += _requirements(distribution, wanted.extras)
    return [found[name] for name in sorted(found)]


def dependency_entries(names: Iterable[str], into: str) -> list[Entry]:
    """The files of `required(names)` below the folder `into`, trimmed of what never runs."""
    entries: dict[str, Entry] = {}
    for distribution in required(names):
        files = distribution.files
        if files is None:
            raise ConfigurationError(
                f"{distribution.name} has no RECORD of its files",
                remedy="install it from a wheel",
            )
        for file in files:
            path = PurePosixPath(file)
            if is_kept(path):
                source = Path(str(distribution.locate_file(file)))
                mode = 0o755 if ".so" in path.name else 0o644
                entries[f"{into}/{path}"] = Entry(f"{into}/{path}", source, mode)
    return list(entries.values())


def is_kept(path: PurePosixPath) -> bool:
    """Whether a file of a distribution, by its path in site-packages, goes into an image."""
    text = str(path)
    if path.is_absolute() or ".." in path.parts or path.suffix in _LEFT_OUT_SUFFIXES:
        return False
    if path.suffix == ".pth" or _LEFT_OUT_FOLDERS & set(path.parts[:-1]):
        return False
    if path.parent.suffix == ".dist-info" and path.name in _LEFT_OUT_RECORDS:
        return False
    return not text.startswith(_LEFT_OUT_PARTS)


def _installed(name: str) -> metadata.Distribution:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        raise ConfigurationError(
            f"distribution {name} is not installed, so it cannot go into an image",
            remedy=f"pip install {name}",
        ) from None


def _requirements(distribution: metadata.Distribution, extras: set[str]) -> list[Requirement]:
    wanted = []
    for line in distribution.requires or []:
        try:
            requirement = Requirement(line)
        except InvalidRequirement as error:
            raise ConfigurationError(
                f"a requirement of {distribution.name} cannot be read", why=str(error)
            ) from error
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": e}) for e in ("", *extras)):
            wanted.append(requirement)
    return wanted
