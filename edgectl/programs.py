"""What the supervisor runs: commands, environments and signs of readiness of each program."""

import contextlib
import json
import os
import socket
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_assets import commit
from edge_assets.core import folders
from edgectl.child import ChildSpec
from edgectl.local_environment import HubAddress, read_hub_address
from protos.errors import Unavailable
from resources.dagster_home import prepare_dagster_home
from resources.settings import VARIABLES

CHECKOUT = Path(__file__).resolve().parents[1]
HUB, FLEET, WEBSERVER, DAEMON = "hub", "fleet", "dagster-webserver", "dagster-daemon"
STOP_ORDER = ((WEBSERVER, DAEMON, FLEET), (HUB,))

_FIRST_UI_PORT = 3000
_ASK_SECONDS = 2.0
_PLACES = ("artifacts", "landing", "quarantine")
"""Settings of where things lie that are the user's choice, in the local environment too."""
_ALERTS = tuple(
    variable
    for field, variable in VARIABLES.items()
    if field.startswith(("alert_", "smtp_")) or field == "dagster_url"
)
_DAEMONS = "{instance{daemonHealth{allDaemonStatuses{daemonType healthy required}}}}"


def plain_environment(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`env` without our own variables, so that no child gets a secret which is not meant for it."""
    kept = {name: value for name, value in env.items() if not name.startswith("EDGE_")}
    runtime = {"EDGE_RUNTIME": env["EDGE_RUNTIME"]} if env.get("EDGE_RUNTIME") else {}
    quiet = {
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",
        "ORT_DISABLE_TELEMETRY": "1",
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "DO_NOT_TRACK": "1",
    }
    return {**kept, **quiet, **runtime}


def chosen_places(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables of `env` that say where artifacts and deliveries lie, with absolute paths."""
    return {
        name: env[name] if "://" in env[name] else _absolute(env[name])
        for name in (VARIABLES[field] for field in _PLACES)
        if env.get(name)
    }


def code_environment(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables of `env` that are for Dagster: those that name the user's models and their
    commit, and those of alerts, which its sensor sends.

    Paths are absolute: the user's mean the user's folder, and Dagster works in another one.
    """
    kept = {commit.VARIABLE: env[commit.VARIABLE]} if env.get(commit.VARIABLE) else {}
    roots = [root for root in env.get(folders.VARIABLE, "").split(os.pathsep) if root]
    if roots:
        kept[folders.VARIABLE] = os.pathsep.join(map(_absolute, roots))
    return kept | {name: env[name] for name in _ALERTS if env.get(name)}


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())


def hub_program(home: Path, made: Mapping[str, str]) -> ChildSpec:
    """The local hub with its registry."""
    return ChildSpec(
        name=HUB,
        command=(sys.executable, "-m", "edge.local_hub", "--state", str(home / "hub")),
        environment={
            **plain_environment(),
            "EDGE_HUB_KEY": made["EDGE_HUB_KEY"],
            "EDGE_REGISTRY_PASSWORD": made["EDGE_REGISTRY_PASSWORD"],
        },
        folder=CHECKOUT,
        log=home / "logs" / f"{HUB}.log",
        stop_seconds=2.5,
    )


def fleet_program(
    home: Path, made: Mapping[str, str], hub: HubAddress, devices: Sequence[str]
) -> ChildSpec:
    """All simulated devices, in one process."""
    return ChildSpec(
        name=FLEET,
        command=(
            *(sys.executable, "-m", "edge.device", "--state", str(home / "devices")),
            *("--devices", ",".join(devices), "--hub", hub.host),
            *("--gateway", hub.gateway, "--ca", hub.ca),
        ),
        environment={**plain_environment(), "EDGE_FLEET_KEY": made["EDGE_FLEET_KEY"]},
        folder=CHECKOUT,
        log=home / "logs" / f"{FLEET}.log",
        stop_seconds=9.5,
    )


def dagster_programs(home: Path, variables: Mapping[str, str], port: int) -> list[ChildSpec]:
    """Dagster's web server and its daemon (sensors, automation, the queue of runs)."""
    folder = prepare_dagster_home(home)
    environment = {
        **plain_environment(),
        **code_environment(),
        **variables,
        "DAGSTER_HOME": str(folder),
    }
    workspace = ("-w", str(CHECKOUT / "workspace.yaml"))
    address = ("-h", "127.0.0.1", "-p", str(port))
    bin_folder = Path(sys.executable).parent
    arguments = {WEBSERVER: (*address, *workspace), DAEMON: ("run", *workspace)}
    return [
        ChildSpec(
            name=name,
            command=(str(bin_folder / name), *arguments[name]),
            environment=environment,
            folder=CHECKOUT,
            log=home / "logs" / f"{name}.log",
            stop_seconds=4.0,
        )
        for name in (WEBSERVER, DAEMON)
    ]


def free_port(first: int = _FIRST_UI_PORT, tries: int = 100) -> int:
    """The first port from `first` on that nobody listens at; Unavailable when there is none."""
    for port in range(first, first + tries):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise Unavailable(
        f"no port is free from {first} to {first + tries - 1}", remedy="stop a program that has one"
    )


def hub_ready(home: Path, pid: Callable[[], int | None]) -> Callable[[], bool]:
    """Ready when the hub of this very process has written its address and takes connections."""

    def probe() -> bool:
        address = read_hub_address(home / "hub")
        return address is not None and address.pid == pid() and answers(address)

    return probe


def answers(hub: HubAddress) -> bool:
    """Whether the hub completes a TLS handshake that its own CA vouches for."""
    host, _, port = hub.host.rpartition(":")
    try:
        context = ssl.create_default_context(cafile=hub.ca)
        with (
            socket.create_connection((host, int(port)), _ASK_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return True
    except (OSError, ValueError):
        return False


def webserver_ready(port: int) -> Callable[[], bool]:
    """Ready when it tells its version."""
    return lambda: ask(f"http://127.0.0.1:{port}/server_info") is not None


def daemon_ready(port: int) -> Callable[[], bool]:
    """Ready when every daemon that Dagster needs has given a sign of life."""

    def probe() -> bool:
        found = ask(f"http://127.0.0.1:{port}/graphql", {"query": _DAEMONS})
        try:
            daemons = (found or {})["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]
            return all(daemon["healthy"] for daemon in daemons if daemon["required"])
        except (KeyError, TypeError):
            return False

    return probe


def ask(url: str, body: Mapping[str, str] | None = None) -> dict[str, Any] | None:
    """The JSON object at a loopback `url`, or None when there is no such answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 - http to loopback, made above
        url, data=data, headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_ASK_SECONDS) as answer:  # noqa: S310
            found = json.loads(answer.read(1 << 20))
    except (OSError, ValueError, urllib.error.URLError):
        return None
    return found if isinstance(found, dict) else None
