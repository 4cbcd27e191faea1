"""What the assets of one edge model share: its configuration, keys, partitions and plain functions.

Imports nothing heavy: the code location is loaded by every Dagster process.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg

from edge_assets.core.config import ModelConfig
from edge_assets.edge_model import EdgeModel

Automation = dg.AutomationCondition[Any]


@dataclass(frozen=True)
class Chain:
    """One edge model: the group `<name>` in the Dagster UI, asset keys `<name>/<asset>`."""

    model: EdgeModel

    @property
    def config(self) -> ModelConfig:
        """What its `model.yaml` says."""
        return self.model.config

    @property
    def name(self) -> str:
        """The edge model's name."""
        return self.config.name

    def key(self, asset: str) -> dg.AssetKey:
        """The key of one of its assets."""
        return dg.AssetKey([self.name, asset])

    @cached_property
    def batches(self) -> dg.DynamicPartitionsDefinition:
        """One partition a batch."""
        return dg.DynamicPartitionsDefinition(name=f"{self.name}_batches")

    @cached_property
    def windows(self) -> dg.DynamicPartitionsDefinition:
        """One partition a window of captures."""
        return dg.DynamicPartitionsDefinition(name=f"{self.name}_windows")

    @cached_property
    def devices(self) -> dg.DynamicPartitionsDefinition:
        """One partition a device."""
        return dg.DynamicPartitionsDefinition(name=f"{self.name}_devices")

    def asset(
        self,
        name: str,
        kinds: set[str],
        description: str,
        *,
        deps: Sequence[str | dg.AssetKey] = (),
        checks: Sequence[dg.AssetCheckSpec] = (),
        partitions: dg.PartitionsDefinition[str] | None = None,
        automation: Automation | None = None,
        code_version: str | None = None,
    ) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
        """The decorator of an asset of the chain: `dg.asset` with what all of them share."""
        owner = self.config.owner

        def decorate(function: Callable[..., Any]) -> dg.AssetsDefinition:
            return dg.asset(
                key=self.key(name),
                deps=[self.key(dep) if isinstance(dep, str) else dep for dep in deps],
                group_name=self.name,
                kinds=kinds,
                owners=[owner if "@" in owner else f"team:{owner}"],
                tags={"edge-model": self.name},
                description=description,
                check_specs=list(checks),
                partitions_def=partitions,
                automation_condition=automation,
                code_version=code_version,
                metadata=source_of(function),
            )(function)

        return decorate

    def check(self, asset: str, name: str, description: str) -> dg.AssetCheckSpec:
        """A blocking check of one of the assets: when it fails, nothing downstream runs."""
        return dg.AssetCheckSpec(
            name, asset=self.key(asset), blocking=True, description=description
        )

    def checked(
        self, asset: str, name: str, passed: bool, metadata: Mapping[str, Any]
    ) -> dg.AssetCheckResult:
        """The outcome of one of the checks; `reason` in the metadata says why."""
        return dg.AssetCheckResult(
            passed=passed, check_name=name, asset_key=self.key(asset), metadata=dict(metadata)
        )


def source_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The link to an asset's code that the UI shows.

    As `dg.with_source_code_references`, which reads and tokenizes the file again for every asset: a
    sixth of the time in which the code location loads.
    """
    code = function.__code__
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        place = dg.LocalFileCodeReference(
            file_path=str(Path(code.co_filename).resolve()), line_number=code.co_firstlineno
        )
        return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[place])}


def propagate(*, over_partitions: bool = False) -> Automation:
    """Materialize when something upstream is new and every blocking check upstream passed.

    Unlike `eager()`, which runs past a failed check, and which forgets what became new in the very
    tick after a request, or while a run that could not know of it was going on: here it counts as
    handled only when it is asked for afterwards. An asset made of all partitions of another
    (`over_partitions`) goes on without one that never came or was refused: a refused partition is
    not materialized, and its failed check says nothing about the others.
    """
    condition: Any = dg.AutomationCondition  # its operators are typed too narrowly
    # By data version: an input that was made again with the same outcome is nothing new.
    changed = condition.data_version_changed() & ~condition.executed_with_root_target()
    new = (
        condition.any_deps_updated()
        if over_partitions
        else condition.any_deps_match(changed | condition.will_be_requested())
    )
    # "Handled since new", and not "new since handled": when both are true, the second one wins.
    handled = (condition.newly_requested() | condition.initial_evaluation()).since(new)
    idle = ~condition.any_deps_in_progress() & ~condition.in_progress()
    wanted: Automation = ~handled.with_label("handled") & idle
    if over_partitions:
        return wanted
    gated: Automation = (
        wanted & ~condition.any_deps_missing() & condition.all_deps_blocking_checks_passed()
    )
    return gated
