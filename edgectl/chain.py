"""What the commands on a chain of assets share: its definitions, instance and platform."""

import logging
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from edge_assets.chain import Chain
from edge_assets.factory import build_definitions, load_chains
from edge_assets.operate import instance_at
from protos.errors import NotFound
from resources.platform import Platform

MODELS = Path(__file__).parents[1] / "edge_assets" / "models"


@dataclass(frozen=True)
class Workbench:
    """One edge model with everything that is needed to work on it from outside of the UI."""

    chain: Chain
    definitions: dg.Definitions
    instance: dg.DagsterInstance
    platform: Platform


def open_workbench(model: str, platform: Platform | None = None) -> Workbench:
    """The workbench of an edge model; NotFound when there is no such model."""
    chains = {chain.name: chain for chain in load_chains(MODELS)}
    if model not in chains:
        raise NotFound(
            f"there is no edge model {model}", remedy=f"known are: {', '.join(sorted(chains))}"
        )
    platform = platform or Platform()
    _show_progress()
    return Workbench(
        chains[model],
        build_definitions(MODELS, platform),
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
