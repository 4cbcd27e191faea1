"""Turns every `model.yaml` into its chain of assets, checks and sensors."""

import warnings
from collections.abc import Iterable
from pathlib import Path

import dagster as dg

from edge_assets.assets import (
    batch_scores,
    captures,
    comparison,
    container_image,
    dataset,
    deployment,
    drift_report,
    feature_set,
    inference_runtime,
    onnx_model,
    raw_batch,
    release,
    rollout,
    trained_model,
)
from edge_assets.chain import Chain
from edge_assets.edge_model import EdgeModel
from protos.errors import ConfigurationError
from resources.platform import Platform
from sensors import batches, corrections, drift, fleet, windows

FAMILIES = (
    raw_batch,
    dataset,
    trained_model,
    onnx_model,
    container_image,
    release,
    rollout,
    deployment,
    captures,
    drift_report,
    batch_scores,
    comparison,
)
SENSORS = (batches, windows, drift, fleet)
OF_MODULES = (corrections,)
"""Sensors of models that have modules beside them on devices."""


def load_chains(folders: Iterable[Path]) -> list[Chain]:
    """The chains of the edge models in `folders`, in their order.

    Raises ConfigurationError when a `model.yaml` is wrong or a folder is not named as its model.
    """
    chains = []
    for folder in folders:
        model = EdgeModel.load(folder)
        name = model.config.name
        if name != folder.name:
            raise ConfigurationError(
                f"{folder / 'model.yaml'} is in the wrong folder",
                why=f"it names the edge model {name}",
                remedy=f"rename the folder to {name}",
            )
        chains.append(Chain(model))
    return chains


def build_definitions(folders: Iterable[Path], platform: Platform | None = None) -> dg.Definitions:
    """Everything that the code location offers.

    Steps run in the process of their run: a process of its own for every step costs seconds each,
    and what is heavy here runs elsewhere anyway.
    """
    chains = load_chains(folders)
    assets = [family.build(chain) for chain in chains for family in FAMILIES]
    with warnings.catch_warnings():
        # Links to the source are marked beta; the warning would come once for every asset.
        warnings.simplefilter("ignore", dg.BetaWarning)
        shared = dg.with_source_code_references(
            [inference_runtime.build(), *feature_set.build(chains)]
        )
    return dg.Definitions(
        assets=[*shared, *assets],
        sensors=[
            *(module.build(chain) for chain in chains for module in SENSORS),
            *(
                module.build(chain)
                for chain in chains
                if chain.config.modules
                for module in OF_MODULES
            ),
            dg.AutomationConditionSensorDefinition(
                "automation",
                target=dg.AssetSelection.all(),
                default_status=dg.DefaultSensorStatus.RUNNING,
                minimum_interval_seconds=15,
                description="Materializes what lies downstream of something new, past open gates.",
            ),
        ],
        resources={"platform": platform or Platform()},
        executor=dg.in_process_executor,
    )
