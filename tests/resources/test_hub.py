"""The adapter's handling of the wire: what is sent, what is retried, what errors become."""

from pathlib import Path
from typing import Any

import pytest

from protos.errors import ConfigurationError, DeadlineExceeded, NotFound, Unavailable
from resources.hub import Hub

from .conftest import ScriptedHub

CONTENT = {"modulesContent": {"$edgeAgent": {"properties.desired.modules.m": {"version": "1.0"}}}}


@pytest.fixture
def hub(scripted: ScriptedHub) -> Hub:
    return Hub(scripted.connection_string, scripted.ca)


def stored(**changes: Any) -> dict[str, Any]:
    return {
        "id": "m-r0001-abc",
        "content": CONTENT,
        "targetCondition": "tags.ring='canary'",
        "priority": 5,
        "labels": {"edge-model": "m"},
        "etag": "MQ==",
        **changes,
    }


def test_a_configuration_is_created_with_its_content(scripted: ScriptedHub, hub: Hub) -> None:
    scripted.answer(404, {"Message": "ErrorCode:ConfigurationNotFound"})
    scripted.answer(200, stored())
    hub.put_configuration("m-r0001-abc", CONTENT, "tags.ring='canary'", 5, {"edge-model": "m"})
    sent = scripted.seen[-1]
    assert (sent.method, sent.path.split("?")[0]) == ("PUT", "/configurations/m-r0001-abc")
    assert sent.body["content"] == CONTENT
    assert sent.body["priority"] == 5
    assert "If-Match" not in sent.headers


def test_the_same_content_again_only_updates_the_target(scripted: ScriptedHub, hub: Hub) -> None:
    scripted.answer(200, stored())
    hub.put_configuration("m-r0001-abc", CONTENT, "tags.ring IN ['a','b']", 5)
    assert [request.method for request in scripted.seen] == ["GET", "GET", "PUT"]
    assert scripted.seen[-1].body["targetCondition"] == "tags.ring IN ['a','b']"


def test_other_content_under_a_taken_id_is_refused(scripted: ScriptedHub, hub: Hub) -> None:
    scripted.answer(200, stored(content={"modulesContent": {"$edgeAgent": {}}}))
    with pytest.raises(ConfigurationError, match="content is immutable"):
        hub.put_configuration("m-r0001-abc", CONTENT, "tags.ring='canary'", 5)
    assert [request.method for request in scripted.seen] == ["GET"]


def test_an_update_quotes_the_etag_and_keeps_the_rest(scripted: ScriptedHub, hub: Hub) -> None:
    scripted.answer(200, stored())
    hub.update_target("m-r0001-abc", "tags.ring='early'")
    sent = scripted.seen[-1]
    assert sent.headers["If-Match"] == '"MQ=="'
    assert sent.body["targetCondition"] == "tags.ring='early'"
    assert sent.body["labels"] == {"edge-model": "m"}
    assert sent.body["priority"] == 5


def test_a_lost_race_is_run_again_with_the_new_etag(scripted: ScriptedHub, hub: Hub) -> None:
    scripted.answer(200, stored())
    scripted.answer(412, {"Message": "ErrorCode:PreconditionFailed"})
    scripted.answer(200, stored(etag="Mg=="))
    hub.update_target("m-r0001-abc", priority=9)
    assert [r.headers.get("If-Match") for r in scripted.seen if r.method == "PUT"] == [
        '"MQ=="',
        '"Mg=="',
    ]


def test_races_that_are_always_lost_end(scripted: ScriptedHub, hub: Hub) -> None:
    for _ in range(3):
        scripted.answer(200, stored())
        scripted.answer(412, {"Message": "ErrorCode:PreconditionFailed"})
    with pytest.raises(Unavailable, match="somebody else changed it 3 times"):
        hub.update_target("m-r0001-abc", priority=9)


def test_a_query_is_read_page_by_page(scripted: ScriptedHub, hub: Hub) -> None:
    scripted.answer(200, [{"deviceId": "a"}], x_ms_continuation="more", x_ms_item_type="Twin")
    scripted.answer(200, [{"deviceId": "b"}], x_ms_item_type="Twin")
    assert [twin.device_id for twin in hub.devices()] == ["a", "b"]
    assert scripted.seen[1].headers["x-ms-continuation"] == "more"
    assert "capabilities.iotEdge = true" in scripted.seen[0].body["query"]


def test_a_throttled_query_is_asked_again(scripted: ScriptedHub, hub: Hub) -> None:
    scripted.answer(429, {"Message": "ErrorCode:ThrottlingException"}, Retry_After="0")
    scripted.answer(200, [{"deviceId": "a"}], x_ms_item_type="Twin")
    assert len(hub.devices()) == 1
    assert len(scripted.seen) == 2


def test_throttling_without_an_end_is_told(scripted: ScriptedHub, hub: Hub) -> None:
    scripted.answer(429, {"Message": "ErrorCode:ThrottlingException"})
    with pytest.raises(Unavailable, match="add units"):
        hub.devices()


def test_agents_carry_the_status_of_configurations(scripted: ScriptedHub, hub: Hub) -> None:
    agent = {
        "deviceId": "a",
        "moduleId": "$edgeAgent",
        "connectionState": "Connected",
        "lastActivityTime": "2026-01-01T00:00:00.5Z",
        "configurations": {"m-r0001-abc": {"status": "Applied"}},
        "properties": {"desired": {"$version": 4}, "reported": {"lastDesiredVersion": 4}},
    }
    scripted.answer(200, [agent], x_ms_item_type="Twin")
    (twin,) = hub.edge_agents()
    assert twin.configurations == {"m-r0001-abc": "Applied"}
    assert twin.connected
    assert twin.last_activity is not None
    assert twin.last_activity.isoformat() == "2026-01-01T00:00:00.500000+00:00"
    assert twin.desired["$version"] == 4


def test_the_fleet_is_observed_in_three_queries(scripted: ScriptedHub, hub: Hub) -> None:
    scripted.answer(200, [{"deviceId": "a", "tags": {"ring": "canary"}}])
    scripted.answer(200, [{"deviceId": "a", "moduleId": "$edgeAgent"}])
    reported = {"smoke_test": {"passed": True}}
    scripted.answer(
        200,
        [{"deviceId": "a", "moduleId": "m_smoke_test", "properties": {"reported": reported}}],
    )
    (device,) = hub.observe("m")
    assert (device.ring, device.smoke) == ("canary", {"passed": True})
    assert len(scripted.seen) == 3


def test_a_direct_method_is_asked_once_only(scripted: ScriptedHub, hub: Hub) -> None:
    scripted.answer(504, {"Message": "ErrorCode:GatewayTimeout"})
    with pytest.raises(DeadlineExceeded):
        hub.invoke_method("a", "m_smoke_test", "smokeTest", deadline_seconds=5)
    assert len(scripted.seen) == 1
    assert scripted.seen[0].body["responseTimeoutInSeconds"] == 5


def test_a_direct_method_brings_its_answer(scripted: ScriptedHub, hub: Hub) -> None:
    scripted.answer(200, {"status": 412, "payload": {"passed": False}})
    answer = hub.invoke_method("a", "m_smoke_test", "smokeTest", {})
    assert (answer.status, answer.payload) == (412, {"passed": False})


def test_a_device_that_is_not_online_is_unavailable_not_unknown(
    scripted: ScriptedHub, hub: Hub
) -> None:
    scripted.answer(404, {"Message": "ErrorCode:DeviceNotOnline;404103"})
    with pytest.raises(Unavailable, match="wait until the device is connected"):
        hub.invoke_method("a", "m_smoke_test", "smokeTest")


def test_creating_a_known_device_repairs_its_key(scripted: ScriptedHub, hub: Hub) -> None:
    identity = {
        "deviceId": "a",
        "etag": "MQ==",
        "status": "enabled",
        "authentication": {"symmetricKey": {"primaryKey": "b2xk"}},
        "capabilities": {"iotEdge": True},
    }
    scripted.answer(409, {"Message": "ErrorCode:DeviceAlreadyExists"})
    scripted.answer(200, identity)
    assert hub.create_device("a", "bmV3", {"ring": "canary"}) is False
    methods = [(request.method, request.path.split("?")[0]) for request in scripted.seen]
    assert methods == [
        ("PUT", "/devices/a"),
        ("GET", "/devices/a"),
        ("PUT", "/devices/a"),
        ("PATCH", "/twins/a"),
    ]
    assert scripted.seen[2].headers["If-Match"] == '"MQ=="'
    assert scripted.seen[3].body["tags"] == {"ring": "canary"}


def test_deleting_what_is_gone_is_fine(scripted: ScriptedHub, hub: Hub) -> None:
    scripted.answer(404, {"Message": "ErrorCode:ConfigurationNotFound"})
    assert hub.delete_configuration("m-r0001-abc") is False
    scripted.answers[:] = [(204, None, {})]
    assert hub.delete_configuration("m-r0001-abc") is True
    assert scripted.seen[0].method == "DELETE"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ConfigurationError),
        (401, ConfigurationError),
        (403, ConfigurationError),
        (404, NotFound),
        (409, Unavailable),
    ],
)
def test_each_refusal_is_told_in_the_hubs_words(
    scripted: ScriptedHub, hub: Hub, status: int, error: type[Exception]
) -> None:
    scripted.answer(status, {"Message": "the hub's own words"})
    with pytest.raises(error, match="the hub's own words") as caught:
        hub.module_twin("a", "m")
    assert "c2VjcmV0" not in str(caught.value)


def test_an_untrusted_certificate_names_the_setting(scripted: ScriptedHub) -> None:
    scripted.answer(200, [])
    with pytest.raises(ConfigurationError, match="EDGE_HUB_CA"):
        Hub(scripted.connection_string, None).devices()
    assert scripted.seen == []


def test_a_missing_ca_file_is_told(scripted: ScriptedHub, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="EDGE_HUB_CA"):
        Hub(scripted.connection_string, tmp_path / "none.pem").devices()


def test_a_hub_that_is_not_there_is_unavailable() -> None:
    nowhere = "HostName=localhost:1;SharedAccessKeyName=o;SharedAccessKey=c2VjcmV0"
    with pytest.raises(Unavailable, match="edgectl up") as caught:
        Hub(nowhere).invoke_method("a", "m", "smokeTest")
    assert "c2VjcmV0" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "HostName=h", "HostName=h;SharedAccessKeyName=o"])
def test_a_damaged_connection_string_is_told_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigurationError, match="EDGE_HUB_CONNECTION_STRING"):
        Hub(text).devices()
