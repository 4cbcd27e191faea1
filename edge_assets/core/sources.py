"""Which code a step of an edge model is made of, read from its imports without running anything."""

import ast
from pathlib import Path

from edge_assets.core.functions import package_of

_SHARED = Path(__file__).parent.parent


def sources_of(folder: Path, module: str) -> dict[str, Path]:
    """The files that a module of an edge model's `folder` needs, by the names they are imported by.

    Itself first, then what it imports of the same folder or of what models share, and so on.
    Empty where there is no such module.
    """
    package = package_of(folder)
    roots = {f"{package}.": folder}
    # what models import of the project on purpose: shared features, and what `model new` wrote in
    roots |= {f"edge_assets.{name}.": _SHARED / name for name in ("features", "onboarding")}
    found: dict[str, Path] = {}
    waiting = [f"{package}.{module}"]
    while waiting:
        name = waiting.pop(0)
        path = next((_file(roots[r], name[len(r) :]) for r in roots if name.startswith(r)), None)
        if path is not None and name not in found:
            found[name] = path
            waiting += _imported(path, name)
    return found


def _file(root: Path, module: str) -> Path | None:
    path = root.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _imported(path: Path, module: str) -> list[str]:
    """Absolute names of all that a file imports; of `from a import b` both `a` and `a.b`."""
    names: list[str] = []
    inside = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_bytes(), path)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = inside[: len(inside) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return names
