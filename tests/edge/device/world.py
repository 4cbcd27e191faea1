"""A hub, a registry and an operator for tests of a fleet; modules are tiny and run anywhere."""

import base64
import contextlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azure.iot.hub import IoTHubConfigurationManager, IoTHubRegistryManager
from azure.iot.hub.models import ConfigurationContent

from edge.device.config import AgentConfig
from edge.device.fleet import Fleet, FleetSettings, running_fleet
from edge.device.keys import derive_device_key
from edge.device.launch import HubAddress
from edge.local_hub.testing import RunningHub, running_hub
from edge.oci import BlobStore, RegistryClient
from edge.oci.descriptors import CONFIG, LAYER_TAR, MANIFEST, MOUNT_ANNOTATION
from edge.oci.layer import Entry, write_tar
from edge.runtime import best_runtime

GROUP = base64.b64encode(b"group key of the fleet").decode()
CONFIG_SHORT = AgentConfig(
    backoff_seconds=0.3, tick_seconds=0.05, heartbeat_seconds=1.0, retry_seconds=0.1
)
MODULE = b"""
import os, signal, socket, sys, threading
from pathlib import Path
from azure.iot.device import IoTHubModuleClient
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
client = IoTHubModuleClient.create_from_edge_environment()
client.connect()
model = (Path(os.environ["MODEL_PATH"]) / "model.txt").read_text()
if "CAPTURE_DIR" in os.environ:
    (Path(os.environ["CAPTURE_DIR"]) / "capture").write_text(model)
host, _, port = os.environ.get("INFERENCE_ADDRESS", "127.0.0.1:0").rpartition(":")
server = socket.create_server((host, int(port)))
client.patch_twin_reported_properties(
    {"model": model, "pid": os.getpid(), "target": os.environ.get("INFERENCE_TARGET", "")}
)
while True:
    connection, _ = server.accept()
    connection.sendall(model.encode())
    connection.close()
"""


def tiny_image(store: BlobStore, model: str) -> str:
    """An image with the module above and a model layer of one file; returns its digest."""

    def layer(entries: list[Entry], **fields: Any) -> Any:
        tar = io.BytesIO()
        write_tar(entries, tar)
        return store.add_bytes(tar.getvalue(), LAYER_TAR, **fields)

    base = layer([Entry("opt/app/tiny_module.py", MODULE)])
    mounted = layer(
        [Entry("model/model.txt", model.encode())], annotations={MOUNT_ANNOTATION: "/model"}
    )
    env = ["PYTHONPATH=/opt/app", "MODEL_PATH=/model"]
    config = store.add_json(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": ["python", "-m", "tiny_module"], "Env": env},
            "rootfs": {"type": "layers", "diff_ids": [base.digest, mounted.digest]},
        },
        CONFIG,
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.to_json(),
        "layers": [base.to_json(), mounted.to_json()],
    }
    digest: str = store.add_json(manifest, MANIFEST).digest
    return digest


def wait_for(what: Callable[[], Any], seconds: float = 20.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.05)
    return value


@dataclass
class World:
    """The hub, seen by an operator, and the folder of a fleet."""

    hub: RunningHub
    folder: Path
    manager: Any
    configurations: Any

    def image(self, model: str) -> str:
        store = BlobStore(self.folder / "images")
        digest = tiny_image(store, model)
        RegistryClient(
            self.hub.registry,
            ca=self.hub.ca,
            username=self.hub.registry_username,
            password=self.hub.registry_password,
        ).push(store, digest, "tiny")
        return f"{self.hub.registry}/tiny@{digest}"

    def register(self, *devices: str) -> None:
        for device in devices:
            key = derive_device_key(GROUP, device)
            self.manager.create_device_with_sas(device, key, key, "enabled", iot_edge=True)

    def deploy(self, device: str, modules: dict[str, Any]) -> None:
        system = {
            name: {
                "type": "docker",
                "status": "running",
                "restartPolicy": "always",
                "settings": {"image": f"mcr.microsoft.com/{name.lower()}:1.6"},
            }
            for name in ("edgeAgent", "edgeHub")
        }
        runtime = {"type": "docker", "settings": {"minDockerVersion": "v1.25"}}
        agent = {"schemaVersion": "1.1", "runtime": runtime, "systemModules": system}
        content = {
            "$edgeAgent": {"properties.desired": {**agent, "modules": modules}},
            "$edgeHub": {"properties.desired": {"schemaVersion": "1.1", "routes": {}}},
        }
        self.configurations.apply_configuration_on_edge_device(
            device, ConfigurationContent(modules_content=content)
        )

    @contextlib.contextmanager
    def fleet(self, *devices: str) -> Iterator[Fleet]:
        settings = FleetSettings(
            self.folder / "fleet",
            devices,
            HubAddress(self.hub.host, self.hub.gateway, self.hub.ca),
            GROUP,
        )
        with running_fleet(settings, best_runtime("host python"), CONFIG_SHORT) as fleet:
            yield fleet

    def report(self, device: str) -> Any:
        twin = self.manager.get_module_twin(device, "$edgeAgent").properties
        return twin.reported, twin.desired

    def settled(self, device: str, code: int) -> Any:
        """The report, once it is about the newest desired version and has this code."""

        def look() -> Any:
            reported, desired = self.report(device)
            if reported.get("lastDesiredVersion") != desired["$version"]:
                return None
            return reported if reported["lastDesiredStatus"]["code"] == code else None

        return wait_for(look)

    def says(self, device: str, module: str, key: str) -> Any:
        return self.manager.get_module_twin(device, module).properties.reported.get(key)

    def state(self, device: str) -> Any:
        return json.loads((self.folder / "fleet" / device / "state.json").read_text())


def managers(hub: RunningHub) -> tuple[Any, Any]:
    both = (
        IoTHubRegistryManager.from_connection_string(hub.connection_string),
        IoTHubConfigurationManager.from_connection_string(hub.connection_string),
    )
    for one in both:
        one.protocol.config.connection.verify = str(hub.ca)
    return both


@contextlib.contextmanager
def again(folder: Path, hub: RunningHub) -> Iterator[RunningHub]:
    """The same hub, restarted."""
    with running_hub(
        folder, owner_key=hub.owner_key, registry_password=hub.registry_password
    ) as restarted:
        assert restarted.host == hub.host
        yield restarted


@contextlib.contextmanager
def command(world: World, key: str = GROUP) -> Iterator["subprocess.Popen[bytes]"]:
    """`python -m edge.device` as a process of its own."""
    hub = world.hub
    arguments = ["--state", str(world.folder / "fleet"), "--devices", "line-1", "--hub", hub.host]
    arguments += ["--gateway", hub.gateway, "--ca", str(hub.ca), "--backoff-seconds", "0.3"]
    with subprocess.Popen(
        [sys.executable, "-m", "edge.device", *arguments],
        env={**os.environ, "EDGE_FLEET_KEY": key, "EDGE_RUNTIME": "host python"},
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def module(image: str, **fields: Any) -> dict[str, Any]:
    return {
        "type": "docker",
        "status": "running",
        "restartPolicy": "always",
        **fields,
        "settings": {"image": image, "createOptions": fields.pop("options", "{}")},
    }


def scorer(image: str) -> dict[str, Any]:
    options = {
        "HostConfig": {
            "PortBindings": {"8081/tcp": [{"HostPort": "50051"}]},
            "Binds": ["/var/lib/edge-assets/m/captures:/captures"],
        }
    }
    spec = module(image, env={"CAPTURE_DIR": {"value": "/captures"}})
    spec["settings"]["createOptions"] = json.dumps(options)
    return spec
