"""Turns every `model.yaml` into its chain of assets, checks and sensors."""

import logging
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from edge_assets import broken
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
    performance_report,
    raw_batch,
    release,
    rollout,
    trained_model,
)
from edge_assets.broken import Broken, cannot_load
from edge_assets.chain import Chain
from edge_assets.edge_model import EdgeModel
from protos.errors import ConfigurationError
from resources.platform import Platform
from sensors import alerts, batches, corrections, drift, fleet, performance, windows

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
    performance_report,
)
SENSORS = (batches, windows, drift, performance, fleet)
OF_MODULES = (corrections,)
"""Sensors of models that have modules beside them on devices."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """One edge model with all that it adds to the code location."""

    chain: Chain
    assets: Sequence[dg.AssetsDefinition]
    sensors: Sequence[dg.SensorDefinition]


def load_chains(folders: Iterable[Path]) -> list[Chain]:
    """The chains of the edge models in `folders`, in their order.

    Raises ConfigurationError when a `model.yaml` is wrong or a folder is not named as its model.
    """
    return [_chain(folder) for folder in folders]


def _chain(folder: Path) -> Chain:
    model = EdgeModel.load(folder)
    name = model.config.name
    if name != folder.name:
        raise ConfigurationError(
            f"{folder / 'model.yaml'} is in the wrong folder",
            why=f"it names the edge model {name}",
            remedy=f"rename the folder to {name}",
        )
    return Chain(model)


def load_models(folders: Iterable[Path]) -> tuple[list[Loaded], list[Broken]]:
    """The edge models in `folders`, and those that cannot be loaded: they stop no other one."""
    loaded, skipped = [], []
    for folder in folders:
        try:
            loaded.append(_load(folder))
        except Exception as error:  # whatever is wrong in a user's folder
            skipped.append(Broken(folder, cannot_load(folder, error)))
    return loaded, skipped


def _load(folder: Path) -> Loaded:
    chain = _chain(folder)
    modules = [*SENSORS, *(OF_MODULES if chain.config.modules else ())]
    return Loaded(
        chain,
        [family.build(chain) for family in FAMILIES],
        [module.build(chain) for module in modules],
    )


def build_definitions(
    folders: Iterable[Path],
    platform: Platform | None = None,
    *,
    skip_broken: bool = False,
    wrong: Mapping[Path, ConfigurationError] | None = None,
) -> dg.Definitions:
    """Everything that the code location offers.

    A model that cannot be loaded, or a path that is `wrong`, raises ConfigurationError. With
    `skip_broken` it is skipped with a warning, and an asset `<name>/broken` says why.
    """
    loaded, skipped = load_models(folders)
    skipped += [Broken(path, error) for path, error in (wrong or {}).items()]
    for each in skipped:
        if not skip_broken:
            raise each.error
        log.warning("the edge model %s is skipped: %s", each.name, each.error)
    return assemble(loaded, skipped, platform)


def assemble(
    loaded: Sequence[Loaded], skipped: Sequence[Broken], platform: Platform | None = None
) -> dg.Definitions:
    """The definitions of models that are loaded, and of those that are skipped.

    Steps run in the process of their run: a process of its own for every step costs seconds each,
    and what is heavy here runs elsewhere anyway.
    """
    chains = [each.chain for each in loaded]
    with warnings.catch_warnings():
        # Links to the source are marked beta; the warning would come once for every asset.
        warnings.simplefilter("ignore", dg.BetaWarning)
        shared = dg.with_source_code_references(
            [inference_runtime.build(), *feature_set.build(chains)]
        )
    return dg.Definitions(
        assets=[
            *shared,
            *(asset for each in loaded for asset in each.assets),
            *broken.build(skipped),
        ],
        sensors=[
            *(sensor for each in loaded for sensor in each.sensors),
            alerts.build(),
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
