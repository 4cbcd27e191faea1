import base64
import json
import os
import stat
from pathlib import Path

import pytest

from edgectl.local_environment import (
    HubAddress,
    local_variables,
    make_secrets,
    read_hub_address,
    write_env_file,
)
from edgectl.programs import (
    chosen_places,
    code_environment,
    dagster_programs,
    fleet_program,
    hub_program,
    plain_environment,
)
from protos.errors import ConfigurationError, Unavailable
from resources.settings import load_settings, read_env_file

ADDRESS = HubAddress(7, "localhost:1", "127.0.0.2", "/ca.pem", "localhost:1", "/telemetry")


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    first = make_secrets(tmp_path)
    assert set(first) == {"EDGE_HUB_KEY", "EDGE_REGISTRY_PASSWORD", "EDGE_FLEET_KEY"}
    assert len(set(first.values())) == 3
    assert all(len(base64.b64decode(value)) == 32 for value in first.values())
    assert make_secrets(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "local.env").stat().st_mode) == 0o600


def test_what_else_is_in_the_file_is_kept(tmp_path: Path) -> None:
    write_env_file(tmp_path / "local.env", {"EDGE_REGISTRY": "x", "EDGE_FLEET_KEY": "a2V5"})
    assert make_secrets(tmp_path)["EDGE_FLEET_KEY"] == "a2V5"
    assert read_env_file(tmp_path / "local.env")["EDGE_REGISTRY"] == "x"


def test_a_file_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    (tmp_path / "local.env").chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        make_secrets(tmp_path)


def test_the_variables_are_settings(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("")
    address = HubAddress(7, "localhost:1", "127.0.0.2", str(ca), "localhost:1", "/telemetry")
    made = make_secrets(tmp_path)
    settings = load_settings(local_variables(tmp_path, made, address))
    assert made["EDGE_HUB_KEY"] in settings.required_hub()
    assert (settings.registry, settings.hub_ca) == ("localhost:1", ca)
    assert settings.registry_username == "edge"


def test_no_child_gets_a_secret_that_is_not_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_HUB_CONNECTION_STRING", "of another hub")
    made = make_secrets(tmp_path)
    hub = hub_program(tmp_path, made)
    fleet = fleet_program(tmp_path, made, ADDRESS, ["line-1", "line-2"])
    own = {name for name in hub.environment if name.startswith("EDGE_")}
    assert own - {"EDGE_RUNTIME"} == {"EDGE_HUB_KEY", "EDGE_REGISTRY_PASSWORD"}
    own = {name for name in fleet.environment if name.startswith("EDGE_")}
    assert own - {"EDGE_RUNTIME"} == {"EDGE_FLEET_KEY"}
    for spec in (hub, fleet):
        assert not any(secret in " ".join(spec.command) for secret in made.values())
        assert not any(secret in repr(spec) for secret in made.values())
    assert "line-1,line-2" in fleet.command


def test_the_runtime_that_was_forced_is_handed_on() -> None:
    env = plain_environment({"PATH": "/bin", "EDGE_RUNTIME": "host", "EDGE_HUB_KEY": "x"})
    assert env["EDGE_RUNTIME"] == "host"
    assert env["PATH"] == "/bin"
    assert "EDGE_HUB_KEY" not in env


def test_dagster_finds_the_users_models_and_their_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGE_MODELS", os.pathsep.join(["models", "", "/srv/more"]))
    monkeypatch.setenv("EDGE_COMMIT", "abc1234")
    monkeypatch.setenv("EDGE_HUB_KEY", "of another hub")
    monkeypatch.setenv("EDGE_ALERT_WEBHOOK", "https://chat.example.org/secret")
    monkeypatch.setenv("EDGE_SMTP_PASSWORD", "secret")
    for spec in dagster_programs(tmp_path / "home", {"EDGE_HUB_CA": "/ca.pem"}, 3000):
        own = {name: value for name, value in spec.environment.items() if name.startswith("EDGE_")}
        own.pop("EDGE_RUNTIME", None)
        assert own == {
            "EDGE_MODELS": f"{tmp_path}/models{os.pathsep}/srv/more",
            "EDGE_COMMIT": "abc1234",
            "EDGE_ALERT_WEBHOOK": "https://chat.example.org/secret",
            "EDGE_SMTP_PASSWORD": "secret",
            "EDGE_HUB_CA": "/ca.pem",
        }
    for other in (hub_program(tmp_path, make_secrets(tmp_path)).environment, plain_environment()):
        assert {"EDGE_MODELS", "EDGE_COMMIT", "EDGE_SMTP_PASSWORD"} & other.keys() == set()
    assert code_environment({"EDGE_MODELS": "", "EDGE_COMMIT": ""}) == {}


def test_dagster_looks_where_the_user_delivers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    chosen = {"EDGE_LANDING": "in", "EDGE_ARTIFACTS": "abfs://store@x", "EDGE_QUARANTINE": ""}
    assert chosen_places({**chosen, "EDGE_FLEET_KEY": "a2V5"}) == {
        "EDGE_LANDING": str(tmp_path / "in"),
        "EDGE_ARTIFACTS": "abfs://store@x",
    }


def test_the_hubs_address_is_read_when_it_is_there(tmp_path: Path) -> None:
    assert read_hub_address(tmp_path) is None
    said = {**ADDRESS.__dict__, "something": "newer"}
    (tmp_path / "hub.json").write_text(json.dumps(said))
    assert read_hub_address(tmp_path) == ADDRESS


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pid": 1}'])
def test_a_damaged_address_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "hub.json").write_text(text)
    with pytest.raises(Unavailable, match=r"hub\.json cannot be read"):
        read_hub_address(tmp_path)
