"""The device SDK, unmodified, against the hub."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.iot.device import Message, MethodResponse
from azure.iot.device.exceptions import ClientError, CredentialError
from azure.iot.hub.models import CloudToDeviceMethod, Twin, TwinProperties
from msrest.exceptions import HttpOperationError

from tests.edge.local_hub.conftest import BASE, layer

Run = Callable[..., Any]


def until(condition: Callable[[], Any], seconds: float = 5) -> Any:
    """Waits until `condition` gives something true, and returns it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found


@pytest.fixture
def client(service: Any, background: Run) -> Iterator[Callable[..., Any]]:
    """Makes connected clients of the device SDK, and shuts them down."""
    made = []

    def make(device: str, module: str = "", **options: Any) -> Any:
        async def connect() -> Any:
            found = service.client(device, module, **options)
            made.append(found)
            await found.connect()
            return found

        return background(connect())

    yield make
    for one in made:
        background(one.shutdown())


def connection_state(service: Any, device: str, module: str = "") -> str:
    found = (
        service.registry.get_module_twin(device, module)
        if module
        else service.registry.get_twin(device)
    )
    return str(found.connection_state)


def test_connection_state_and_activity_are_kept(service: Any, client: Any, background: Run) -> None:
    device = service.device()
    assert service.registry.get_twin(device).last_activity_time.year == 1
    connected = client(device)
    assert connection_state(service, device) == "Connected"
    assert service.registry.get_device(device).connection_state == "Connected"
    first = service.registry.get_twin(device).last_activity_time
    background(connected.send_message("x"))
    assert service.registry.get_twin(device).last_activity_time > first
    background(connected.disconnect())
    until(lambda: connection_state(service, device) == "Disconnected")
    assert service.registry.get_twin(device).last_activity_time.year > 2000


def test_twin_get_and_report(service: Any, client: Any, background: Run) -> None:
    device = service.device()
    agent = client(device, "$edgeAgent")
    twin = background(agent.get_twin())
    assert twin == {"desired": {"$version": 1}, "reported": {"$version": 1}}
    background(agent.patch_twin_reported_properties({"a": {"b": 1}, "c": 2}))
    background(agent.patch_twin_reported_properties({"a": {"b": None, "d": 3}}))
    reported = service.registry.get_module_twin(device, "$edgeAgent").properties.reported
    assert (reported["a"], reported["c"], reported["$version"]) == ({"d": 3}, 2, 3)
    assert "$lastUpdated" in reported["$metadata"]["a"]


def test_a_report_that_is_too_large_is_refused(service: Any, client: Any, background: Run) -> None:
    device = service.device()
    agent = client(device)
    with pytest.raises(ClientError) as caught:
        background(agent.patch_twin_reported_properties({"x": "y" * 5000}))
    assert "400" in str(caught.value.__cause__)
    assert "x" not in service.registry.get_twin(device).properties.reported


def patches_of(connected: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    async def receive(patch: dict[str, Any]) -> None:
        found.append(patch)

    connected.on_twin_desired_properties_patch_received = receive
    return found


def test_desired_properties_are_pushed(service: Any, client: Any) -> None:
    device = service.device()
    plain = client(device)
    patches = patches_of(plain)
    service.registry.update_twin(device, Twin(properties=TwinProperties(desired={"a": 1, "b": 2})))
    service.registry.update_twin(device, Twin(properties=TwinProperties(desired={"a": None})))
    until(lambda: len(patches) == 2)
    assert patches == [{"a": 1, "b": 2, "$version": 2}, {"a": None, "$version": 3}]


def test_a_deployment_is_pushed_to_the_agent_as_the_difference(service: Any, client: Any) -> None:
    device = service.device(ring="pushed")
    service.deploy("push-base", BASE, "tags.ring = 'pushed'", 0)
    patches = patches_of(client(device, "$edgeAgent"))
    service.deploy("push-1", layer(taxi="v1"), "tags.ring = 'pushed'", 1)
    service.deploy("push-2", layer(taxi="v2"), "tags.ring = 'pushed'", 2)
    service.configurations.delete_configuration("push-2")
    service.configurations.delete_configuration("push-1")
    until(lambda: len(patches) == 4)
    assert patches[0]["modules"]["taxi"]["settings"] == {"image": "v1"}
    changes = [patch["modules"]["taxi"] for patch in patches[1:]]
    assert changes == [{"settings": {"image": "v2"}}, {"settings": {"image": "v1"}}, None]
    versions = [patch["$version"] for patch in patches]
    assert versions == list(range(versions[0], versions[0] + 4))


def test_a_module_that_is_taken_away_loses_its_connection(service: Any, client: Any) -> None:
    device = service.device(ring="taken")
    service.deploy("taken-base", BASE, "tags.ring = 'taken'", 0)
    service.deploy("taken-1", layer(taxi="v1"), "tags.ring = 'taken'", 1)
    taxi = client(device, "taxi", connection_retry=False)
    assert connection_state(service, device, "taxi") == "Connected"
    service.configurations.delete_configuration("taken-1")
    until(lambda: not taxi.connected)


def answer_with(connected: Any, run: Run, make: Callable[[Any], tuple[int, Any]]) -> None:
    async def receive(request: Any) -> None:
        status, payload = make(request)
        answer = MethodResponse.create_from_method_request(request, status, payload)
        await connected.send_method_response(answer)

    async def start() -> None:
        connected.on_method_request_received = receive

    run(start())


def call(service: Any, device: str, module: str, payload: Any, seconds: int = 5) -> Any:
    wanted = CloudToDeviceMethod(
        method_name="smokeTest", payload=payload, response_timeout_in_seconds=seconds
    )
    if module:
        return service.registry.invoke_device_module_method(device, module, wanted)
    return service.registry.invoke_device_method(device, wanted)


@pytest.mark.parametrize("module", ["", "$edgeAgent"])
def test_direct_methods(service: Any, client: Any, background: Run, module: str) -> None:
    device = service.device()
    connected = client(device, module)
    answer_with(
        connected, background, lambda request: (412, {"name": request.name, "got": request.payload})
    )
    time.sleep(0.1)
    result = call(service, device, module, {"deep": [1, None]})
    assert result.status == 412
    assert result.payload == {"name": "smokeTest", "got": {"deep": [1, None]}}


def refused(call_: Callable[[], Any]) -> tuple[int, dict[str, Any]]:
    with pytest.raises(HttpOperationError) as caught:
        call_()
    response = caught.value.response
    inner: dict[str, Any] = json.loads(response.json()["Message"])
    return response.status_code, inner


def test_a_method_of_who_is_not_connected_is_a_404(service: Any) -> None:
    device = service.device()
    status, inner = refused(lambda: call(service, device, "$edgeAgent", None))
    assert (status, inner["errorCode"]) == (404, 404103)
    assert inner["message"] == "Timed out waiting for device to connect."


def test_a_method_that_is_not_answered_is_a_504(service: Any, client: Any, background: Run) -> None:
    device = service.device()
    answered = asyncio.Event()
    connected = client(device)

    async def forget(request: Any) -> None:
        answered.set()

    async def start() -> None:
        connected.on_method_request_received = forget

    background(start())
    time.sleep(0.1)
    start_time = time.monotonic()
    status, inner = refused(lambda: call(service, device, "", None, seconds=1))
    assert (status, inner["errorCode"], inner["info"]["timeout"]) == (504, 504101, "00:00:01")
    assert 0.9 < time.monotonic() - start_time < 3
    assert answered.is_set()


def test_methods_of_unknown_devices_and_wrong_deadlines_are_refused(service: Any) -> None:
    device = service.device()
    for arguments, status in (
        ((service, "nobody", "", None), 404),
        ((service, device, "", None, 0), 400),
    ):
        with pytest.raises(HttpOperationError) as caught:
            call(*arguments)
        assert caught.value.response.status_code == status


def test_messages_are_routed_to_files(service: Any, client: Any, background: Run) -> None:
    device = service.device()
    agent = client(device, "$edgeAgent")

    async def send() -> None:
        async def one(number: int) -> None:
            message: Any = Message(json.dumps([{"request_id": number}]))  # type: ignore[no-untyped-call]
            message.content_type, message.content_encoding = "application/json", "utf-8"
            message.custom_properties = {"kind": "capture", "model": "nyc taxi&+"}
            await agent.send_message(message)

        await asyncio.gather(*(one(number) for number in range(50)))

    background(send())

    def lines() -> list[dict[str, Any]]:
        files = service.hub.telemetry.rglob("*.json")
        found = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        return [one for one in found if one["SystemProperties"]["connectionDeviceId"] == device]

    found = until(lambda: (all_ := lines()) and len(all_) == 50 and all_)
    assert sorted(one["Body"][0]["request_id"] for one in found) == list(range(50))
    assert found[0]["Properties"] == {"kind": "capture", "model": "nyc taxi&+"}
    assert found[0]["SystemProperties"]["connectionModuleId"] == "$edgeAgent"


def test_a_wrong_key_is_refused(service: Any, client: Any) -> None:
    device, other = service.device(), service.device()
    for options in (
        {"key": service.key(other)},
        {"module": "$edgeHub", "key": service.key(device)},
    ):
        with pytest.raises(CredentialError):
            client(device, **options)
    assert connection_state(service, device) == "Disconnected"


def test_a_second_connection_displaces_the_first(service: Any, client: Any) -> None:
    device = service.device()
    first = client(device, connection_retry=False)
    second = client(device, connection_retry=False)
    until(lambda: not first.connected)
    assert second.connected
    assert connection_state(service, device) == "Connected"


@pytest.mark.parametrize("end", ["delete", "disable"])
def test_deleting_or_disabling_a_device_ends_its_connection(
    service: Any, client: Any, end: str
) -> None:
    device = service.device()
    connected, key = client(device, connection_retry=False), service.key(device)
    if end == "delete":
        service.registry.delete_device(device)
    else:
        update = service.registry.update_device_with_sas
        update(device, "*", key, key, "disabled", iot_edge=True)
    until(lambda: not connected.connected)


def test_a_client_that_comes_back_need_not_subscribe_again(
    service: Any, client: Any, background: Run
) -> None:
    device = service.device()
    plain = client(device)
    patches = patches_of(plain)
    background(plain.get_twin())  # subscribes to the answers that the SDK asks for on its return
    background(plain.disconnect())
    service.registry.update_twin(device, Twin(properties=TwinProperties(desired={"a": 1})))
    background(plain.connect())
    until(lambda: patches)
    service.registry.update_twin(device, Twin(properties=TwinProperties(desired={"b": 1})))
    until(lambda: len(patches) == 2)
    assert patches[1] == {"b": 1, "$version": 3}
