"""How a module that expects a device of its own is fitted onto a shared machine. Pure.

On a device, modules reach each other by name and see the device's folders. Here a name becomes a
port on loopback, and a folder of the device becomes a folder below the device's own.
"""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from edge.device.create_options import Volume
from edge.device.manifest import ModuleSpec
from edge.device.ports import LOOPBACK, PortKey

INFERENCE_PORT = 8081


def replace_targets(value: str, ports: Mapping[PortKey, int]) -> str:
    """`value` with each `<module>:<container port>` replaced by where it is on this machine.

    Only whole names and whole ports count: `nyc_taxi:8081` is not found in `my_nyc_taxi:80810`.
    """
    for (module, port), mapped in ports.items():
        pattern = rf"(?<![\w.-]){re.escape(module)}:{port}(?!\d)"
        value = re.sub(pattern, f"{LOOPBACK}:{mapped}", value)
    return value


def module_environment(
    spec: ModuleSpec,
    ports: Mapping[PortKey, int],
    identity: Mapping[str, str],
    *,
    shares_network: bool,
) -> dict[str, str]:
    """The environment of a module, beyond what its image sets.

    Create options come first, the manifest's env beats them, the identity beats both. Where the
    network is shared, the module that publishes the inference port is told which one is its own.
    """
    env = {**dict(spec.options.env), **dict(spec.env)}
    if shares_network:
        env = {key: replace_targets(value, ports) for key, value in env.items()}
        # an address to listen at: the port of the device stands for another one of this machine
        mine = {
            f"0.0.0.0:{p}": f"{LOOPBACK}:{m}" for (name, p), m in ports.items() if name == spec.name
        }
        env = {key: mine.get(value, value) for key, value in env.items()}
        own = ports.get((spec.name, INFERENCE_PORT))
        if own is not None:
            env["INFERENCE_ADDRESS"] = f"{LOOPBACK}:{own}"
    return {**env, **identity}


def volume_source(volume: Volume, device_folder: Path) -> Path:
    """Where a bind's source lies: an absolute path below `device/root`, a name in `volumes`."""
    source = PurePosixPath(volume.source)
    if source.is_absolute():
        return device_folder / "root" / source.relative_to("/")
    return device_folder / "volumes" / source


def endpoints(module: str, ports: Mapping[PortKey, int]) -> dict[str, str]:
    """`{"8081": "127.0.0.1:50051"}`: where the published ports of one module are."""
    return {
        str(port): f"{LOOPBACK}:{mapped}"
        for (name, port), mapped in sorted(ports.items())
        if name == module
    }
