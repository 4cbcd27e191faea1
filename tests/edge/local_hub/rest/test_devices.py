"""Identities, by the service SDK."""

import base64
import uuid
from typing import Any

import pytest
from azure.iot.hub.models import Twin
from azure.iot.hub.protocol.models import (
    AuthenticationMechanism,
    DeviceCapabilities,
    ExportImportDevice,
)
from msrest.exceptions import HttpOperationError

KEY = base64.b64encode(b"k" * 32).decode()
SECOND = base64.b64encode(b"s" * 32).decode()


def refused(call: Any, *arguments: Any, **more: Any) -> tuple[int, str]:
    """(status, error code) of a refused call."""
    with pytest.raises(HttpOperationError) as caught:
        call(*arguments, **more)
    response = caught.value.response
    return response.status_code, response.headers["iothub-errorcode"]


def new_id() -> str:
    return f"t-{uuid.uuid4().hex[:8]}"


def test_create_get_update_delete(service: Any) -> None:
    registry, name = service.registry, new_id()
    made = registry.create_device_with_sas(name, KEY, SECOND, "enabled", iot_edge=True)
    assert made.authentication.symmetric_key.primary_key == KEY
    assert made.capabilities.iot_edge is True
    assert made.connection_state == "Disconnected"
    updated = registry.update_device_with_sas(
        name, made.etag, SECOND, KEY, "disabled", iot_edge=True
    )
    found = registry.get_device(name)
    assert (found.status, found.etag) == ("disabled", updated.etag)
    assert found.authentication.symmetric_key.primary_key == SECOND
    assert found.generation_id == made.generation_id
    registry.delete_device(name)
    assert refused(registry.get_device, name) == (404, "DeviceNotFound")


def test_a_second_device_of_that_name_is_refused(service: Any) -> None:
    name = service.device()
    answer = refused(service.registry.create_device_with_sas, name, KEY, KEY, "enabled")
    assert answer == (409, "DeviceAlreadyExists")


def test_an_old_etag_is_refused_and_a_star_is_not(service: Any) -> None:
    name = service.device()
    old = service.registry.get_device(name).etag
    new = service.registry.update_device_with_sas(
        name, old, KEY, KEY, "enabled", iot_edge=True
    ).etag
    assert new != old
    update = service.registry.update_device_with_sas
    assert refused(update, name, old, KEY, KEY, "enabled") == (412, "PreconditionFailed")
    assert refused(service.registry.delete_device, name, old) == (412, "PreconditionFailed")
    assert update(name, "*", KEY, KEY, "enabled", iot_edge=True).etag != new


def test_updating_what_is_not_there_is_refused(service: Any) -> None:
    update = service.registry.update_device_with_sas
    assert refused(update, new_id(), "x", KEY, KEY, "enabled") == (404, "DeviceNotFound")


@pytest.mark.parametrize("name", ["a b", "ä", "x" * 129, "a#b"])
def test_a_wrong_id_is_refused(service: Any, name: str) -> None:
    create = service.registry.create_device_with_sas
    assert refused(create, name, KEY, KEY, "enabled") == (400, "ArgumentInvalid")


@pytest.mark.parametrize(("primary", "secondary"), [("short", KEY), (KEY, ""), ("!" * 44, KEY)])
def test_a_wrong_key_is_refused(service: Any, primary: str, secondary: str) -> None:
    create = service.registry.create_device_with_sas
    assert refused(create, new_id(), primary, secondary, "enabled") == (400, "ArgumentInvalid")


def test_the_edge_capability_cannot_change(service: Any) -> None:
    name = service.device(edge=True)
    update = service.registry.update_device_with_sas
    assert refused(update, name, "*", KEY, KEY, "enabled", iot_edge=False) == (
        400,
        "ArgumentInvalid",
    )


def test_an_edge_device_has_its_system_modules_and_another_has_none(service: Any) -> None:
    edge, plain = service.device(edge=True), service.device(edge=False)
    modules = service.registry.get_modules(edge)
    assert [(one.module_id, one.managed_by) for one in modules] == [
        ("$edgeAgent", "IotEdge"),
        ("$edgeHub", "IotEdge"),
    ]
    assert service.registry.get_modules(plain) == []


def test_modules_create_get_update_delete(service: Any) -> None:
    registry, name = service.registry, service.device()
    made = registry.create_module_with_sas(name, "m", "me", KEY, SECOND)
    assert (made.module_id, made.managed_by) == ("m", "me")
    registry.update_module_with_sas(name, "m", "you", made.etag, SECOND, KEY)
    assert registry.get_module(name, "m").managed_by == "you"
    create = registry.create_module_with_sas
    assert refused(create, name, "m", "me", KEY, KEY) == (409, "ModuleAlreadyExists")
    registry.delete_module(name, "m")
    assert refused(registry.get_module, name, "m") == (404, "ModuleNotFound")
    assert refused(registry.get_module, "nobody", "m") == (404, "DeviceNotFound")
    assert refused(create, "nobody", "m", "me", KEY, KEY) == (404, "DeviceNotFound")


def test_a_device_takes_its_modules_and_twins_along(service: Any) -> None:
    name = service.device(ring="x")
    service.registry.delete_device(name)
    service.registry.create_device_with_sas(name, "", "", "enabled", iot_edge=False)
    assert service.registry.get_modules(name) == []
    assert service.registry.get_twin(name).tags == {}


def test_at_most_fifty_modules(service: Any) -> None:
    name = service.device()
    for number in range(50):
        service.registry.create_module_with_sas(name, f"m{number}", "", KEY, KEY)
    create = service.registry.create_module_with_sas
    assert refused(create, name, "m50", "", KEY, KEY) == (403, "ModulesMaximumReached")


def entry(name: str, mode: str = "create", **more: Any) -> ExportImportDevice:
    return ExportImportDevice(
        id=name,
        import_mode=mode,
        authentication=AuthenticationMechanism(type="sas"),
        capabilities=DeviceCapabilities(iot_edge=True),
        **more,
    )


def test_bulk_creates_with_tags_updates_and_deletes(service: Any) -> None:
    bulk, one, two = service.registry.bulk_create_or_update_devices, new_id(), new_id()
    assert bulk([entry(one, tags={"ring": "early"}), entry(two)]).is_successful
    assert service.registry.get_twin(one).tags == {"ring": "early"}
    answer = bulk([entry(one, "updateTwin", tags={"ring": "broad"}), entry(two, "delete")])
    assert answer.is_successful
    assert service.registry.get_twin(one).tags == {"ring": "broad"}
    assert refused(service.registry.get_device, two) == (404, "DeviceNotFound")


def test_bulk_tells_what_failed_and_does_the_rest(service: Any) -> None:
    name = service.device()
    fresh = new_id()
    answer = service.registry.bulk_create_or_update_devices(
        [entry(name), entry(fresh), entry("x", "fly"), entry("y", "updateIfMatchETag", e_tag="z")]
    )
    assert not answer.is_successful
    assert [(one.device_id, one.error_code) for one in answer.errors] == [
        (name, "DeviceAlreadyExists"),
        ("x", "ArgumentInvalid"),
        ("y", "DeviceNotFound"),
    ]
    assert service.registry.get_device(fresh).device_id == fresh


def test_bulk_takes_at_most_a_hundred(service: Any) -> None:
    names = [new_id() for _ in range(101)]
    answer = service.registry.bulk_create_or_update_devices([entry(name) for name in names])
    assert not answer.is_successful  # the SDK reads a 400 as an answer without results
    assert refused(service.registry.get_device, names[0]) == (404, "DeviceNotFound")


def test_lists_and_statistics(service: Any) -> None:
    name = service.device()
    assert name in [one.device_id for one in service.registry.get_devices()]
    assert len(service.registry.get_devices(2)) == 2
    statistics = service.registry.get_device_registry_statistics()
    assert statistics.total_device_count == len(service.registry.get_devices())
    assert statistics.enabled_device_count + statistics.disabled_device_count == (
        statistics.total_device_count
    )
    assert service.registry.get_service_statistics().connected_device_count == 0


def test_a_new_device_has_an_empty_twin(service: Any) -> None:
    name = new_id()
    service.registry.create_device_with_sas(name, "", "", "enabled")
    twin = service.registry.get_twin(name)
    assert isinstance(twin, Twin)
    assert (twin.tags, twin.version, twin.etag) == ({}, 1, "AAAAAAAAAAE=")
    assert twin.properties.desired["$version"] == 1
