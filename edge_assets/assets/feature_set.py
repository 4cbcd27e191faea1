"""`shared/<module>_features`: features that several edge models share, made once for all of them.

Upstream of the dataset of each model that uses them. Their data version is that of their code, so
models that were trained on other features show as stale and are trained again, once.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from edge_assets.assets.inference_runtime import when_missing_or_changed
from edge_assets.chain import Automation, Chain, propagate
from edge_assets.features.registry import FeatureModule, feature_module
from edge_assets.lineage import result
from resources.artifact_store import ArtifactStore
from resources.platform import Platform


def key_of(module: str) -> dg.AssetKey:
    """The key of the asset of a feature module."""
    return dg.AssetKey(["shared", f"{module}_features"])


def keys_of(chain: Chain) -> list[dg.AssetKey]:
    """The shared features that an edge model uses: one, or none."""
    features = chain.config.features
    return [] if features is None else [key_of(features.module)]


def build(chains: Sequence[Chain]) -> list[dg.AssetsDefinition]:
    """The assets of all feature modules that edge models use, each once."""
    users: dict[str, list[str]] = {}
    for chain in chains:
        if chain.config.features is not None:
            users.setdefault(chain.config.features.module, []).append(chain.name)
    return [_build(feature_module(name), names) for name, names in sorted(users.items())]


def put_features(store: ArtifactStore, module: FeatureModule) -> str:
    """Stores the code of a feature module; the digest of the document that describes it.

    The same code gives the same digest, so a dataset names the features that it really was made
    with, whether or not their asset has been materialized by then.
    """
    return store.put_document(_document(store, module))


def renew_for(keys: Sequence[dg.AssetKey]) -> Automation:
    """`propagate(over_partitions=True)` for a dataset of batches that also depends on features.

    A dataset that is there is made again of other features, so that a model is trained on them. The
    same features made again are nothing new, and without any dataset there is nothing to renew.
    """
    over_batches: Any = propagate(over_partitions=True)
    if not keys:
        made: Automation = over_batches
        return made
    condition: Any = dg.AutomationCondition  # its operators are typed too narrowly
    shared = dg.AssetSelection.assets(*keys)
    changed = condition.data_version_changed() & ~condition.executed_with_root_target()
    others = condition.any_deps_match(changed).allow(shared) & ~condition.missing()
    # What is new, replaced in place: a second `since` beside the first would share its memory,
    # because Dagster tells the two apart by the kinds of their parts only.
    updated = condition.any_deps_updated()
    wanted: Automation = over_batches.replace(
        updated.get_label(), updated.ignore(shared) | others.with_label("other features")
    )
    return wanted


def _document(store: ArtifactStore, module: FeatureModule) -> dict[str, Any]:
    return {
        "kind": "features",
        "inputs": {},
        "module": module.name,
        "version": module.version,
        "code": module.code(),
        "files": {name: store.put_file(path) for name, path in module.files.items()},
    }


def _build(module: FeatureModule, users: Sequence[str]) -> dg.AssetsDefinition:
    @dg.asset(
        key=key_of(module.name),
        group_name="shared",
        kinds={"python"},
        owners=["team:platform"],
        code_version=module.code(),
        automation_condition=when_missing_or_changed(),
        description=(
            f"The features {module.name}, defined once for all edge models that use them: training "
            "and the ONNX artifact take them from the same code. Its data version is that of the "
            "code, so datasets and models of other features show as stale."
        ),
    )
    def features(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
        document = _document(platform.artifacts, module)
        metadata = {
            "version": module.version,
            "code": document["code"],
            "used by": ", ".join(users),
            "files": dg.MetadataValue.table(
                [
                    dg.TableRecord({"file": name, "digest": digest})
                    for name, digest in document["files"].items()
                ]
            ),
        }
        return result(platform.artifacts, document, metadata)

    return features
