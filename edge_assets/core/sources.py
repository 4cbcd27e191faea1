"""Which code a step of an edge model is made of, read from its imports without running anything."""

import ast
from pathlib import Path

from edge_assets.core.functions import package_of

_FEATURES = "edge_assets.features"


def sources_of(folder: Path, module: str) -> tuple[list[Path], list[str]]:
    """The files below `folder` that a module of it needs, itself first, and the feature modules.

    Follows imports of the same folder, relative or by its package, and names each module of
    `edge_assets.features` that one of them imports. Empty where there is no such module.
    """
    package, features = package_of(folder), set[str]()
    found: dict[Path, None] = {}
    waiting = [module]
    while waiting:
        path = _file(folder, waiting.pop(0))
        if path is None or path in found:
            continue
        found[path] = None
        here = ".".join((package, *path.relative_to(folder).with_suffix("").parts))
        for name in _imported(path, here.removesuffix(".__init__")):
            if name.startswith(f"{package}."):
                waiting.append(name.removeprefix(f"{package}."))
            elif name.startswith(f"{_FEATURES}."):
                features.add(name.split(".")[2])
    return list(found), sorted(features)


def _file(folder: Path, module: str) -> Path | None:
    path = folder.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _imported(path: Path, module: str) -> list[str]:
    """Absolute names of all that a file imports; of `from a import b` both `a` and `a.b`."""
    names: list[str] = []
    inside = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = inside[: len(inside) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return names
