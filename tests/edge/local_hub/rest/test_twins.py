"""Twins and queries, by the service SDK."""

from typing import Any

import pytest
from azure.iot.hub.models import QuerySpecification, Twin, TwinProperties
from msrest.exceptions import HttpOperationError


def status_of(call: Any, *arguments: Any) -> int:
    with pytest.raises(HttpOperationError) as caught:
        call(*arguments)
    return int(caught.value.response.status_code)


def desired(values: dict[str, Any]) -> Twin:
    return Twin(properties=TwinProperties(desired=values))


def test_patch_merges_and_put_replaces(service: Any) -> None:
    registry, name = service.registry, service.device(ring="canary")
    registry.update_twin(name, Twin(tags={"site": {"a": 1, "b": 2}}))
    registry.update_twin(name, Twin(tags={"site": {"a": None}}))
    assert registry.get_twin(name).tags == {"ring": "canary", "site": {"b": 2}}
    registry.replace_twin(name, Twin(tags={"x": 1}, properties=TwinProperties(desired={"p": 1})))
    twin = registry.get_twin(name)
    assert twin.tags == {"x": 1}
    assert twin.properties.desired["p"] == 1
    assert twin.properties.desired["$version"] == 2
    registry.replace_twin(name, Twin(tags={"x": 1}))
    assert "p" not in registry.get_twin(name).properties.desired


def test_a_twin_that_was_read_can_be_written_back(service: Any) -> None:
    registry, name = service.registry, service.device(ring="canary")
    registry.update_twin(name, desired({"p": {"q": 1}}))
    twin = registry.get_twin(name)
    registry.replace_twin(name, twin)
    again = registry.get_twin(name)
    assert again.properties.desired["p"] == {"q": 1}
    assert again.properties.desired["$version"] == twin.properties.desired["$version"]


def test_etags(service: Any) -> None:
    registry, name = service.registry, service.device()
    old = registry.get_twin(name).etag
    registry.update_twin(name, Twin(tags={"a": 1}), old)
    assert status_of(registry.update_twin, name, Twin(tags={"a": 2}), old) == 412
    assert status_of(registry.replace_twin, name, Twin(tags={"a": 2}), old) == 412
    assert registry.get_twin(name).tags["a"] == 1


def test_module_twins(service: Any) -> None:
    registry, name = service.registry, service.device()
    registry.create_module_with_sas(name, "m", "", "", "")
    registry.update_module_twin(name, "m", desired({"release": "r1"}))
    twin = registry.get_module_twin(name, "m")
    assert (twin.module_id, twin.properties.desired["release"]) == ("m", "r1")
    assert status_of(registry.get_module_twin, name, "nobody") == 404
    assert status_of(registry.get_twin, "nobody") == 404


def test_limits_of_twins(service: Any) -> None:
    registry, name = service.registry, service.device()
    big = {f"k{n}": "x" * 4000 for n in range(9)}
    assert status_of(registry.update_twin, name, desired(big)) == 400
    assert status_of(registry.update_twin, name, Twin(tags=dict(list(big.items())[:3]))) == 400
    assert status_of(registry.update_twin, name, Twin(tags={"a.b": 1})) == 400
    assert registry.get_twin(name).properties.desired["$version"] == 1


def ask(service: Any, text: str, token: str | None = None, size: int | None = None) -> Any:
    return service.registry.query_iot_hub(QuerySpecification(query=text), token, size)


def test_queries_by_tags_and_system_columns(service: Any) -> None:
    edge, plain = service.device(ring="q1"), service.device(ring="q1", edge=False)
    found = ask(service, "SELECT * FROM devices WHERE tags.ring = 'q1'")
    assert [one.device_id for one in found.items] == sorted([edge, plain])
    found = ask(
        service,
        "SELECT deviceId FROM devices WHERE tags.ring = 'q1' AND capabilities.iotEdge = true "
        "AND connectionState = 'Disconnected' AND deviceId NOT IN ['nobody']",
    )
    assert [one.device_id for one in found.items] == [edge]


def test_queries_of_modules(service: Any) -> None:
    name = service.device()
    service.registry.create_module_with_sas(name, "smoke", "", "", "")
    service.registry.update_module_twin(name, "smoke", desired({"release": "r7"}))
    text = (
        "SELECT deviceId, moduleId, properties.desired.release AS release FROM devices.modules "
        "WHERE moduleId = 'smoke' AND IS_DEFINED(properties.desired.release)"
    )
    (found,) = ask(service, text).items
    assert (found.device_id, found.module_id) == (name, "smoke")
    assert found.additional_properties == {"release": "r7"}


def test_counts(service: Any) -> None:
    for _ in range(3):
        service.device(ring="counted")
    text = "SELECT COUNT() AS n FROM devices WHERE tags.ring = 'counted'"
    assert ask(service, text).items[0].additional_properties == {"n": 3}


def test_pages(service: Any) -> None:
    names = sorted(service.device(ring="paged") for _ in range(5))
    text, found, token, pages = "SELECT * FROM devices WHERE tags.ring = 'paged'", [], None, 0
    while True:
        page = ask(service, text, token, 2)
        found += [one.device_id for one in page.items]
        token, pages = page.continuation_token, pages + 1
        if not token:
            break
    assert (found, pages) == (names, 3)


def test_a_token_belongs_to_its_query(service: Any) -> None:
    for _ in range(2):
        service.device(ring="token")
    token = ask(service, "SELECT * FROM devices", None, 1).continuation_token
    assert token
    assert status_of(ask, service, "SELECT deviceId FROM devices", token) == 400
    assert status_of(ask, service, "SELECT * FROM devices", "nonsense") == 400


@pytest.mark.parametrize("text", ["SELECT", "SELECT * FROM jobs", "DELETE FROM devices"])
def test_a_wrong_query_is_refused_with_a_reason(service: Any, text: str) -> None:
    with pytest.raises(HttpOperationError) as caught:
        ask(service, text)
    assert caught.value.response.status_code == 400
    assert "the query is not valid" in caught.value.response.json()["Message"]
