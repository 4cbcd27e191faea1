import subprocess
import sys
from pathlib import Path

import pytest

from edge_assets.core.config_schema import Ring
from protos.errors import ConfigurationError
from resources.settings import ENVIRONMENTS, load_settings, read_env_file

KEY = "c2VjcmV0LW9mLXRoZS1odWI="
HUB = f"HostName=localhost:18443;SharedAccessKeyName=iothubowner;SharedAccessKey={KEY}"
SECRETS = {
    "EDGE_HUB_CONNECTION_STRING": HUB,
    "EDGE_REGISTRY_PASSWORD": "hunter2hunter2",
    "EDGE_FLEET_KEY": KEY,
}


def environment(folder: Path, text: str, name: str = "local") -> Path:
    (folder / f"{name}.yaml").write_text(text)
    return folder


def test_data_lies_below_home_unless_said_otherwise(tmp_path: Path) -> None:
    settings = load_settings({"EDGE_HOME": str(tmp_path), "EDGE_LANDING": "abfs://landing@x"})
    assert settings.environment == "local"
    assert settings.home == tmp_path
    assert settings.artifacts == str(tmp_path / "artifacts")
    assert settings.telemetry == str(tmp_path / "hub" / "telemetry")
    assert settings.landing == "abfs://landing@x"


@pytest.mark.parametrize("name", ["local", "dev", "staging", "prod"])
def test_every_shipped_environment_loads(name: str, tmp_path: Path) -> None:
    settings = load_settings({"EDGE_ENVIRONMENT": name, "EDGE_HOME": str(tmp_path)})
    assert settings.environment == name
    assert settings.hub_connection_string is None
    if name != "local":
        assert settings.registry.endswith(".azurecr.io")
        assert settings.artifacts.startswith("abfs://")


def test_an_unknown_environment_is_told_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="dev, local, prod, staging"):
        load_settings({"EDGE_ENVIRONMENT": "production"})
    with pytest.raises(ConfigurationError):
        load_settings({"EDGE_ENVIRONMENT": "../environments/local"})


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    folder = environment(tmp_path, "registri: x\n")
    with pytest.raises(ConfigurationError, match="registri"):
        load_settings({}, folder)


@pytest.mark.parametrize("key", ["registry_password", "hub_connection_string", "fleet_key"])
def test_a_secret_in_the_file_is_refused_and_not_repeated(tmp_path: Path, key: str) -> None:
    folder = environment(tmp_path, f"{key}: hunter2hunter2\n")
    with pytest.raises(ConfigurationError, match="environment variables") as caught:
        load_settings({}, folder)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_yaml_names_the_line(tmp_path: Path) -> None:
    folder = environment(tmp_path, "home: x\nregistry: [\n")
    with pytest.raises(ConfigurationError, match="line"):
        load_settings({}, folder)


def test_a_variable_beats_the_file(tmp_path: Path) -> None:
    folder = environment(tmp_path, "registry: file.azurecr.io\n")
    assert load_settings({"EDGE_HOME": str(tmp_path)}, folder).registry == "file.azurecr.io"
    env = {"EDGE_HOME": str(tmp_path), "EDGE_REGISTRY": "variable.azurecr.io"}
    assert load_settings(env, folder).registry == "variable.azurecr.io"


def test_what_is_missing_is_named_with_its_remedy(tmp_path: Path) -> None:
    settings = load_settings({"EDGE_HOME": str(tmp_path)})
    with pytest.raises(ConfigurationError, match=r"EDGE_HUB_CONNECTION_STRING.*edgectl up"):
        settings.required_hub()
    with pytest.raises(ConfigurationError, match=r"EDGE_REGISTRY.*edgectl up"):
        _ = settings.registry
    production = load_settings({"EDGE_ENVIRONMENT": "prod", "EDGE_HOME": str(tmp_path)})
    with pytest.raises(ConfigurationError, match="set EDGE_FLEET_KEY"):
        production.required_fleet_key()


def test_no_secret_is_shown(tmp_path: Path) -> None:
    settings = load_settings({**SECRETS, "EDGE_HOME": str(tmp_path)})
    assert settings.required_hub() == HUB
    assert settings.required_fleet_key() == KEY
    shown = f"{settings!r} {settings} {settings.model_dump_json()}"
    assert KEY not in shown
    assert "hunter2" not in shown


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("EDGE_HUB_CONNECTION_STRING", f"HostName=h;SharedAccessKey={KEY}", "SharedAccessKeyName"),
        ("EDGE_FLEET_KEY", "hunter2!", "not base64"),
        ("EDGE_HUB_CA", "/none/ca.pem", "no file"),
        ("EDGE_REGISTRY_CA", "/none/ca.pem", "no file"),
    ],
)
def test_a_malformed_variable_is_named_without_its_value(
    tmp_path: Path, variable: str, value: str, told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        load_settings({"EDGE_HOME": str(tmp_path), variable: value})
    assert variable in str(caught.value)
    assert KEY not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def local_env(home: Path, text: str, mode: int = 0o600) -> Path:
    path = home / "local.env"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_local_env_fills_what_is_not_set(tmp_path: Path) -> None:
    local_env(tmp_path, f"# written by edgectl up\n\nEDGE_REGISTRY=file:1\nEDGE_FLEET_KEY={KEY}\n")
    settings = load_settings({"EDGE_HOME": str(tmp_path), "EDGE_REGISTRY": "variable:2"})
    assert settings.required_fleet_key() == KEY
    assert settings.registry == "variable:2"


def test_local_env_is_for_the_local_environment_only(tmp_path: Path) -> None:
    local_env(tmp_path, f"EDGE_FLEET_KEY={KEY}\n")
    settings = load_settings({"EDGE_ENVIRONMENT": "dev", "EDGE_HOME": str(tmp_path)})
    assert settings.fleet_key is None


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_secrets_that_others_may_read_are_not_used(tmp_path: Path, mode: int) -> None:
    path = local_env(tmp_path, f"EDGE_FLEET_KEY={KEY}\n", mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_settings({"EDGE_HOME": str(tmp_path)})
    path.chmod(0o600)
    assert load_settings({"EDGE_HOME": str(tmp_path)}).required_fleet_key() == KEY


@pytest.mark.parametrize("line", ["hunter2", "lower=hunter2", "=hunter2"])
def test_a_damaged_line_is_named_without_its_content(tmp_path: Path, line: str) -> None:
    path = local_env(tmp_path, f"EDGE_REGISTRY=x\n{line}\n")
    with pytest.raises(ConfigurationError, match="line 2") as caught:
        read_env_file(path)
    assert "hunter2" not in str(caught.value)


def test_rings_keep_their_gates_and_soak_no_longer_than_allowed(tmp_path: Path) -> None:
    rings = [
        Ring(
            name=name,
            proven_share=1.0,
            max_failed=0.0,
            min_sample=1,
            soak_seconds=soak,
            deadline_seconds=600.0,
        )
        for name, soak in (("canary", 30.0), ("broad", 1.0))
    ]
    env = {"EDGE_HOME": str(tmp_path)}
    capped = load_settings(env, environment(tmp_path, "soak_seconds_at_most: 5\n")).rings(rings)
    assert [ring.soak_seconds for ring in capped] == [5.0, 1.0]
    assert capped[1] == rings[1]
    assert load_settings(env, environment(tmp_path, "")).rings(rings) == rings


def test_importing_settings_loads_no_sdk() -> None:
    code = (
        "import sys, resources.settings, resources.hub;"
        "heavy = {'azure.iot.hub', 'dagster', 'msrest', 'uamqp', 'pandas'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_environments_hold_no_secret() -> None:
    files = sorted(ENVIRONMENTS.glob("*.yaml"))
    assert [file.stem for file in files] == ["dev", "local", "prod", "staging"]
    for file in files:
        settings = [line for line in file.read_text().splitlines() if not line.startswith("#")]
        assert not any("password:" in line or "key" in line.lower() for line in settings)


def test_addresses_are_a_list_in_the_file_and_have_commas_in_the_variable(tmp_path: Path) -> None:
    folder = environment(tmp_path, "alert_to: [ada@example.org, ben@example.org]\n")
    home = {"EDGE_HOME": str(tmp_path)}
    assert load_settings(home, folder).alert_to == ("ada@example.org", "ben@example.org")
    both = load_settings({**home, "EDGE_ALERT_TO": "ada@example.org, eve@example.org"}, folder)
    assert both.alert_to == ("ada@example.org", "eve@example.org")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("EDGE_ALERT_TO", "ada"),
        ("EDGE_ALERT_TO", "Ada <ada@example.org>"),
        ("EDGE_ALERT_FROM", "edge@x\nBcc: eve@example.org"),
        ("EDGE_SMTP_PORT", "0"),
        ("EDGE_SMTP_TLS", "perhaps"),
        ("EDGE_DAGSTER_URL", "dagster.example.org"),
    ],
)
def test_a_wrong_value_for_alerts_is_named(tmp_path: Path, variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=variable):
        load_settings({"EDGE_HOME": str(tmp_path), variable: value})


def test_secrets_are_known_so_that_they_can_be_hidden(tmp_path: Path) -> None:
    more = {"EDGE_SMTP_PASSWORD": "pa;ss", "EDGE_ALERT_WEBHOOK": "https://chat.example.org/x"}
    settings = load_settings({**SECRETS, **more, "EDGE_HOME": str(tmp_path)})
    assert settings.secrets() == {*SECRETS.values(), *more.values(), KEY}
    assert "chat.example.org" not in f"{settings!r} {settings.model_dump_json()}"
    assert load_settings({"EDGE_HOME": str(tmp_path)}).secrets() == set()
