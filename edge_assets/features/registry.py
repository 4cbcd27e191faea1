"""Finds the feature modules: their version, and the digest of their code.

Cheap enough to be asked whenever the code location is loaded: of a feature module only its
`__init__.py`, which holds the version, is imported.
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from protos.digests import digest_file, digest_json
from protos.errors import ConfigurationError

if TYPE_CHECKING:
    from edge_assets.core.config_schema import FeatureSet

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class FeatureModule:
    """A package of `edge_assets.features`."""

    name: str
    version: str
    """What models ask for: raised when what the features mean or are worth changes."""
    folder: Path

    @property
    def files(self) -> dict[str, Path]:
        """Its Python files by their path in the package, sorted."""
        found = (path for path in self.folder.rglob("*.py") if "__pycache__" not in path.parts)
        return {path.relative_to(self.folder).as_posix(): path for path in sorted(found)}

    def code(self) -> str:
        """The digest over its files: it changes with every edit, its version when a person says."""
        return digest_json({name: digest_file(path) for name, path in self.files.items()})


def known_modules(folder: Path = FOLDER) -> list[str]:
    """The names of all feature modules, sorted."""
    return sorted(path.parent.name for path in folder.glob("*/__init__.py"))


def feature_module(name: str) -> FeatureModule:
    """The feature module `name`. Raises ConfigurationError naming those that are known."""
    if name not in known_modules():
        raise ConfigurationError(
            f"there is no feature module {name}",
            why=f"known are: {', '.join(known_modules())}",
            remedy="correct features.module in model.yaml",
        )
    package = importlib.import_module(f"edge_assets.features.{name}")
    version = getattr(package, "VERSION", None)
    if not isinstance(version, str):
        raise ConfigurationError(
            f"the feature module {name} has no version",
            why=f"VERSION in its __init__.py is {version!r}",
            remedy='give it one, as text: VERSION = "1"',
        )
    return FeatureModule(name, version, FOLDER / name)


def require_features(wanted: "FeatureSet", model: str) -> FeatureModule:
    """The feature module that an edge model asks for.

    Raises ConfigurationError when it is there in another version: the model would be trained on
    features that nobody judged for it.
    """
    found = feature_module(wanted.module)
    if found.version != wanted.version:
        raise ConfigurationError(
            f"{model} was made for version {wanted.version} of the features {wanted.module}",
            why=f"the code here is version {found.version}",
            remedy=f"read what changed, then set features.version in the model.yaml of {model}",
        )
    return found
