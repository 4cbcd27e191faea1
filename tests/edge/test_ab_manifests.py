"""Layers of a comparison, read again by those who get them: the local hub and the device."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.ab_manifests import (
    CANDIDATE_PORT_STEP,
    ShadowManifest,
    chosen_devices,
    comparison_id,
    shadow_deployment,
    split_condition,
)
from edge.device.create_options import CreateOptions, join_create_options, parse_create_options
from edge.device.manifest import parse_desired
from edge.device.substitution import replace_targets
from edge.local_hub.content import check_modules_content
from edge.local_hub.limits import Limits
from edge.local_hub.merge import Layer, merge
from edge.local_hub.target_condition import parse_target_condition
from edge.manifests import (
    ReleaseManifest,
    base_deployment,
    layered_deployment,
    module_names,
    target_condition,
)
from edge.modules.shadow.module import ShadowConfig
from protos.errors import ConfigurationError

DIGEST = "sha256:" + "a" * 64
IMAGE = f"localhost:5000/nyc_taxi@{DIGEST}"
SHADOW = ShadowManifest(IMAGE, f"localhost:5000/nyc_taxi-smoke-test@{DIGEST}", DIGEST)
RELEASE = ReleaseManifest(DIGEST, 1, IMAGE, SHADOW.module_image, DIGEST)


def modules(layer: dict[str, Any]) -> dict[str, Any]:
    agent = layer["modulesContent"]["$edgeAgent"]
    return {name.removeprefix("properties.desired.modules."): m for name, m in agent.items()}


def options(module: dict[str, Any]) -> CreateOptions:
    return parse_create_options(join_create_options(module["settings"]))


def env(module: dict[str, Any]) -> dict[str, str]:
    return {name: entry["value"] for name, entry in module["env"].items()}


def twin(device: str, ring: str = "canary", models: str = "on") -> dict[str, Any]:
    tags = {"ring": ring, "models": {"nyc_taxi": models}}
    return {"deviceId": device, "tags": tags, "capabilities": {"iotEdge": True}}


def test_a_shadow_layer_leaves_the_champions_modules_alone() -> None:
    made = modules(shadow_deployment("nyc_taxi", SHADOW))
    assert set(made) == {"nyc_taxi_candidate", "nyc_taxi_shadow"}
    assert not set(made) & set(module_names("nyc_taxi"))
    hub = shadow_deployment("nyc_taxi", SHADOW)["modulesContent"]["$edgeHub"]
    assert list(hub) == ["properties.desired.routes.nyc_taxi_shadow"]


def test_the_candidate_captures_nothing_and_listens_for_the_device_only() -> None:
    candidate = modules(shadow_deployment("nyc_taxi", SHADOW))["nyc_taxi_candidate"]
    assert "CAPTURE_DIR" not in env(candidate)
    assert env(candidate)["MODEL_DIGEST"] == DIGEST
    assert options(candidate).volumes == ()
    assert options(candidate).ports == ((8081, SHADOW.port + CANDIDATE_PORT_STEP),)
    assert "127.0.0.1" in join_create_options(candidate["settings"])


def test_the_shadow_reads_the_captures_and_cannot_write_them() -> None:
    shadow = modules(shadow_deployment("nyc_taxi", SHADOW))["nyc_taxi_shadow"]
    (volume,) = options(shadow).volumes
    released = modules(layered_deployment("nyc_taxi", RELEASE))["nyc_taxi"]
    assert volume.source == options(released).volumes[0].source
    assert volume.read_only
    assert options(shadow).command == ("edge.modules.shadow",)


def test_the_shadow_finds_both_services_on_a_shared_machine() -> None:
    told = env(modules(shadow_deployment("nyc_taxi", SHADOW))["nyc_taxi_shadow"])
    ports = {("nyc_taxi", 8081): 50051, ("nyc_taxi_candidate", 8081): 51051}
    assert replace_targets(told["SHADOW_TARGET"], ports) == "127.0.0.1:51051"
    assert replace_targets(told["SHADOW_CHAMPION"], ports) == "127.0.0.1:50051"
    assert told["MODEL_NAME"] == "nyc_taxi"


def test_the_module_understands_what_the_layer_tells_it() -> None:
    told = env(modules(shadow_deployment("nyc_taxi", SHADOW))["nyc_taxi_shadow"])
    config = ShadowConfig.from_environment({**told, "IOTEDGE_MODULEID": "nyc_taxi_shadow"})
    assert (config.target, config.champion) == ("nyc_taxi_candidate:8081", "nyc_taxi:8081")
    assert config.time_every == SHADOW.time_every


def test_hub_and_device_read_the_layer_above_a_release() -> None:
    contents = {
        "base": base_deployment()["modulesContent"],
        "release": layered_deployment("nyc_taxi", RELEASE)["modulesContent"],
        "shadow": shadow_deployment("nyc_taxi", SHADOW)["modulesContent"],
    }
    layers = [
        Layer(name, priority, "2026-01-01", content)
        for priority, (name, content) in enumerate(contents.items())
    ]
    check_modules_content(contents["shadow"], Limits())
    merged = merge(layers)
    assert set(merged.statuses.values()) == {"Applied"}
    assert merged.desired is not None
    agent = parse_desired(merged.desired["$edgeAgent"])
    assert set(agent.modules) == {
        *module_names("nyc_taxi"),
        *("nyc_taxi_candidate", "nyc_taxi_shadow"),
    }
    alone = merge(layers[:2]).desired
    assert alone is not None
    without = parse_desired(alone["$edgeAgent"])
    assert without.modules == {name: agent.modules[name] for name in module_names("nyc_taxi")}


def test_the_shadow_needs_no_more_than_its_image_has() -> None:
    heavy = {"numpy", "pandas", "dagster", "onnxruntime", "pydantic", "scipy"}
    program = f"import sys, edge.modules.shadow.module; print({heavy!r} & set(sys.modules))"
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert printed.stdout.strip() == "set()"


@given(
    st.sets(st.from_regex(r"[a-z]{1,5}-[0-9]{1,3}", fullmatch=True), min_size=2, max_size=40),
    st.floats(0.01, 0.99),
    st.randoms(use_true_random=False),
)
def test_the_choice_is_of_the_share_and_always_the_same(
    devices: set[str], share: float, chance: Any
) -> None:
    listed = sorted(devices)
    chosen = chosen_devices(listed, share, DIGEST)
    chance.shuffle(listed)
    assert chosen_devices([*listed, listed[0]], share, DIGEST) == chosen
    assert set(chosen) < devices
    assert 1 <= len(chosen) < len(devices)
    assert abs(len(chosen) - share * len(devices)) <= 1


def test_another_candidate_burdens_other_devices() -> None:
    fleet = [f"line-{number}" for number in range(40)]
    one, other = (set(chosen_devices(fleet, 0.5, salt)) for salt in ("one", "other"))
    assert 4 < len(one & other) < 16


@given(st.sets(st.sampled_from([f"line-{n}" for n in range(12)] + ["l:1.0", "a@b"]), min_size=1))
def test_the_hub_targets_exactly_the_chosen_devices(chosen: set[str]) -> None:
    condition = parse_target_condition(split_condition("nyc_taxi", ["canary"], sorted(chosen)))
    for device in [*(f"line-{n}" for n in range(12)), "l:1.0", "a@b"]:
        assert condition.matches(twin(device)) == (device in chosen)
    device = min(chosen)
    assert not condition.matches(twin(device, ring="broad")), "a device that left the ring"
    assert not condition.matches(twin(device, models="off"))


def test_champion_and_candidate_share_the_ring_without_overlap() -> None:
    chosen = chosen_devices(["a", "b", "c", "d"], 0.5, DIGEST)
    split = parse_target_condition(split_condition("nyc_taxi", ["canary"], chosen))
    everybody = parse_target_condition(target_condition("nyc_taxi", ["canary"]))
    assert sum(split.matches(twin(name)) for name in "abcd") == 2
    assert all(everybody.matches(twin(name)) for name in "abcd"), "the champion stays below"


@pytest.mark.parametrize("device", ["", "a'b", "a b", "x" * 129, "a' OR deviceId != 'b"])
def test_a_device_id_that_would_change_the_condition_is_refused(device: str) -> None:
    with pytest.raises(ConfigurationError, match="device id"):
        split_condition("nyc_taxi", ["canary"], [device])


def test_what_no_device_could_run_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="image"):
        shadow_deployment("nyc_taxi", ShadowManifest("nyc_taxi:latest", IMAGE, DIGEST))
    with pytest.raises(ConfigurationError, match="port"):
        shadow_deployment("nyc_taxi", ShadowManifest(IMAGE, IMAGE, DIGEST, port=65000))
    with pytest.raises(ConfigurationError, match="timed"):
        shadow_deployment("nyc_taxi", ShadowManifest(IMAGE, IMAGE, DIGEST, time_every=-1))
    with pytest.raises(ConfigurationError, match="at least one device"):
        split_condition("nyc_taxi", ["canary"], [])
    with pytest.raises(ConfigurationError, match="cannot be split"):
        chosen_devices(["only"], 0.5, "")
    with pytest.raises(ConfigurationError, match="share"):
        chosen_devices(["a", "b"], 1.0, "")
    with pytest.raises(ConfigurationError, match="no way to compare"):
        comparison_id("nyc_taxi", "duel", DIGEST)
    assert comparison_id("nyc_taxi", "shadow", DIGEST) == "nyc_taxi-shadow-aaaaaaaaaaaa"
