"""From a module's definition to a process that can be started. Pure but for making folders."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.device.folder import DeviceFolder
from edge.device.keys import module_connection_string
from edge.device.manifest import ModuleSpec
from edge.device.ports import LOOPBACK, PortKey
from edge.device.processes import MARKER
from edge.device.substitution import module_environment, volume_source
from edge.oci import UnpackedImage
from edge.runtime import Bind, ProcessSpec, Runtime

CA_IN_MODULE = "/etc/edge-assets/hub-ca.pem"


@dataclass(frozen=True)
class HubAddress:
    """Where modules find the hub: its name, the gateway's address, the CA's file (or none)."""

    host: str
    gateway: str
    ca: Path | None


def process_spec(
    device_id: str,
    spec: ModuleSpec,
    image: UnpackedImage,
    key_b64: str,
    ports: Mapping[PortKey, int],
    folder: DeviceFolder,
    hub: HubAddress,
    runtime: Runtime,
) -> ProcessSpec:
    """What the runtime is asked to start. The folders of its binds are made.

    The identity goes in as the two variables that the device SDK reads when there is no workload
    API, so module code is the same here and on a real device.
    """
    identity = {
        "EdgeHubConnectionString": module_connection_string(
            hub.host, hub.gateway, device_id, spec.name, key_b64
        ),
        "IOTEDGE_DEVICEID": device_id,
        "IOTEDGE_MODULEID": spec.name,
        MARKER: str(folder.root.parent),
    }
    binds = []
    for volume in spec.options.volumes:
        source = volume_source(volume, folder.root)
        source.mkdir(parents=True, exist_ok=True)
        binds.append(Bind(source, volume.target, volume.read_only))
    if hub.ca is not None:
        identity["EdgeModuleCACertificateFile"] = CA_IN_MODULE
        binds.append(Bind(hub.ca, CA_IN_MODULE, True))
    command = spec.options.command
    return ProcessSpec(
        image=image,
        name=f"{device_id}-{spec.name}",
        env=module_environment(spec, ports, identity, shares_network=runtime.shares_network),
        command=list(command) if command is not None else None,
        ports={
            port: (LOOPBACK, mapped)
            for (module, port), mapped in ports.items()
            if module == spec.name
        },
        binds=binds,
        log=folder.module(spec.name) / "log",
    )
