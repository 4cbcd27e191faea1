"""Where the edge models are: the folders that hold a `model.yaml`."""

import os
from collections.abc import Mapping
from pathlib import Path

from protos.errors import ConfigurationError

SHIPPED = Path(__file__).parents[1] / "models"
VARIABLE = "EDGE_MODELS"
"""Further edge models, separated as in PATH: their folders, or a folder that holds them."""


def model_folders(environment: Mapping[str, str] = os.environ) -> dict[str, Path]:
    """The folder of every edge model by its name, sorted.

    Raises ConfigurationError when a folder of EDGE_MODELS is not there, or a name comes twice.
    """
    roots = [Path(root) for root in environment.get(VARIABLE, "").split(os.pathsep) if root]
    found: dict[str, Path] = {}
    for root in (SHIPPED, *roots):
        if not root.is_dir():
            raise ConfigurationError(
                f"{VARIABLE} names {root}, which is no folder", remedy="correct the path"
            )
        root = root.resolve()  # a model's name is that of its folder, which "." does not tell
        for path in sorted([*root.glob("model.yaml"), *root.glob("*/model.yaml")]):
            folder = path.parent
            if folder.name in found and found[folder.name].resolve() != folder.resolve():
                raise ConfigurationError(
                    f"there are two edge models {folder.name}",
                    why=f"in {found[folder.name]} and in {folder}",
                    remedy="rename one of them",
                )
            found[folder.name] = folder
    return dict(sorted(found.items()))


def model_folder(name: str, environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of one edge model. Raises ConfigurationError naming those that are known."""
    known = model_folders(environment)
    if name not in known:
        raise ConfigurationError(
            f"there is no edge model {name}",
            why=f"known are: {', '.join(known) or 'none'}",
            remedy="correct the name, or make it with: edgectl model new",
        )
    return known[name]
