"""Settings and addresses."""

import json
import socket
from pathlib import Path

import pytest

from edge.local_hub.settings import HubSettings, choose_addresses
from protos.errors import ConfigurationError

SECRETS = {"EDGE_HUB_KEY": "a2V5a2V5a2V5a2V5", "EDGE_REGISTRY_PASSWORD": "hidden"}


def settings(state: Path, port: int | None = None) -> HubSettings:
    return HubSettings(state, "a2V5", "password", port)


def folder(root: Path, name: str) -> Path:
    (root / name).mkdir()
    return root / name


def test_secrets_come_from_the_environment_and_are_not_shown(tmp_path: Path) -> None:
    found = HubSettings.from_environment(tmp_path, None, SECRETS)
    assert found.owner_key == SECRETS["EDGE_HUB_KEY"]
    assert "hidden" not in repr(found)
    assert SECRETS["EDGE_HUB_KEY"] not in repr(found)


@pytest.mark.parametrize("name", list(SECRETS))
def test_a_missing_secret_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} is not set"):
        HubSettings.from_environment(tmp_path, None, {**SECRETS, name: ""})


def test_a_key_that_is_no_base64_is_refused_without_showing_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not base64") as caught:
        HubSettings.from_environment(tmp_path, None, {**SECRETS, "EDGE_HUB_KEY": "!secret"})
    assert "secret" not in str(caught.value)


def test_the_addresses_of_the_last_start_are_taken_again(tmp_path: Path) -> None:
    first = choose_addresses(settings(tmp_path, 0))
    first.close()
    last = {"port": first.port, "gateway": "127.0.0.231"}
    (tmp_path / "addresses.json").write_text(json.dumps(last))
    second = choose_addresses(settings(tmp_path))
    second.close()
    assert (second.port, second.gateway) == (first.port, "127.0.0.231")


def test_a_gateway_that_is_taken_gives_way(tmp_path: Path) -> None:
    first = choose_addresses(settings(folder(tmp_path, "one"), 0))
    second = choose_addresses(settings(folder(tmp_path, "two"), 0))
    first.close()
    second.close()
    assert first.gateway != second.gateway
    assert {first.gateway.rpartition(".")[0], second.gateway.rpartition(".")[0]} == {"127.0.0"}


def test_a_taken_port_that_was_not_asked_for_gives_way(tmp_path: Path) -> None:
    first = choose_addresses(settings(tmp_path, 0))
    second = choose_addresses(settings(tmp_path))
    assert second.port != first.port
    first.close()
    second.close()


def test_a_taken_port_that_was_asked_for_is_an_error(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} is taken"):
            choose_addresses(settings(tmp_path, port))
