"""Deployments on devices: the merge at work in the hub."""

from collections.abc import Iterator
from typing import Any

import pytest
from azure.iot.hub.models import ConfigurationContent, Twin
from msrest.exceptions import HttpOperationError

from tests.edge.local_hub.conftest import BASE, MODULE, layer


@pytest.fixture(autouse=True)
def _clean(service: Any) -> Iterator[None]:
    service.deploy("base", BASE, "*", 0)
    yield
    for one in service.configurations.get_configurations():
        service.configurations.delete_configuration(one.id)
    for device in service.registry.get_devices():
        service.registry.delete_device(device.device_id)


def refused(call: Any, *arguments: Any) -> tuple[int, str]:
    with pytest.raises(HttpOperationError) as caught:
        call(*arguments)
    response = caught.value.response
    return response.status_code, response.json()["Message"]


def images(service: Any, device: str) -> dict[str, str]:
    modules = service.desired(device)["modules"]
    return {name: module["settings"]["image"] for name, module in modules.items()}


def modules(service: Any, device: str) -> set[str]:
    return {one.module_id for one in service.registry.get_modules(device)} - {
        "$edgeAgent",
        "$edgeHub",
    }


def widen(service: Any, name: str, condition: str) -> None:
    wanted = service.configurations.get_configuration(name)
    wanted.target_condition = condition
    service.configurations.update_configuration(wanted, f'"{wanted.etag}"')


def test_a_rollout_from_ring_to_ring_and_back(service: Any) -> None:
    canary, broad = service.device(ring="canary"), service.device(ring="broad")
    service.deploy("r1", layer(taxi="v1"), "tags.ring IN ['canary', 'broad']", 1)
    assert (images(service, canary), images(service, broad)) == ({"taxi": "v1"}, {"taxi": "v1"})
    service.deploy("r2", layer(taxi="v2", smoke="s2"), "tags.ring = 'canary'", 2)
    assert images(service, canary) == {"taxi": "v2", "smoke": "s2"}
    assert images(service, broad) == {"taxi": "v1"}
    assert service.statuses(canary) == {"base": "Applied", "r1": "Targeted", "r2": "Applied"}
    assert modules(service, canary) == {"taxi", "smoke"}
    widen(service, "r2", "tags.ring IN ['canary', 'broad']")
    assert images(service, broad) == {"taxi": "v2", "smoke": "s2"}
    service.configurations.delete_configuration("r2")
    assert images(service, canary) == {"taxi": "v1"}
    assert modules(service, canary) == {"taxi"}
    assert service.statuses(canary) == {"base": "Applied", "r1": "Applied"}


def test_what_stays_the_same_keeps_its_version(service: Any) -> None:
    device = service.device(ring="canary")
    service.deploy("r1", layer(taxi="v1"), "tags.ring = 'canary'", 1)
    before = service.registry.get_module_twin(device, "$edgeAgent").properties.desired["$version"]
    service.deploy("other", layer(drift="v1"), "tags.ring = 'elsewhere'", 5)
    service.registry.update_twin(device, Twin(tags={"note": "x"}))
    after = service.registry.get_module_twin(device, "$edgeAgent").properties.desired["$version"]
    assert after == before


def test_a_tag_moves_a_device(service: Any) -> None:
    device = service.device(ring="broad")
    service.deploy("r1", layer(taxi="v1"), "tags.ring = 'canary'", 1)
    assert images(service, device) == {}
    service.registry.update_twin(device, Twin(tags={"ring": "canary"}))
    assert images(service, device) == {"taxi": "v1"}
    service.registry.update_twin(device, Twin(tags={"ring": None}))
    assert images(service, device) == {}


def test_a_new_device_is_deployed_at_once(service: Any) -> None:
    service.deploy("r1", layer(taxi="v1"), "*", 1)
    assert images(service, service.device()) == {"taxi": "v1"}


def test_nothing_matches_keeps_what_was_there(service: Any) -> None:
    device = service.device(ring="canary")
    service.deploy("r1", layer(taxi="v1"), "tags.ring = 'canary'", 1)
    service.configurations.delete_configuration("base")
    assert images(service, device) == {"taxi": "v1"}
    assert service.statuses(device) == {"r1": "Targeted"}
    service.configurations.delete_configuration("r1")
    assert images(service, device) == {"taxi": "v1"}
    assert (service.statuses(device), modules(service, device)) == ({}, {"taxi"})


def test_a_plain_device_is_never_targeted(service: Any) -> None:
    service.device(ring="canary", edge=False)
    service.deploy("r1", layer(taxi="v1"), "*", 1)
    results = service.configurations.get_configuration("r1").system_metrics.results
    assert results["targetedCount"] == 0


def test_module_twins_get_their_desired_properties(service: Any) -> None:
    device = service.device(ring="canary")
    content = {**layer(smoke="s"), "smoke": {"properties.desired": {"release": "r1"}}}
    service.deploy("r1", content, "tags.ring = 'canary'", 1)
    assert service.desired(device, "smoke") == {"release": "r1"}
    assert service.key(device, "smoke")
    service.deploy("r2", {"$edgeAgent": {}, "smoke": {"properties.desired.release": "r2"}}, "*", 2)
    assert service.desired(device, "smoke") == {"release": "r2"}


def test_modules_that_a_person_made_stay(service: Any) -> None:
    device = service.device(ring="canary")
    service.registry.create_module_with_sas(device, "own", "me", "", "")
    service.deploy("r1", layer(taxi="v1"), "*", 1)
    service.configurations.delete_configuration("r1")
    assert modules(service, device) == {"own"}


def test_layers_of_equal_priority_that_meet_are_refused(service: Any) -> None:
    device = service.device(ring="canary")
    service.deploy("r1", layer(taxi="v1"), "tags.ring = 'canary'", 7)
    status, message = refused(service.deploy, "r2", layer(drift="v1"), "*", 7)
    assert status == 409
    assert all(word in message for word in ("r1", "r2", device, "same priority"))
    assert refused(service.configurations.get_configuration, "r2")[0] == 404
    assert images(service, device) == {"taxi": "v1"}
    service.deploy("r2", layer(drift="v1"), "tags.ring = 'broad'", 7)
    assert refused(widen, service, "r2", "*")[0] == 409
    assert service.configurations.get_configuration("r2").target_condition == "tags.ring = 'broad'"


def test_a_tag_that_would_make_them_meet_is_refused(service: Any) -> None:
    device = service.device(ring="canary", second="no")
    service.deploy("r1", layer(taxi="v1"), "tags.ring = 'canary'", 7)
    service.deploy("r2", layer(drift="v1"), "tags.second = 'yes'", 7)
    assert refused(service.registry.update_twin, device, Twin(tags={"second": "yes"}))[0] == 409
    assert service.registry.get_twin(device).tags["second"] == "no"


def test_a_deployment_that_does_not_fit_is_refused_as_a_whole(service: Any) -> None:
    device = service.device(ring="canary")
    content = layer(**{f"m{n}": "x" for n in range(9)})
    for module in content["$edgeAgent"].values():
        module["env"] = {"K": {"value": "y" * 4000}}
    status, message = refused(service.deploy, "big", content, "*", 1)
    assert status == 400
    assert "limit is 32768" in message
    assert images(service, device) == {}
    assert service.statuses(device) == {"base": "Applied"}


def test_content_for_one_device(service: Any) -> None:
    service.configurations.delete_configuration("base")
    device = service.device(ring="canary")
    content = {
        "$edgeAgent": {
            "properties.desired": {
                **BASE["$edgeAgent"]["properties.desired"],
                "modules": {"own": MODULE},
            }
        },
        "own": {"properties.desired": {"a": 1}},
    }
    apply = service.configurations.apply_configuration_on_edge_device
    apply(device, ConfigurationContent(modules_content=content))
    assert images(service, device) == {"own": MODULE["settings"]["image"]}  # type: ignore[index]
    assert service.desired(device, "own") == {"a": 1}
    wrong = ConfigurationContent(modules_content=layer(m="x"))
    assert refused(apply, device, wrong)[0] == 400
    plain = service.device(edge=False)
    assert refused(apply, plain, ConfigurationContent(modules_content=content))[0] == 400
    assert refused(apply, "nobody", ConfigurationContent(modules_content=content))[0] == 404
