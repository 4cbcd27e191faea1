"""What stands for a model folder that cannot be loaded: it is seen, and stops no other model."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from protos.errors import ConfigurationError


@dataclass(frozen=True)
class Broken:
    """A model folder, and why it cannot be loaded."""

    folder: Path
    error: ConfigurationError

    @property
    def name(self) -> str:
        """The name that the model should have: that of its folder."""
        return self.folder.name


def cannot_load(folder: Path, error: Exception) -> ConfigurationError:
    """What went wrong, as an error with a remedy: other errors than ours are made one."""
    if isinstance(error, ConfigurationError):
        return error
    return ConfigurationError(
        f"the edge model in {folder} cannot be loaded",
        why=f"{type(error).__name__}: {error}",
        remedy=f"correct its files; edgectl model check {folder.name} says whether they are right",
    )


def build(found: Sequence[Broken]) -> list[dg.AssetsDefinition]:
    """An asset `<name>/broken` for each, in the group of the model that is missing.

    Dagster takes fewer characters in a name than a file system, so others become `_`.
    """
    made: dict[str, dg.AssetsDefinition] = {}
    for broken in found:
        name = re.sub(r"\W", "_", broken.name, flags=re.ASCII)
        while name in made:
            name += "_"
        made[name] = _build(name, broken)
    return list(made.values())


def _build(name: str, broken: Broken) -> dg.AssetsDefinition:
    error = broken.error

    @dg.asset(
        key=dg.AssetKey([name, "broken"]),
        group_name=name,
        kinds={"error"},
        description=(
            f"The edge model in {broken.folder} was skipped: {error.what}.\n\n"
            f"Why: {error.why or 'not known'}\n\nRemedy: {error.remedy or 'mend its model.yaml'}; "
            "then reload the code location."
        ),
    )
    def skipped() -> None:
        raise error

    return skipped
