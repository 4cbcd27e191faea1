import base64
from pathlib import Path
from typing import Any

import pytest
from azure.iot.hub import IoTHubRegistryManager

from edge.device.identity import HubIdentities
from edge.local_hub.testing import RunningHub, running_hub
from protos.errors import NotFound, Unavailable

KEY = base64.b64encode(b"the key of the device").decode()
GOOD = {"authentication": {"symmetricKey": {"primaryKey": "a2V5"}}}


class Scripted(HubIdentities):
    """Answers from a script instead of a hub; the calls are kept in `calls`."""

    def __init__(self, *answers: Any) -> None:
        super().__init__("localhost:1", "line-1", KEY, ca=None)
        self.answers = list(answers)
        self.calls: list[tuple[str, str, Any]] = []

    def _call(self, method: str, module_id: str, body: Any) -> tuple[int, Any]:
        self.calls.append((method, module_id, body))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, value = answer
        return status, value


def test_a_known_module_is_asked_for() -> None:
    identities = Scripted((200, GOOD))
    assert identities.module_key("scorer") == "a2V5"
    assert identities.calls == [("GET", "scorer", None)]


def test_an_unknown_module_is_registered() -> None:
    identities = Scripted((404, None), (200, GOOD))
    assert identities.module_key("scorer") == "a2V5"
    assert identities.calls[1] == (
        "PUT",
        "scorer",
        {"deviceId": "line-1", "moduleId": "scorer", "managedBy": "IotEdge"},
    )


def test_the_last_key_serves_while_the_hub_is_away() -> None:
    identities = Scripted((200, GOOD), Unavailable("away"), (503, None), Unavailable("away"))
    assert [identities.module_key("scorer") for _ in range(3)] == ["a2V5"] * 3
    with pytest.raises(Unavailable):
        identities.module_key("other")


@pytest.mark.parametrize("status", [401, 403, 200])
def test_a_device_that_is_refused_is_told_what_to_check(status: int) -> None:
    with pytest.raises(NotFound, match="group key of the fleet") as caught:
        Scripted((status, {"Message": "no"})).module_key("scorer")
    assert KEY not in str(caught.value)


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        HubIdentities("localhost:1", "line-1", KEY, ca=None, timeout=1).module_key("scorer")


def test_the_local_hub_gives_a_device_its_own_keys_only(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        _register(hub, "line-1")
        identities = HubIdentities(hub.host, "line-1", KEY, ca=hub.ca)
        assert base64.b64decode(identities.module_key("$edgeAgent"))
        assert identities.module_key("scorer") == identities.module_key("scorer")
        wrong = base64.b64encode(b"another key").decode()
        with pytest.raises(NotFound):
            HubIdentities(hub.host, "line-1", wrong, ca=hub.ca).module_key("scorer")


def _register(hub: RunningHub, device: str) -> None:
    manager = IoTHubRegistryManager.from_connection_string(hub.connection_string)
    manager.protocol.config.connection.verify = str(hub.ca)
    manager.create_device_with_sas(device, KEY, KEY, "enabled", iot_edge=True)
