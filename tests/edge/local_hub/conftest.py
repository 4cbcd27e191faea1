"""A running hub per test module, and the two real SDKs pointed at it."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
from azure.iot.device.aio import IoTHubDeviceClient, IoTHubModuleClient
from azure.iot.hub import IoTHubConfigurationManager, IoTHubRegistryManager
from azure.iot.hub.models import Configuration, ConfigurationContent, Twin

from edge.local_hub.limits import Limits
from edge.local_hub.testing import RunningHub, running_hub

MODULE = {"type": "docker", "status": "running", "settings": {"image": "x@sha256:1"}}
BASE: dict[str, Any] = {
    "$edgeAgent": {
        "properties.desired": {
            "schemaVersion": "1.1",
            "runtime": {"type": "docker"},
            "systemModules": {
                "edgeAgent": {"type": "docker", "settings": {"image": "agent"}},
                "edgeHub": {"type": "docker", "settings": {"image": "hub"}},
            },
            "modules": {},
        }
    },
    "$edgeHub": {"properties.desired": {"schemaVersion": "1.1", "routes": {}}},
}


def layer(**images: str) -> dict[str, Any]:
    """The content of a layered deployment: module name -> image."""
    return {
        "$edgeAgent": {
            f"properties.desired.modules.{name}": {**MODULE, "settings": {"image": image}}
            for name, image in images.items()
        }
    }


@dataclass
class Service:
    """The service SDK against one hub."""

    hub: RunningHub
    registry: Any
    configurations: Any
    session: requests.Session = field(default_factory=requests.Session)

    def device(self, ring: str = "none", *, edge: bool = True, **tags: Any) -> str:
        """A new device with tags; its id."""
        name = f"d-{uuid.uuid4().hex[:8]}"
        self.registry.create_device_with_sas(name, "", "", "enabled", iot_edge=edge)
        self.registry.update_twin(name, Twin(tags={"ring": ring, **tags}))
        return name

    def deploy(self, name: str, content: dict[str, Any], condition: str, priority: int) -> Any:
        """A new configuration."""
        return self.configurations.create_configuration(
            Configuration(
                id=name,
                schema_version="1.0",
                labels={},
                priority=priority,
                target_condition=condition,
                content=ConfigurationContent(modules_content=content),
            )
        )

    def desired(self, device: str, module: str = "$edgeAgent") -> dict[str, Any]:
        """The desired properties of a module, without metadata."""
        found = self.registry.get_module_twin(device, module).properties.desired
        return {k: v for k, v in found.items() if not k.startswith("$")}

    def statuses(self, device: str) -> dict[str, str]:
        """Configuration id -> Applied or Targeted, of one device."""
        twin = self.registry.get_module_twin(device, "$edgeAgent")
        found = twin.additional_properties["configurations"]
        return {name: entry["status"] for name, entry in found.items()}

    def key(self, device: str, module: str = "") -> str:
        """The primary key of an identity."""
        found = (
            self.registry.get_module(device, module) if module else self.registry.get_device(device)
        )
        return str(found.authentication.symmetric_key.primary_key)

    def client(self, device: str, module: str = "", *, key: str = "", **options: Any) -> Any:
        """An (unconnected) client of the device SDK."""
        text = f"HostName={self.hub.host};DeviceId={device};"
        text += f"ModuleId={module};" if module else ""
        text += f"SharedAccessKey={key or self.key(device, module)};"
        text += f"GatewayHostName={self.hub.gateway}"
        kind = IoTHubModuleClient if module else IoTHubDeviceClient
        return kind.create_from_connection_string(
            text, server_verification_cert=self.hub.ca.read_text(), **options
        )


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    limits = Limits(method_timeout_seconds=(1, 300))
    with running_hub(tmp_path_factory.mktemp("hub"), limits=limits) as hub:
        yield connect(hub)


def connect(hub: RunningHub) -> Service:
    """The service SDK, trusting the hub's CA."""
    managers = []
    for kind in (IoTHubRegistryManager, IoTHubConfigurationManager):
        manager = kind.from_connection_string(hub.connection_string)
        manager.protocol.config.connection.verify = str(hub.ca)
        manager.protocol.config.keep_alive = True
        managers.append(manager)
    service = Service(hub, *managers)
    service.session.verify = str(hub.ca)
    service.session.trust_env = False  # a bundle named in the environment would win
    return service


@pytest.fixture(scope="module")
def background() -> Iterator[Callable[..., Any]]:
    """Runs a coroutine on a loop in another thread: the device SDK keeps it over several calls."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(coroutine: Any, seconds: float = 10) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(coroutine, loop)
        return future.result(seconds)

    yield run
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """An empty state folder."""
    return tmp_path / "state"
