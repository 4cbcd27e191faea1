"""Both taxi models on one device: ports, names and layers of manifests do not clash."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import pytest

from edge.device.create_options import join_create_options, parse_create_options
from edge.local_hub.merge import Layer, assignments, equal_priorities, merge
from edge.manifests import (
    BASE_PRIORITY,
    ReleaseManifest,
    base_deployment,
    configuration_id,
    layered_deployment,
    module_names,
    target_condition,
)
from edge_assets.chain import Chain
from edge_assets.core.folders import SHIPPED, model_folders
from edge_assets.edge_model import EdgeModel
from edge_assets.factory import load_chains
from edge_assets.release_manifest import manifest_of

NAMES = ("nyc_taxi", "london_taxi")
CHAINS = {chain.name: chain for chain in load_chains([SHIPPED / name for name in NAMES])}
A, B, C = ("sha256:" + letter * 64 for letter in "abc")
DOCUMENT = {"number": 1, "image": A, "smoke_test_image": B, "model_digest": C}


def layer(chain: Chain, priority: int) -> Layer:
    """The first release of an edge model, as its rollout puts it on the hub."""
    content = manifest_of(chain, "registry.local:5000", A, DOCUMENT)["modulesContent"]
    name = configuration_id(chain.name, DOCUMENT["number"], A)  # type: ignore[arg-type]
    return Layer(name, priority, f"t{priority}", content)


def on_one_device(*layers: Layer) -> Mapping[str, Any]:
    base = Layer("base", BASE_PRIORITY, "t0", base_deployment()["modulesContent"])
    merged = merge([base, *layers])
    assert set(merged.statuses.values()) == {"Applied"}
    assert merged.desired is not None
    return merged.desired


@pytest.fixture
def desired() -> Mapping[str, Any]:
    return on_one_device(*(layer(chain, n) for n, chain in enumerate(CHAINS.values(), start=1)))


def test_the_merge_keeps_all_modules_of_both(desired: Mapping[str, Any]) -> None:
    modules = desired["$edgeAgent"]["modules"]
    wanted = [name for model in NAMES for name in module_names(model)]
    assert sorted(modules) == sorted(wanted)
    assert len(set(wanted)) == 6
    routes = desired["$edgeHub"]["routes"]
    assert sorted(routes) == sorted(module_names(model)[2] for model in NAMES)
    for model in NAMES:
        assert desired[module_names(model)[1]]["model_digest"] == C


def test_no_path_of_one_layer_is_set_or_covered_by_the_other() -> None:
    one, other = (
        {(module, path) for module, path, _ in assignments(layer(chain, 1).content)}
        for chain in CHAINS.values()
    )
    for module, path in one:
        assert not any(
            module == theirs and (path[: len(place)] == place or place[: len(path)] == path)
            for theirs, place in other
        )


def _options(desired: Mapping[str, Any]) -> list[Any]:
    modules = desired["$edgeAgent"]["modules"]
    return [parse_create_options(join_create_options(m["settings"])) for m in modules.values()]


def host_ports(desired: Mapping[str, Any]) -> list[int]:
    """The ports that the modules of a device take on its network."""
    return [host for options in _options(desired) for _, host in options.ports]


def test_they_take_different_ports_of_the_device(desired: Mapping[str, Any]) -> None:
    assert sorted(host_ports(desired)) == [50051, 50052]


def test_the_same_port_would_be_seen(desired: Mapping[str, Any]) -> None:
    """That the test above can fail: London on New York's port merges all the same, and clashes."""
    chain = CHAINS["london_taxi"]
    config = chain.config.model_copy(
        update={"device": chain.config.device.model_copy(update={"port": 50051})}
    )
    other = Chain(dataclasses.replace(chain.model, config=config))
    clash = on_one_device(layer(CHAINS["nyc_taxi"], 1), layer(other, 2))
    assert host_ports(clash) == [50051, 50051]


def test_they_share_no_folder_of_the_device(desired: Mapping[str, Any]) -> None:
    sources: dict[str, set[str]] = {model: set() for model in NAMES}
    for name, module in desired["$edgeAgent"]["modules"].items():
        options = json.loads(join_create_options(module["settings"]))
        model = next(model for model in NAMES if name.startswith(model))
        binds = options.get("HostConfig", {}).get("Binds", [])
        sources[model] |= {bind.split(":")[0] for bind in binds}
    assert sources["nyc_taxi"] and sources["london_taxi"]  # noqa: PT018
    assert not sources["nyc_taxi"] & sources["london_taxi"]


def test_layers_of_one_priority_are_refused_and_those_of_two_are_not() -> None:
    nyc, london = CHAINS.values()
    assert equal_priorities([layer(nyc, 1), layer(london, 2)]) is None
    assert equal_priorities([layer(nyc, 3), layer(london, 3)]) is not None


def test_a_device_gets_only_the_model_that_is_meant_for_it() -> None:
    conditions = {target_condition(model, ["canary"]) for model in NAMES}
    assert len(conditions) == 2
    assert "tags.models.london_taxi='on'" in target_condition("london_taxi", ["canary"])


def test_no_two_models_that_we_ship_share_a_port_a_landing_folder_or_a_module() -> None:
    configs = [EdgeModel.load(folder).config for folder in model_folders({}).values()]
    for taken in (
        [config.device.port for config in configs],
        [config.data.landing for config in configs],
        [name for config in configs for name in module_names(config.name)],
    ):
        assert len(set(taken)) == len(taken)


def test_the_manifest_is_one_that_the_hub_takes() -> None:
    for chain in CHAINS.values():
        made = layered_deployment(
            chain.name,
            ReleaseManifest(
                release=A,
                number=1,
                image=f"registry.local:5000/{chain.name}@{A}",
                smoke_test_image=f"registry.local:5000/{chain.name}-smoke-test@{B}",
                model_digest=C,
                port=chain.config.device.port,
                memory_bytes=chain.config.device.memory_bytes,
            ),
        )
        assert made == manifest_of(chain, "registry.local:5000", A, DOCUMENT)
