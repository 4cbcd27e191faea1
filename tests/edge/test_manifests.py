import dataclasses
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.device.create_options import join_create_options, parse_create_options
from edge.device.manifest import parse_desired
from edge.manifests import (
    APPLICATIONS,
    ExtraModule,
    RegistryCredentials,
    ReleaseManifest,
    base_deployment,
    configuration_id,
    create_options,
    layered_deployment,
    target_condition,
    webapp_module,
)
from protos.errors import ConfigurationError

A, B, C = ("sha256:" + letter * 64 for letter in "abc")
RELEASE = ReleaseManifest(
    release=A,
    number=7,
    image=f"localhost:18443/nyc_taxi@{B}",
    smoke_test_image=f"localhost:18443/nyc_taxi-smoke-test@{C}",
    model_digest=A,
)


def agent_modules(content: dict[str, Any]) -> dict[str, Any]:
    prefix = "properties.desired.modules."
    agent = content["modulesContent"]["$edgeAgent"]
    assert all(key.startswith(prefix) for key in agent)
    return {key.removeprefix(prefix): value for key, value in agent.items()}


def test_a_layer_has_the_three_modules_and_no_system_module() -> None:
    modules = agent_modules(layered_deployment("nyc_taxi", RELEASE))
    assert list(modules) == ["nyc_taxi", "nyc_taxi_smoke_test", "nyc_taxi_captures"]
    assert modules["nyc_taxi"]["settings"]["image"] == RELEASE.image
    for name in ("nyc_taxi_smoke_test", "nyc_taxi_captures"):
        assert modules[name]["settings"]["image"] == RELEASE.smoke_test_image
        assert modules[name]["startupOrder"] > modules["nyc_taxi"]["startupOrder"]


def test_the_service_publishes_its_port_and_captures_into_the_shared_folder() -> None:
    modules = agent_modules(layered_deployment("nyc_taxi", RELEASE))
    service = parse_create_options(join_create_options(modules["nyc_taxi"]["settings"]))
    captures = parse_create_options(join_create_options(modules["nyc_taxi_captures"]["settings"]))
    assert service.ports == ((8081, 50051),)
    assert service.volumes == captures.volumes
    assert service.volumes[0].target == "/captures"
    assert captures.command == ("edge.modules.captures",)
    assert modules["nyc_taxi"]["env"]["MODEL_DIGEST"] == {"value": A}


def test_the_smoke_test_is_told_what_to_prove() -> None:
    content = layered_deployment("nyc_taxi", RELEASE)["modulesContent"]
    assert content["nyc_taxi_smoke_test"] == {
        "properties.desired": {"release": A, "model_digest": A}
    }
    modules = agent_modules({"modulesContent": content})
    env = modules["nyc_taxi_smoke_test"]["env"]
    assert env["INFERENCE_TARGET"] == {"value": "nyc_taxi:8081"}
    assert env["SMOKE_TEST_INTERVAL_SECONDS"] == {"value": "30"}


def test_captures_go_upstream() -> None:
    content = layered_deployment("nyc_taxi", RELEASE)["modulesContent"]
    assert content["$edgeHub"] == {
        "properties.desired.routes.nyc_taxi_captures": (
            "FROM /messages/modules/nyc_taxi_captures/* INTO $upstream"
        )
    }


def test_a_memory_limit_reaches_the_container() -> None:
    limited = dataclasses.replace(RELEASE, memory_bytes=64 * 1024 * 1024)
    settings = agent_modules(layered_deployment("nyc_taxi", limited))["nyc_taxi"]["settings"]
    assert json.loads(join_create_options(settings))["HostConfig"]["Memory"] == 64 * 1024 * 1024


@pytest.mark.parametrize(
    "change",
    [
        {"image": "localhost:18443/nyc_taxi:latest"},
        {"image": f"nyc_taxi@{B}"},
        {"smoke_test_image": f"localhost:18443/Upper@{B}"},
        {"release": "r7"},
        {"model_digest": "sha256:abc"},
        {"number": 0},
        {"port": 0},
        {"port": 65536},
        {"smoke_test_interval_seconds": 0.0},
        {"smoke_test_interval_seconds": math.nan},
        {"capture_upload_seconds": math.inf},
        {"memory_bytes": 1},
    ],
)
def test_what_no_device_could_run_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        layered_deployment("nyc_taxi", dataclasses.replace(RELEASE, **change))


@pytest.mark.parametrize("model", ["", "Taxi", "nyc-taxi", "1taxi", "t" * 64, "a' OR 'b"])
def test_names_that_could_change_a_query_are_refused(model: str) -> None:
    with pytest.raises(ConfigurationError):
        layered_deployment(model, RELEASE)
    with pytest.raises(ConfigurationError):
        target_condition(model, ["canary"])
    with pytest.raises(ConfigurationError):
        configuration_id(model, 1, A)


def test_the_id_sorts_by_release_and_names_the_image() -> None:
    assert configuration_id("nyc_taxi", 7, B) == "nyc_taxi-r0007-bbbbbbbbbbbb"
    assert configuration_id("nyc_taxi", 9, B) < configuration_id("nyc_taxi", 10, A)


@pytest.mark.parametrize(("number", "digest"), [(0, A), (-1, A), (1, "latest")])
def test_ids_are_made_of_releases_only(number: int, digest: str) -> None:
    with pytest.raises(ConfigurationError):
        configuration_id("nyc_taxi", number, digest)


def test_the_condition_names_model_and_rings() -> None:
    assert (
        target_condition("nyc_taxi", ["canary", "early"])
        == "tags.models.nyc_taxi='on' AND tags.ring IN ['canary','early']"
    )


@pytest.mark.parametrize("rings", [[], ["canary", "canary"], ["it's"], [""]])
def test_rings_that_would_target_nobody_or_everybody_are_refused(rings: list[str]) -> None:
    with pytest.raises(ConfigurationError):
        target_condition("nyc_taxi", rings)


def test_the_base_has_agent_and_hub_and_no_module() -> None:
    desired = base_deployment()["modulesContent"]["$edgeAgent"]["properties.desired"]
    assert desired["schemaVersion"] == "1.1"
    assert set(desired["systemModules"]) == {"edgeAgent", "edgeHub"}
    assert desired["modules"] == {}
    assert desired["runtime"]["settings"]["registryCredentials"] == {}


def test_the_base_hands_pull_credentials_to_devices() -> None:
    content = base_deployment(RegistryCredentials("x.azurecr.io", "pull", "p"))
    desired = content["modulesContent"]["$edgeAgent"]["properties.desired"]
    assert desired["runtime"]["settings"]["registryCredentials"] == {
        "registry": {"address": "x.azurecr.io", "username": "pull", "password": "p"}
    }


@given(st.text(max_size=3000))
def test_create_options_survive_being_cut(text: str) -> None:
    settings = create_options({"Env": [f"X={text}"]})
    assert all(len(piece) <= 512 for piece in settings.values())
    assert json.loads("".join(settings.values())) == {"Env": [f"X={text}"]}
    assert sorted(settings) == list(settings)


def test_create_options_beyond_the_manifests_room_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="too long"):
        create_options({"Env": ["X=" + "x" * 5000]})


@given(
    model=st.from_regex(r"[a-z][a-z0-9_]{0,62}", fullmatch=True),
    number=st.integers(1, 10**6),
    port=st.integers(1, 65535),
    seconds=st.floats(0.1, 1e5),
)
def test_every_valid_release_gives_a_manifest_that_a_device_reads_back(
    model: str, number: int, port: int, seconds: float
) -> None:
    release = dataclasses.replace(
        RELEASE, number=number, port=port, smoke_test_interval_seconds=seconds
    )
    modules = agent_modules(layered_deployment(model, release))
    for module in modules.values():
        pieces = {k: v for k, v in module["settings"].items() if k.startswith("createOptions")}
        assert pieces
        assert all(len(piece) <= 512 for piece in pieces.values())
    options = parse_create_options(join_create_options(modules[model]["settings"]))
    assert options.ports == ((8081, port),)
    interval = modules[f"{model}_smoke_test"]["env"]["SMOKE_TEST_INTERVAL_SECONDS"]["value"]
    assert float(interval) == pytest.approx(seconds, rel=1e-5)


REGISTER = webapp_module("register", f"localhost:18443/compliance-register@{C}", 8090)


def with_modules(*extra: ExtraModule) -> ReleaseManifest:
    return dataclasses.replace(RELEASE, extra_modules=extra)


def test_a_release_without_extra_modules_is_as_before() -> None:
    assert layered_deployment("nyc_taxi", with_modules()) == layered_deployment("nyc_taxi", RELEASE)


def test_a_web_application_is_one_more_module_of_the_release() -> None:
    content = layered_deployment("compliance", with_modules(REGISTER))
    modules = agent_modules(content)
    assert list(modules)[3:] == ["compliance_register"]
    module = modules["compliance_register"]
    assert module["settings"]["image"] == REGISTER.image
    assert module["startupOrder"] > modules["compliance"]["startupOrder"]
    assert module["env"]["INFERENCE_TARGET"] == {"value": "compliance:8081"}
    assert module["env"]["MODEL_NAME"] == {"value": "compliance"}
    assert module["env"]["WEBAPP_ADDRESS"] == {"value": "0.0.0.0:8090"}
    options = parse_create_options(join_create_options(module["settings"]))
    assert options.ports == ((8090, 8090),)
    [volume] = options.volumes
    assert (volume.source, volume.target, volume.read_only) == (
        "/var/lib/edge-assets/compliance/register/data",
        "/data",
        False,
    )
    routes = content["modulesContent"]["$edgeHub"]
    assert routes["properties.desired.routes.compliance_register"] == (
        "FROM /messages/modules/compliance_register/* INTO $upstream"
    )
    assert len(routes) == 2


def test_a_device_reads_the_extra_module_back() -> None:
    modules = agent_modules(layered_deployment("compliance", with_modules(REGISTER)))
    state = parse_desired({"schemaVersion": "1.1", "modules": modules, "$version": 1})
    spec = state.modules["compliance_register"]
    assert dict(spec.env)["WEBAPP_DATA"] == "/data"
    assert spec.image == REGISTER.image


def test_another_release_with_the_same_image_leaves_the_module_running() -> None:
    """What a device compares is the same, so that technicians are not thrown out."""
    found = []
    for number, digest in ((7, A), (8, B)):
        release = dataclasses.replace(with_modules(REGISTER), number=number, model_digest=digest)
        modules = agent_modules(layered_deployment("compliance", release))
        found.append(parse_desired({"schemaVersion": "1.1", "modules": modules}).modules)
    assert found[0]["compliance_register"].definition == found[1]["compliance_register"].definition
    assert found[0]["compliance"].definition != found[1]["compliance"].definition


def test_an_application_is_told_its_own_model_whatever_its_settings_say() -> None:
    env = {
        "INFERENCE_TARGET": "elsewhere:1",
        "MODEL_NAME": "other",
        "WEBAPP_DATA": "/elsewhere",
        "A": "1",
    }
    module = webapp_module("register", REGISTER.image, 8090, env)
    built = agent_modules(layered_deployment("compliance", with_modules(module)))
    found = {key: entry["value"] for key, entry in built["compliance_register"]["env"].items()}
    assert found == {
        "INFERENCE_TARGET": "compliance:8081",
        "MODEL_NAME": "compliance",
        "WEBAPP_ADDRESS": "0.0.0.0:8090",
        "WEBAPP_DATA": "/data",
        "A": "1",
    }


def test_a_module_that_needs_nothing_has_no_options() -> None:
    plain = ExtraModule("plain", REGISTER.image)
    content = layered_deployment("compliance", with_modules(plain))
    settings = agent_modules(content)["compliance_plain"]["settings"]
    assert join_create_options(settings) == "{}"
    assert len(content["modulesContent"]["$edgeHub"]) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "smoke_test"},
        {"name": "captures"},
        {"name": "Register"},
        {"name": "a" * 32},
        {"name": "a.b"},
        {"image": "localhost:18443/register:latest"},
        {"port": 0},
        {"port": 65536},
        {"port": RELEASE.port},
        {"env": {"A=B": "1"}},
        {"env": {"": "1"}},
        {"folders": ("data",)},
        {"folders": ("/",)},
        {"folders": ("/data:/etc",)},
        {"folders": ("/data/../etc",)},
        {"memory_bytes": 1},
    ],
)
def test_an_extra_module_that_no_device_could_run_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        layered_deployment("compliance", with_modules(dataclasses.replace(REGISTER, **change)))


def test_two_modules_share_neither_name_nor_port() -> None:
    other = dataclasses.replace(REGISTER, name="other", port=8091)
    assert len(agent_modules(layered_deployment("m", with_modules(REGISTER, other)))) == 5
    for twin in (
        dataclasses.replace(other, port=8090),
        dataclasses.replace(other, name="register"),
    ):
        with pytest.raises(ConfigurationError):
            layered_deployment("m", with_modules(REGISTER, twin))


def test_the_applications_of_model_yaml_have_a_recipe_and_a_module() -> None:
    from resources.images.recipe import APPLICATION_RECIPES

    assert set(APPLICATIONS) == set(APPLICATION_RECIPES)
