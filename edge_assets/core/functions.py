"""Finds the data scientist's functions in the folder of an edge model."""

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from edge_assets.core.extras import EXTRAS, lacking, missing_package
from edge_assets.core.folders import SHIPPED
from protos.errors import ConfigurationError

_SHIPPED_PACKAGE = "edge_assets.models"
_OTHER_PACKAGE = "edge_models"
"""Of folders elsewhere: `edge_models.<name>`, so that their modules can import each other."""


def package_of(folder: Path) -> str:
    """The package under which the modules of an edge model's folder are imported."""
    parent = _SHIPPED_PACKAGE if folder.resolve().parent == SHIPPED else _OTHER_PACKAGE
    return f"{parent}.{folder.name}"


def find_function(folder: Path, reference: str) -> Callable[..., Any] | None:
    """The function behind `module:function` in `folder`; None where there is no such module, or no
    such function in it. Raises ConfigurationError when the module cannot be imported; it names the
    extra where that is all that is missing.
    """
    module_name, _, function_name = reference.partition(":")
    path = folder.joinpath(*module_name.split("."))
    if not path.with_suffix(".py").is_file() and not (path / "__init__.py").is_file():
        return None
    package = package_of(folder)
    _know(package, folder)
    try:
        module = importlib.import_module(f"{package}.{module_name}")
    except Exception as error:  # whatever a module does while it is imported
        package = missing_package(error)
        if package:
            what = f"the functions of {folder.name} cannot be run here"
            raise lacking(what, [package], EXTRAS[package]) from error
        place = place_in(folder, error)
        raise ConfigurationError(
            f"{path.with_suffix('.py')} cannot be imported",
            why=f"{place}{': ' * bool(place)}{type(error).__name__}: {error}",
            remedy=_import_remedy(error, bool(place)),
        ) from error
    function = getattr(module, function_name, None)
    if function is not None and not callable(function):
        raise ConfigurationError(
            f"{reference} of {folder.name} is no function",
            why=f"it is a {type(function).__name__}",
            remedy="define a function of that name, or name another under entrypoints",
        )
    return function


def place_in(folder: Path, error: BaseException) -> str:
    """The innermost line of a file in `folder` that `error` came from: `train.py:23 in train`.

    An empty text where no file of the folder took part.
    """
    root, found = folder.resolve(), ""
    if isinstance(error, SyntaxError) and error.filename:
        file = Path(error.filename)
        if file.is_relative_to(root):
            return f"{file.relative_to(root).as_posix()}:{error.lineno}"
    for frame in traceback.extract_tb(error.__traceback__):
        file = Path(frame.filename).absolute()
        if file.is_relative_to(root) or (file := file.resolve()).is_relative_to(root):
            inside = "" if frame.name == "<module>" else f" in {frame.name}"
            found = f"{file.relative_to(root).as_posix()}:{frame.lineno}{inside}"
    return found


def _import_remedy(error: BaseException, placed: bool) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"install {error.name}, or do without it"
    return "mend that line" if placed else "mend what it does while it is imported"


def load_function(folder: Path, reference: str) -> Callable[..., Any]:
    """As `find_function`; raises ConfigurationError where there is none."""
    function = find_function(folder, reference)
    if function is None:
        module, _, name = reference.partition(":")
        raise ConfigurationError(
            f"the edge model {folder.name} has no function {reference}",
            why=f"there is no {name} in {folder / module.replace('.', '/')}.py",
            remedy="write it, or name another under entrypoints in model.yaml",
        )
    return function


def _know(package: str, folder: Path) -> None:
    """Makes a folder that is not below this package importable as a package of its own."""
    if not package.startswith(f"{_OTHER_PACKAGE}."):
        return
    for name, place in ((_OTHER_PACKAGE, None), (package, folder.resolve())):
        known = sys.modules.get(name)
        wanted = [] if place is None else [str(place)]
        if known is not None and (place is None or list(known.__path__) == wanted):
            continue
        for old in [old for old in sys.modules if place and old.startswith(f"{name}.")]:
            del sys.modules[old]  # of another folder of the same name
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = wanted
        sys.modules[name] = importlib.util.module_from_spec(spec)
