"""Deliveries of an edge model: tables, or folders of images, by what `model.yaml` says."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assets.core.config_schema import ModelConfig

if TYPE_CHECKING:
    import pandas as pd

    from edge_assets.core.raw_data import Delivery


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

    return inspect_delivery(path, known, required_of(data, config.prediction), formats=data.formats)


def read(config: ModelConfig, path: Path) -> "pd.DataFrame":
    """The raw rows of a delivery, index from 0. Raises DeliveryRefused."""
    if config.data.kind == "images":
        from edge_assets.core.image_data import read_images

        return read_images(path)
    from edge_assets.core.raw_data import read_delivery

    return read_delivery(path, formats=config.data.formats)
