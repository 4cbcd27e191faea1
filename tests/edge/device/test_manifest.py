from typing import Any

import pytest

from edge.device.manifest import LAST_TO_START, ManifestError, parse_desired

DIGEST = "sha256:" + "a" * 64
IMAGE = f"localhost:18443/scorer@{DIGEST}"


def desired(**module: Any) -> dict[str, Any]:
    spec = {"type": "docker", "settings": {"image": IMAGE}, **module}
    return {"schemaVersion": "1.1", "$version": 7, "modules": {"scorer": spec}}


def test_reads_a_module_with_the_agents_defaults() -> None:
    state = parse_desired(desired())
    spec = state.modules["scorer"]
    assert state.version == 7
    assert (spec.image, spec.status, spec.restart_policy) == (IMAGE, "running", "always")
    assert (spec.pull_policy, spec.startup_order) == ("on-create", LAST_TO_START)


def test_env_values_are_texts_whatever_json_made_of_them() -> None:
    spec = parse_desired(desired(env={"B": {"value": 5}, "A": {"value": "x"}})).modules["scorer"]
    assert spec.env == (("A", "x"), ("B", "5"))


def test_registry_credentials_are_found_by_address() -> None:
    acr = {"address": "x.azurecr.io", "username": "u", "password": "p"}
    runtime = {"type": "docker", "settings": {"registryCredentials": {"acr": acr}}}
    state = parse_desired({**desired(), "runtime": runtime})
    assert state.credentials == {"x.azurecr.io": ("u", "p")}


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {"image": IMAGE.replace("aaaa", "bbbb")}},
        {"settings": {"image": IMAGE, "createOptions": '{"Cmd": ["x"]}'}},
        {"env": {"A": {"value": "1"}}},
        {"version": "2"},
    ],
)
def test_the_definition_changes_with_what_needs_a_new_process(change: dict[str, Any]) -> None:
    before = parse_desired(desired()).modules["scorer"]
    assert parse_desired(desired(**change)).modules["scorer"].definition != before.definition


@pytest.mark.parametrize(
    "change",
    [
        {"status": "stopped"},
        {"restartPolicy": "never"},
        {"startupOrder": 3},
        {"imagePullPolicy": "never"},
    ],
)
def test_the_definition_stays_when_only_a_policy_changes(change: dict[str, Any]) -> None:
    before = parse_desired(desired()).modules["scorer"]
    assert parse_desired(desired(**change)).modules["scorer"].definition == before.definition


def test_no_deployment_is_417() -> None:
    with pytest.raises(ManifestError, match="no deployment") as caught:
        parse_desired({"$version": 1})
    assert caught.value.code == 417


@pytest.mark.parametrize("schema", [None, "2.0", "x", 1.1])
def test_another_schema_is_412(schema: object) -> None:
    with pytest.raises(ManifestError, match="schemaVersion") as caught:
        parse_desired({**desired(), "schemaVersion": schema})
    assert caught.value.code == 412


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"settings": None}, "no settings"),
        ({"settings": {}}, "no image"),
        ({"settings": {"image": " "}}, "no image"),
        ({"settings": {"image": "localhost:18443/scorer:1.0"}}, "not named by digest"),
        ({"settings": {"image": IMAGE, "createOptions": "{"}}, "not JSON"),
        ({"type": "podman"}, "type"),
        ({"status": "sleeping"}, "status 'sleeping'"),
        ({"restartPolicy": "sometimes"}, "restartPolicy"),
        ({"startupOrder": -1}, "startupOrder"),
        ({"env": ["A"]}, "env"),
        ({"env": {"A": {}}}, "env A"),
    ],
)
def test_a_malformed_module_is_400_and_named(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ManifestError, match=f"module scorer.*{told}") as caught:
        parse_desired(desired(**change))
    assert caught.value.code == 400


@pytest.mark.parametrize("name", ["../x", "a/b", ".", "a b", ""])
def test_a_name_that_is_no_folder_is_400(name: str) -> None:
    with pytest.raises(ManifestError, match="no name for a module") as caught:
        parse_desired({**desired(), "modules": {name: {"settings": {"image": IMAGE}}}})
    assert caught.value.code == 400


def test_a_tag_is_taken_where_the_policy_allows_it() -> None:
    settings = {"settings": {"image": "localhost:18443/scorer:1.0"}}
    state = parse_desired(desired(**settings), require_digests=False)
    assert state.modules["scorer"].image.endswith(":1.0")
