"""Who gets in: SAS tokens on every route."""

import time
from typing import Any

import pytest

from edge.local_hub.sas import make_token
from edge.local_hub.settings import REGISTRY_USERNAME

LATER = int(time.time()) + 600
OTHER_KEY = "b3RoZXIga2V5IG90aGVyIGtleQ=="


def get(service: Any, path: str, token: str, method: str = "GET", **more: Any) -> Any:
    url = f"https://{service.hub.host}{path}?api-version=2021-04-12"
    return service.session.request(
        method, url, headers={"Authorization": token}, timeout=10, **more
    )


def test_a_service_token_opens_everything(service: Any) -> None:
    token = make_token(service.hub.host, service.hub.owner_key, LATER, "iothubowner")
    assert get(service, "/devices", token).status_code == 200


def wrong_tokens(service: Any) -> dict[str, str]:
    host, key = service.hub.host, service.hub.owner_key
    return {
        "missing": "",
        "basic": f"Basic {REGISTRY_USERNAME}",
        "wrong key": make_token(host, OTHER_KEY, LATER, "iothubowner"),
        "expired": make_token(host, key, int(time.time()) - 1, "iothubowner"),
        "no policy": make_token(host, key, LATER),
        "unknown policy": make_token(host, key, LATER, "nobody"),
        "wrong host": make_token("localhost:1", key, LATER, "iothubowner"),
        "wrong resource": make_token(f"{host}/devices/x", key, LATER, "iothubowner"),
    }


@pytest.mark.parametrize(
    "kind",
    [
        "missing",
        "basic",
        "wrong key",
        "expired",
        "no policy",
        "unknown policy",
        "wrong host",
        "wrong resource",
    ],
)
def test_every_other_token_is_refused_in_the_same_words(service: Any, kind: str) -> None:
    answer = get(service, "/devices", wrong_tokens(service)[kind])
    assert answer.status_code == 401
    assert answer.json()["Message"] == "ErrorCode:IotHubUnauthorizedAccess;Unauthorized"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/devices"),
        ("POST", "/devices"),
        ("GET", "/devices/d"),
        ("PUT", "/devices/d"),
        ("DELETE", "/devices/d"),
        ("GET", "/devices/d/modules"),
        ("PUT", "/devices/d/modules/m"),
        ("POST", "/devices/query"),
        ("POST", "/devices/d/applyConfigurationContent"),
        ("GET", "/twins/d"),
        ("PATCH", "/twins/d/modules/m"),
        ("POST", "/twins/d/methods"),
        ("POST", "/twins/d/modules/m/methods"),
        ("GET", "/configurations"),
        ("PUT", "/configurations/c"),
        ("POST", "/configurations/testQueries"),
        ("GET", "/statistics/devices"),
        ("GET", "/statistics/service"),
    ],
)
def test_no_route_is_open(service: Any, method: str, path: str) -> None:
    assert get(service, path, "", method, json={}).status_code == 401


def device_token(service: Any, device: str, module: str = "") -> str:
    path = f"devices/{device}/modules/{module}" if module else f"devices/{device}"
    return make_token(f"{service.hub.host}/{path}", service.key(device, module), LATER)


def test_a_device_reads_and_writes_its_own_modules(service: Any) -> None:
    device = service.device()
    token = device_token(service, device)
    found = get(service, f"/devices/{device}/modules", token)
    assert [one["moduleId"] for one in found.json()] == ["$edgeAgent", "$edgeHub"]
    agent = get(service, f"/devices/{device}/modules/%24edgeAgent", token).json()
    key = agent["authentication"]["symmetricKey"]["primaryKey"]
    assert key == service.key(device, "$edgeAgent")
    path = f"/devices/{device}/modules/own"
    made = get(service, path, token, "PUT", json={"managedBy": "IotEdge"})
    assert (made.status_code, made.json()["managedBy"]) == (200, "IotEdge")
    assert get(service, path, token, "DELETE").status_code == 204


def test_a_device_does_nothing_else(service: Any) -> None:
    device, other = service.device(), service.device()
    token = device_token(service, device)
    for path in (
        f"/devices/{other}/modules",
        f"/devices/{other}/modules/$edgeAgent",
        f"/devices/{device}",
        f"/twins/{device}",
        "/configurations",
    ):
        assert get(service, path, token).status_code == 401
    module = device_token(service, device, "$edgeAgent")
    assert get(service, f"/devices/{device}/modules", module).status_code == 401


def test_a_disabled_device_is_out(service: Any) -> None:
    device = service.device()
    token, key = device_token(service, device), service.key(device)
    etag = service.registry.get_device(device).etag
    service.registry.update_device_with_sas(device, etag, key, key, "disabled", iot_edge=True)
    assert get(service, f"/devices/{device}/modules", token).status_code == 401


def test_an_unknown_operation_is_answered_in_the_words_of_the_hub(service: Any) -> None:
    answer = get(service, "/jobs/v2/x", "")
    assert answer.status_code == 404
    assert "does not have this operation" in answer.json()["Message"]


def test_a_body_that_is_too_large_or_too_deep_is_refused(service: Any) -> None:
    token = make_token(service.hub.host, service.hub.owner_key, LATER, "iothubowner")
    large = get(service, "/devices/query", token, "POST", data=b"x" * (4 * 1024 * 1024 + 1))
    assert large.status_code == 413
    deep = get(service, "/devices/query", token, "POST", data=b"[" * 100_000)
    assert deep.status_code == 400
