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
    found, wrong = survey(environment)
    for error in wrong.values():
        raise error
    return found


def survey(
    environment: Mapping[str, str] = os.environ,
) -> tuple[dict[str, Path], dict[Path, ConfigurationError]]:
    """As `model_folders`, with what is wrong beside it: by the path that is not taken.

    Of two models with one name the first counts, and those that are shipped come before all others.
    """
    roots = [Path(root) for root in environment.get(VARIABLE, "").split(os.pathsep) if root]
    found: dict[str, Path] = {}
    wrong: dict[Path, ConfigurationError] = {}
    for root in (SHIPPED, *roots):
        if not root.is_dir():
            wrong[root] = ConfigurationError(
                f"{VARIABLE} names {root}, which is no folder", remedy="correct the path"
            )
        resolved = root.resolve()  # a model's name is that of its folder, which "." does not tell
        for path in sorted([*resolved.glob("model.yaml"), *resolved.glob("*/model.yaml")]):
            folder = path.parent
            if found.setdefault(folder.name, folder).resolve() != folder.resolve():
                wrong[folder] = ConfigurationError(
                    f"there are two edge models {folder.name}",
                    why=f"in {found[folder.name]} and in {folder}",
                    remedy="rename one of them",
                )
    return dict(sorted(found.items())), wrong


def model_folder(name: str, environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of one edge model. Raises ConfigurationError naming those that are known."""
    known = model_folders(environment)
    if name not in known:
        raise ConfigurationError(
            f"there is no edge model {name}",
            why=f"known are: {', '.join(known) or 'none'}",
            remedy=f"correct the name, name its folder in {VARIABLE}, or make the model with: "
            "edgectl model new",
        )
    return known[name]
