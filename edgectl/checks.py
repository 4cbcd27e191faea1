"""What `edgectl doctor` looks at. Each check is one question with a deadline, in plain words."""

import json
import os
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from edgectl.leftovers import started_at
from edgectl.programs import ask
from protos.errors import ConfigurationError, EdgeAssetsError
from resources.settings import Settings

_LEAST_FREE_BYTES = 3 << 30  # images of one release and their unpacked layers, with room to spare
_PACKAGES = ("dagster", "azure-iot-hub", "azure-iot-device", "onnxruntime", "grpcio", "pandas")


@dataclass(frozen=True)
class Finding:
    """The answer of one check. `state` is ok, warning or problem; the rest is empty when ok."""

    check: str
    state: str
    found: str
    cause: str = ""
    remedy: str = ""


def python_version() -> Finding:
    """The interpreter is one that the locked dependencies exist for."""
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] < (3, 14):
        return Finding("python", "ok", version)
    return Finding(
        "python", "problem", version, "needed is 3.11 to 3.13", "make clean up PYTHON=python3.12"
    )


def packages() -> Finding:
    """What the product stands on is installed."""
    missing = []
    for name in _PACKAGES:
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        cause = f"missing: {', '.join(missing)}"
        return Finding("packages", "problem", "incomplete", cause, "make setup")
    return Finding("packages", "ok", f"{len(_PACKAGES)} of {len(_PACKAGES)}")


def models() -> list[Finding]:
    """Every edge model can be loaded, and the code of those that are not shipped be imported.

    The code that is shipped is tested here, and takes seconds to import.
    """
    from edge_assets.broken import Broken
    from edge_assets.core.folders import SHIPPED, model_folders
    from edge_assets.factory import load_models

    try:
        loaded, broken = load_models(model_folders().values())
    except EdgeAssetsError as error:  # of EDGE_MODELS as a whole
        return [Finding("models", "problem", error.what, error.why or error.what, error.remedy)]
    good = []
    for model in (each.chain.model for each in loaded):
        try:
            if model.folder.parent != SHIPPED.resolve():
                model.import_code()
            good.append(model.config.name)
        except ConfigurationError as error:
            broken.append(Broken(model.folder, error))
    found = [Finding("models", "ok", ", ".join(good))] if good else []
    for each in broken:
        told = each.error
        cause = f"{told.what}: {told.why}" if told.why else told.what
        remedy = told.remedy or f"mend {each.folder}"
        found.append(Finding("models", "problem", f"{each.name} is broken", cause, remedy))
    return found


def disk(home: Path, free: Callable[[Path], int] | None = None) -> Finding:
    """There is room for images and captures."""
    place = next(path for path in (home, *home.parents) if path.exists())
    left = free(place) if free else shutil.disk_usage(place).free
    found = f"{left / (1 << 30):.1f} GiB free at {place}"
    if left >= _LEAST_FREE_BYTES:
        return Finding("disk", "ok", found)
    cause = f"a release needs up to {_LEAST_FREE_BYTES >> 30} GiB while it is built and unpacked"
    return Finding("disk", "warning", found, cause, "free some, or set EDGE_HOME elsewhere")


def state_folder(home: Path) -> Finding:
    """The home can be written to."""
    place = next(path for path in (home, *home.parents) if path.exists())
    if os.access(place, os.W_OK):
        return Finding("state folder", "ok", str(home))
    return Finding(
        "state folder",
        "problem",
        str(home),
        f"{place} cannot be written to by this user",
        f"chown it, or set EDGE_HOME; see: ls -ld {place}",
    )


def supervisor(home: Path) -> Finding:
    """Whether `edgectl up` runs here, and whether all its children live."""
    try:
        noted = json.loads((home / "children.json").read_text())
        states = {
            name: started_at(entry["pid"]) == entry["started"] for name, entry in noted.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Finding("processes", "warning", "nothing runs here", "not started yet", "edgectl up")
    dead = sorted(name for name, alive in states.items() if not alive)
    if dead:
        return Finding(
            "processes",
            "problem",
            f"not running: {', '.join(dead)}",
            "they ended, or the supervisor was killed",
            f"read {home}/logs/{dead[0]}.log; start again with: edgectl up",
        )
    return Finding("processes", "ok", ", ".join(sorted(states)))


def mqtt_port(taken: Callable[[str], bool] | None = None) -> Finding:
    """The device SDK knows one MQTT port only; some loopback address must have it free."""
    is_taken = taken or _is_taken
    for number in range(2, 255):
        if not is_taken(f"127.0.0.{number}"):
            return Finding("mqtt port", "ok", f"127.0.0.{number}:8883 is free")
    return Finding(
        "mqtt port",
        "problem",
        "8883 is taken on every loopback address",
        "something listens on 0.0.0.0:8883",
        "stop it: ss -ltnp 'sport = :8883'",
    )


def _is_taken(host: str) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, 8883))
        except OSError:
            return True
    return False


def runtime() -> Finding:
    """By what means simulated devices run their images."""
    from edge.runtime import best_runtime

    try:
        best = best_runtime(os.environ.get("EDGE_RUNTIME"))
    except EdgeAssetsError as error:
        return Finding("runtime", "problem", error.what, error.why, error.remedy)
    found = f"{best.rung}: {best.isolation}"
    if best.image_bytes_verified:
        return Finding("runtime", "ok", found)
    return Finding(
        "runtime",
        "warning",
        found,
        "on this rung modules run with the host's own Python, not with the bytes of the image",
        "install docker, podman or bubblewrap",
    )


def hub(settings: Settings) -> Finding:
    """The hub answers and takes our key."""
    from resources.hub import Hub

    try:
        agents = Hub.from_settings(settings).edge_agents()
    except EdgeAssetsError as error:
        return Finding("hub", "problem", error.what, error.why, error.remedy)
    silent = sorted(twin.device_id for twin in agents if not twin.connected)
    found = f"{len(agents) - len(silent)} of {len(agents)} devices connected"
    if not agents:
        return Finding("hub", "warning", found, "no device was made", "edgectl fleet create")
    if silent:
        named = ", ".join(silent[:5]) + (", ..." if silent[5:] else "")
        return Finding(
            "hub", "warning", found, f"silent: {named}", f"edgectl fleet show {silent[0]}"
        )
    return Finding("hub", "ok", found)


def registry(settings: Settings) -> Finding:
    """The registry answers over TLS that its CA vouches for."""
    import ssl
    import urllib.error
    import urllib.request

    try:
        url = f"https://{settings.registry}/v2/"
        ca = settings.registry_ca
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
        with urllib.request.urlopen(url, timeout=5, context=context):
            return Finding("registry", "ok", settings.registry)
    except EdgeAssetsError as error:
        return Finding("registry", "problem", error.what, error.why, error.remedy)
    except urllib.error.HTTPError as error:
        if error.code == 401:  # it is there and asks who we are
            return Finding("registry", "ok", settings.registry)
        cause = f"it answered {error.code}"
    except OSError as error:
        cause = str(getattr(error, "reason", error))
    return Finding(
        "registry", "problem", settings.registry, cause, "check EDGE_REGISTRY, EDGE_REGISTRY_CA"
    )


def alerts(settings: Settings) -> Finding:
    """Whether people are told what needs them. Nothing is sent: `edgectl alerts test` does."""
    from resources.alerts import HOW_TO, channels_of

    try:
        names = [channel.name for channel in channels_of(settings)]
    except EdgeAssetsError as error:
        return Finding("alerts", "problem", error.what, error.why, error.remedy)
    if names:
        return Finding("alerts", "ok", f"{' and '.join(names)}; try: edgectl alerts test")
    if settings.environment == "local":
        return Finding("alerts", "ok", f"off; to be told, {HOW_TO}")
    return Finding("alerts", "warning", "off", "nobody is told what needs people", HOW_TO)


def dagster(port: int = 3000) -> Finding:
    """The UI answers at the port that `edgectl up` tries first."""
    found = ask(f"http://127.0.0.1:{port}/server_info")
    if found and "dagster_version" in found:
        return Finding("dagster", "ok", f"{found['dagster_version']} at http://127.0.0.1:{port}")
    return Finding(
        "dagster",
        "warning",
        f"no UI at port {port}",
        "it is not started, or on another port since this one was taken",
        "edgectl up says its address",
    )
