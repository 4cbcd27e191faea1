"""Turns every `model.yaml` into its chain of assets, checks and sensors."""

import warnings
from pathlib import Path

import dagster as dg

from edge_assets.assets import (
    captures,
    container_image,
    dataset,
    deployment,
    drift_report,
    inference_runtime,
    onnx_model,
    raw_batch,
    release,
    rollout,
    trained_model,
)
from edge_assets.chain import Chain
from edge_assets.core.config import load_model_config
from protos.errors import ConfigurationError
from resources.platform import Platform
from sensors import batches, drift, fleet, windows

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
)
SENSORS = (batches, windows, drift, fleet)


def load_chains(models: Path) -> list[Chain]:
    """The chains of all edge models below `models`, by name.

    Raises ConfigurationError when a `model.yaml` is wrong or a folder is not named as its model.
    """
    chains = []
    for path in sorted(models.glob("*/model.yaml")):
        config = load_model_config(path)
        if config.name != path.parent.name:
            raise ConfigurationError(
                f"{path} is in the wrong folder",
                why=f"it names the edge model {config.name}",
                remedy=f"rename the folder to {config.name}",
            )
        chains.append(Chain(config))
    return chains


def build_definitions(models: Path, platform: Platform | None = None) -> dg.Definitions:
    """Everything that the code location offers.

    Steps run in the process of their run: a process of its own for every step costs seconds each,
    and what is heavy here runs elsewhere anyway.
    """
    chains = load_chains(models)
    assets = [family.build(chain) for chain in chains for family in FAMILIES]
    with warnings.catch_warnings():
        # Links to the source are marked beta; the warning would come once for every asset.
        warnings.simplefilter("ignore", dg.BetaWarning)
        linked = dg.with_source_code_references([inference_runtime.build(), *assets])
    return dg.Definitions(
        assets=linked,
        sensors=[
            *(module.build(chain) for chain in chains for module in SENSORS),
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
