"""Deliveries of an edge model: tables, or folders of images, by what `model.yaml` says.

Several models may take from one landing folder; nobody takes a delivery away from the others.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assets.core.config import load_model_config
from edge_assets.core.config_schema import ModelConfig
from edge_assets.core.folders import survey
from protos.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

    from edge_assets.core.raw_data import Delivery, DeliveryRefused
    from edge_assets.core.where import Counted


def inspect(config: ModelConfig, path: Path, known: Mapping[str, str]) -> "Delivery":
    """Reads the delivery once, and takes or refuses it as a whole.

    `known` maps digests of earlier deliveries to their batches. Raises DeliveryRefused.
    """
    data = config.data
    if data.kind == "images":
        from edge_assets.core.image_data import inspect_images

        return inspect_images(path, known)
    from edge_assets.core.preparing import required_of
    from edge_assets.core.raw_data import inspect_delivery
    from edge_assets.core.where import names_of

    chosen_by = [names_of(data, column) for column in data.where]
    required = (*required_of(data, config.prediction), *chosen_by)
    return inspect_delivery(path, known, required, formats=data.formats)


def read(config: ModelConfig, path: Path) -> "pd.DataFrame":
    """The raw rows of a delivery, index from 0. Raises DeliveryRefused."""
    if config.data.kind == "images":
        from edge_assets.core.image_data import read_images

        return read_images(path)
    from edge_assets.core.raw_data import read_delivery

    return read_delivery(path, formats=config.data.formats)


def count(config: ModelConfig, path: Path) -> "Counted":
    """How many rows of a delivery are the model's own, nobody's, or those of others.

    Reads the columns of `data.where` only, block by block. Raises DeliveryRefused.
    """
    from edge_assets.core.preparing import plain
    from edge_assets.core.raw_data import read_delivery_blocks
    from edge_assets.core.where import Counted, names_of, take

    data = config.data
    names = {plain(name) for column in data.where for name in names_of(data, column)}
    blocks = read_delivery_blocks(path, lambda name: plain(name) in names, formats=data.formats)
    own = unknown = others = 0
    for block in blocks:
        taken = take(block, data)
        own, unknown = own + len(taken.own), unknown + len(taken.unknown)
        others += taken.others
    return Counted(own, unknown, others)


def refuse(config: ModelConfig, path: Path, quarantined: Path, refusal: "DeliveryRefused") -> Path:
    """Puts a refused delivery into the quarantine, below `quarantined`; the folder with the reason.

    Where other models take from the same landing folder it stays there, and only the reason is
    written: what one of them cannot use, another one can. Raises as `quarantine` and `note`.
    """
    if shares_landing(config):
        from edge_assets.core.refused import note

        return note(path, quarantined / config.name, refusal)
    from edge_assets.core.quarantine import quarantine

    return quarantine(path, quarantined / config.data.landing, refusal)


def shares_landing(config: ModelConfig) -> bool:
    """Whether other models take from its landing folder: it has `where`, or they name it."""
    if config.data.where:
        return True
    for name, folder in survey()[0].items():
        try:
            other = load_model_config(folder / "model.yaml")
        except ConfigurationError:  # a model that cannot be loaded takes nothing
            continue
        if name != config.name and other.data.landing == config.data.landing:
            return True
    return False
