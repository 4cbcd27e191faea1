"""What the commands on a chain of assets share: its definitions, instance and platform."""

import logging
from dataclasses import dataclass

import dagster as dg

from edge_assets.chain import Chain
from edge_assets.core.folders import model_folder, model_folders
from edge_assets.factory import assemble, load_models
from edge_assets.operate import instance_at
from resources.platform import Platform


@dataclass(frozen=True)
class Workbench:
    """One edge model with everything that is needed to work on it from outside of the UI."""

    chain: Chain
    definitions: dg.Definitions
    instance: dg.DagsterInstance
    platform: Platform


def open_workbench(model: str, platform: Platform | None = None) -> Workbench:
    """The workbench of an edge model.

    Raises ConfigurationError when there is no such model, or it is broken; another model that is
    broken does not matter.
    """
    folder = model_folder(model)
    loaded, skipped = load_models(model_folders().values())
    for broken in skipped:
        if broken.folder == folder:
            raise broken.error
    chain = next(each.chain for each in loaded if each.chain.name == model)
    platform = platform or Platform()
    _show_progress()
    return Workbench(
        chain,
        assemble(loaded, skipped, platform),
        instance_at(platform.settings.home),
        platform,
    )


def _show_progress() -> None:
    """Lets the decisions of a rollout be read on stderr while they are taken."""
    log = logging.getLogger("edge_assets.rollout_controller")
    if not log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("  %(message)s"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)
